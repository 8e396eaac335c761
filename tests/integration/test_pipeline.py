"""The pipeline of the page about CI: its files and commands, with a remote cache, on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.build_root import (
    REPOSITORY,
    BuildRoot,
    Finished,
    build_root,
    patient,
)
from tests.support.documented import Command, WrittenFile, steps
from tests.support.histograms import with_histograms
from tests.support.pants_under_test import PANTS, pants_environment
from tests.support.remote_execution import remote_cache

PAGE = (REPOSITORY / "docs/how-to/ci.md").read_text(encoding="utf-8")
COMMANDS = [step.text for step in steps(PAGE) if isinstance(step, Command)]
LOCK, PACKAGE, PUBLISH_ALL, PUBLISH, PROMOTE = COMMANDS
CHANGED = "pants --changed-since=HEAD~1 --changed-dependents=transitive "
GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
APPS = ("app-count", "app-greet")
# A machine of CI has none; ours have one where several commands follow each other.
DAEMON = {"PANTS_PANTSD": "true"}

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Machine:
    """A machine of CI: its folder starts empty."""

    folder: Path
    path: Path
    """Of the build root."""
    programs: Path

    def run(self, command: str, **variables: str) -> Finished:
        """Type a command, which has to succeed."""
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("PANTS_")},
            **{name: text for name, text in os.environ.items() if name == "PANTS_CA_CERTS_PATH"},
            **pants_environment(),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PYTHONPATH": "",
            "PANTS_CONFIG_FILES": "pants.ci.toml",
            "PANTS_PANTSD": "false",
            "PANTS_LEVEL": "debug",
            "PANTS_LOCAL_STORE_DIR": str(self.folder / "store"),
            "PANTS_NAMED_CACHES_DIR": str(self.folder / "caches"),
            **variables,
        }
        done = patient(
            ["bash", "-c", command], cwd=self.path, env=environment, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"{command}:\n{done.stderr}\n{done.stdout}"
        return Finished(done.returncode, done.stdout, done.stderr)

    def stored(self, hashes: Mapping[str, str]) -> set[str]:
        """Those of some blobs that its local store has the bytes of: their names."""
        files = [path for path in (self.folder / "store").rglob("*") if path.is_file()]
        names = {path.name for path in files}
        content = b"".join(path.read_bytes() for path in files if path.name == "data.mdb")
        # The keys of blobs are bytes; where a hash is written in another blob, it is text.
        return {
            name
            for sha256, name in hashes.items()
            if sha256 in names or bytes.fromhex(sha256) in content
        }


@dataclass(frozen=True)
class Site:
    """A repository of code, a remote cache, and a repository of layers."""

    root: BuildRoot
    layers: Path
    first: Machine
    histograms: Mapping[str, str]
    """Variables with which Pants counts the bytes from and to the remote cache."""

    def machine(self, name: str) -> Machine:
        """A new machine."""
        return Machine(self.root.path.parent / name, self.root.path, self.first.programs)

    def git(self, *arguments: str) -> str:
        """What git says in the repository of code."""
        done = subprocess.run(
            [*GIT, *arguments], cwd=self.root.path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self) -> None:
        """Commit all files."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=An edit")

    def read(self, pattern: str) -> dict[str, bytes]:
        """Files of the repository of layers, by their keys."""
        return {
            path.relative_to(self.layers).as_posix(): path.read_bytes()
            for path in sorted(self.layers.glob(pattern))
            if path.is_file()
        }

    def channels(self) -> dict[str, str]:
        """The version that each channel points at."""
        found = {}
        for key, content in self.read("channels/*/*/*.json").items():
            (manifest,) = json.loads(content)["signed"]["targets"]
            found["/".join(key.split("/")[1:3])] = manifest.split("/")[2]
        return found

    def segments(self) -> dict[str, str]:
        """The segments of wheels and of interpreters, by their hashes."""
        return {
            segment["sha256"]: segment["source"]
            for content in self.read("layers/*/*/*.json").values()
            for segment in json.loads(content)["segments"]
            if segment["source"] != "layer"
        }

    def released(self, version: str) -> dict[str, dict[str, object]]:
        """What the manifests of a version say, by the name of the release."""
        found = {}
        for key, content in self.read(f"stacks/*/{version}/*.json").items():
            said = json.loads(content)
            assert said.pop("version") == version
            found[key.split("/")[1]] = said
        return found


def moved_bytes(done: Finished) -> dict[str, int]:
    """How many bytes went from and to the remote cache, as Pants counts them."""
    found = re.findall(
        r"Summary of `remote_store_blob_bytes_(\w+)` observation histogram:\n(?:  .*\n)*?"
        r"  sum: (\d+)\n",
        done.stderr,
    )
    return {name: int(size) for name, size in found}


def hits(done: Finished) -> set[str]:
    """The processes whose results came from the remote cache."""
    return set(re.findall(r'remote cache hit for: "([^"]*)"', done.stderr))


def looked_up(done: Finished) -> set[str]:
    """The processes that the remote cache was asked for."""
    return set(re.findall(r"Starting: Remote cache lookup for: (.*)", done.stderr))


def named(pattern: str, names: set[str]) -> set[str]:
    """Those that begin with a pattern."""
    return {name for name in names if re.match(pattern, name)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pipeline after the first publication, by a machine that had to make everything."""
    folder = tmp_path_factory.mktemp("pipeline")
    programs = folder / "programs"
    programs.mkdir()
    (programs / "pants").write_text(f'#!/bin/sh\nexec {PANTS} "$@"\n')
    (programs / "venvstacks-repository").write_text(
        f"#!/bin/sh\nPYTHONPATH={REPOSITORY / 'src/python'} "
        f'exec {sys.executable} -m venvstacks_rules.repository "$@"\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    layers = folder / "layers"
    with remote_cache(folder / "cache") as address, build_root(folder / "root") as root:
        settings = root.read("pants.toml")
        for step in steps(PAGE):
            if isinstance(step, WrittenFile):
                step.write(root.path)
        root.write("pants.toml", settings)
        ours = root.read("pants.ci.toml")
        for example, real in (
            ("grpcs://cache.example.com:443", address),
            ("s3://layers/assistant", layers.as_uri()),
        ):
            assert example in ours
            ours = ours.replace(example, real)
        root.write("pants.ci.toml", ours)
        first = Machine(folder / "first", root.path, programs)
        made = Site(root, layers, first, with_histograms(folder / "histograms"))
        first.run(LOCK, **DAEMON)
        subprocess.run([*GIT, "init", "--quiet", "--bare", folder / "origin"], check=True)
        made.git("init", "--quiet", "--initial-branch=main")
        made.git("remote", "add", "origin", str(folder / "origin"))
        made.commit()
        made.git("push", "--quiet", "origin", "main")
        done = first.run(PUBLISH_ALL, VERSION="1", **DAEMON)
        root.stop()
        assert len([line for line in done.work if line.startswith("Compressed")]) >= 2
        assert not [line for line in done.work if line.startswith("Assembled")]
        assert made.channels() == {f"{app}/beta": "1" for app in APPS}
        yield made


def test_the_jobs_run_the_commands_of_the_page() -> None:
    run = re.findall(r"- run: (.*)", PAGE)
    assert run == [PACKAGE, PUBLISH, PROMOTE]


def test_an_empty_machine_compresses_nothing_and_fetches_no_segment(site: Site) -> None:
    machine = site.machine("second")
    before = site.read("**/*.json")
    done = machine.run(PUBLISH_ALL, VERSION="1", **site.histograms)

    assert site.read("**/*.json") == before
    assert "skipped as store" in done.stderr
    assert not [line for line in done.work if line.startswith(("Compressed", "Captured"))]
    # Segments, and what is known of wheels, come from the cache, and nothing of that is missing.
    assert len(named("Compress", hits(done))) >= 2
    kinds = "Compress|Analyze|Capture|Index"
    assert len(named("Index", hits(done))) == 4
    assert named(kinds, hits(done)) == named(kinds, looked_up(done))
    assert done.counters["remote_cache_requests_cached"] == len(hits(done))
    assert done.counters["remote_cache_requests"] == len(looked_up(done))
    assert not named("Assemble|Find|Ask", looked_up(done))
    # Their results came; their bytes did not.
    segments = site.segments()
    assert "interpreter" in segments.values()
    assert site.first.stored(segments) == set(segments.values())
    assert machine.stored(segments) == set()
    moved = moved_bytes(done)
    assert 0 < moved["downloaded"] < 1_000_000
    assert moved.get("uploaded", 0) < 100_000


def test_a_pull_request_builds_what_it_changes(site: Site) -> None:
    edit(site)
    machine = site.machine("third")
    done = machine.run(PACKAGE, **site.histograms, **DAEMON)

    assert done.work == [line for line in done.work if re.match("Assembled app-greet|Found", line)]
    assert "Assembled app-greet" in "\n".join(done.work)
    assert "app-count" not in done.stderr + done.stdout
    assert not named("Assemble", looked_up(done))
    # The archive of the application is made of nothing that lies in the cache.
    assert machine.stored(site.segments()) == set()
    moved = moved_bytes(done)
    assert moved["downloaded"] < 1_000_000
    assert moved["uploaded"] < 100_000


def test_main_publishes_what_changed(site: Site) -> None:
    before = site.git("rev-parse", "origin/main")
    assert site.git("rev-list", "--count", f"{before}..HEAD") == "1"
    files = site.read("**/*.json")
    site.git("push", "--quiet", "origin", "main")
    machine = site.machine("third")
    done = machine.run(PUBLISH, BEFORE=before, VERSION="2", **site.histograms, **DAEMON)

    assert not [line for line in done.work if line.startswith(("Compressed", "Captured"))]
    assert site.channels() == {"app-count/beta": "1", "app-greet/beta": "2"}
    after = site.read("**/*.json")
    assert {key for key in files if files[key] != after[key]} == {
        key for key in files if key.startswith("channels/app-greet/")
    }
    new = {key.rpartition("/")[0] for key in after.keys() - files.keys()}
    assert {key for key in new if not key.startswith("blobs/")} == {
        next(iter(site.read("layers/app-greet/*/*"))).rpartition("/")[0],
        "stacks/app-greet/2",
    }
    assert machine.stored(site.segments()) == set()


def test_a_version_is_promoted(site: Site) -> None:
    before = site.read("blobs/**/*").keys() | site.read("stacks/**/*.json").keys()
    done = site.first.run(PROMOTE, VERSION="2", VENVSTACKS_REPOSITORY=site.layers.as_uri())
    assert "app-greet stable" in done.stdout
    assert site.channels() == {
        "app-count/beta": "1",
        "app-greet/beta": "2",
        "app-greet/stable": "2",
    }
    assert site.read("blobs/**/*").keys() | site.read("stacks/**/*.json").keys() == before


def edit(site: Site) -> None:
    """Edit a file of an application, and commit it."""
    site.root.write("greet/greet.py", site.root.read("greet/greet.py") + "\n# Edited.\n")
    site.commit()


def add_requirement(site: Site) -> None:
    """Edit a requirement of the framework, lock and commit."""
    build = site.root.read("layers/BUILD")
    edited = build.replace('["rich"]', '["rich", "humanize"]')
    assert edited != build
    site.root.write("layers/BUILD", edited)
    site.first.run(LOCK)
    site.commit()


def add_notes(site: Site) -> None:
    """Edit a field of a release, and commit it."""
    build = site.root.read("count/BUILD")
    site.root.write("count/BUILD", build.replace("channel=", 'notes="Faster.",\n    channel='))
    site.commit()


def add_readme(site: Site) -> None:
    """Write a file that no layer has, and commit it."""
    site.root.write("greet/README.md", "Says hello.\n")
    site.commit()


@pytest.mark.slow
def test_what_changed_names_what_is_another_in_the_repository(site: Site) -> None:
    """Each edit publishes what is named; then everything, under the same version."""
    every = {"count:release": "app-count", "greet:release": "app-greet"}
    site.first.run(PUBLISH_ALL, VERSION="10")
    edits: tuple[tuple[Callable[[Site], None], set[str]], ...] = (
        (edit, {"app-greet"}),
        (add_requirement, {"app-count", "app-greet"}),
        (add_notes, {"app-count"}),
        (add_readme, set()),
    )
    for number, (change, expected) in enumerate(edits, 11):
        version = str(number)
        layers = site.read("layers/*/*/*.json").keys()
        change(site)
        listed = site.first.run(f"{CHANGED}list", PANTS_LEVEL="info").stdout.split()
        assert {every[name] for name in listed if name in every} == expected
        site.first.run(f"{CHANGED}publish", VERSION=version)
        assert site.released(version).keys() == expected
        new = site.read("layers/*/*/*.json").keys() - layers
        site.first.run(PUBLISH_ALL, VERSION=version)
        before, now = site.released(str(number - 1)), site.released(version)
        assert {name for name in now if now[name] != before[name]} == expected
        assert site.read("layers/*/*/*.json").keys() - layers == new
