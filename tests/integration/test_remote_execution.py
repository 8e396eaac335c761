"""What is built by remote execution, on real workers that have no network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.action_wheels import shipped_lock
from tests.support.build_root import BuildRoot, Finished, build_root
from tests.support.http_server import serve
from tests.support.machines import FirstBuild
from tests.support.outputs import hashes
from tests.support.private_index import (
    PASSWORD,
    USER,
    PrivateIndex,
    private_index,
    secrets,
)
from tests.support.remote_execution import Placed, Workers, workers
from tests.support.simple_index import package_wheel

APP = "examples/hello:hello"
ENVIRONMENT = '__defaults__(all=dict(environment="workers"))\n'
NAMES = """
[environments-preview.names]
workers = "//:workers"
"""
CONFIG = f"""{NAMES}
[stats]
log = true
"""
# Named by the user, even if it is the default, an index is asked for the wheels of the actions.
MIRROR = f"""
[python-repos]
indexes = ["{shipped_lock().packages[0].index}/"]
"""

PRIVATE = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9")
venvstacks_framework(name="env", runtime=":py", requirements=["corp-greeting"])
"""
ASK = """\
import urllib.request

urllib.request.urlopen("{url}", timeout=10).read()
"""
PYTHONS = ("python", "python3", *(f"python3.{minor}" for minor in range(9, 15)))
# The log of a daemon would hold what is wanted here.
BASE = {"PANTS_PANTSD": "false"}

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("first build")]


@dataclass(frozen=True)
class Site:
    """A repository whose layers are built by workers."""

    root: BuildRoot
    workers: Workers

    def succeed(self, *arguments: str) -> tuple[Finished, Placed]:
        """Run Pants, which has to succeed and to say where it runs what."""
        done = self.root.succeed("-ldebug", *arguments)
        return done, Placed.read(done.stderr)

    def written(self) -> dict[str, str]:
        """The hashes of what is in `dist`, which is removed."""
        dist = self.root.path / "dist"
        found = hashes(dist)
        shutil.rmtree(dist)
        return found


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    folder = tmp_path_factory.mktemp("workers")
    with workers(folder) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def site(started: Workers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("remote")
    environment = {
        **started.options,
        **BASE,
        "PANTS_LOCAL_STORE_DIR": str(folder / "store"),
        "PANTS_NAMED_CACHES_DIR": str(folder / "caches"),
    }
    with build_root(folder / "root", config=CONFIG + MIRROR, environment=environment) as root:
        root.copy_small_example()
        root.write("BUILD", started.target + ENVIRONMENT)
        yield Site(root, started)
    shutil.rmtree(folder, ignore_errors=True)


def _named(pattern: str, descriptions: Iterable[str]) -> set[str]:
    """Those that begin with a pattern."""
    return {name for name in descriptions if re.match(pattern, name)}


def test_packages_on_workers_the_same_bytes_as_here(site: Site, first: FirstBuild) -> None:
    """The first build of the session made the same here, where there was nothing either."""
    _, placed = site.succeed("package", "examples/hello::")
    all_here = Placed.read(first.packaged.stderr)

    assert site.written() == first.built
    assert len(first.built) == 9
    assert not all_here.remote
    assert len(_named("Compress|Assemble|Analyze", all_here.local)) >= 9

    assert len(_named("Compress", placed.remote)) >= 3
    assert len(_named("Assemble", placed.remote)) == 3
    assert len(_named("Analyze", placed.remote)) == 3
    assert len(_named("Unpack zstandard|Compile the actions", placed.remote)) == 2
    asked = {f"Ask {site.workers.search_path}/{name} for its version" for name in PYTHONS}
    assert len(asked.intersection(placed.remote)) == 1
    # What has the network, and what looks at this machine.
    here = "Download|Find CPython|Capture CPython"
    assert "Download zstandard for the actions" in placed.local
    assert "Find CPython 3.9 on this machine" in placed.local
    assert len(_named("Capture CPython 3.9", placed.local)) == 1
    assert not _named(here, placed.remote)
    assert not _named("Compress|Assemble|Analyze", placed.local)
    assert not asked.intersection(placed.local)
    assert placed.counters["remote_execution_requests"] == sum(placed.remote.values())
    assert placed.counters["remote_execution_success"] == sum(placed.remote.values())
    assert placed.counters["local_execution_requests"] == sum(placed.local.values())


@pytest.mark.slow
def test_checks_imports_on_workers_and_runs_here(site: Site) -> None:
    done, placed = site.succeed("test", APP)
    assert re.search(rf"{APP} succeeded in .* \(ran in remote environment `workers`\)", done.stderr)
    assert f"Check the imports of {APP}" in placed.remote
    assert not _named("Check|Compress|Assemble", placed.local)

    done, placed = site.succeed("run", APP, "--", "you")
    assert "Hello, you!" in done.stdout
    assert not placed.remote


@pytest.mark.slow
def test_workers_have_no_network(site: Site) -> None:
    """An application that asks a server while it is imported."""
    folder = site.root.path / "examples/reach"
    shutil.copytree(site.root.path / "examples/hello", folder)
    build = (folder / "BUILD").read_text()
    site.root.write(
        "examples/reach/BUILD",
        build.replace(
            'launch_module="hello.py"', 'launch_module="hello.py", support_modules=["reach.py"]'
        ),
    )
    with serve({"/": b"here"}) as server:
        site.root.write("examples/reach/reach.py", ASK.format(url=server.url + "/"))
        hello = (folder / "hello.py").read_text()
        site.root.write(
            "examples/reach/hello.py", hello.replace("import rich\n", "import reach\nimport rich\n")
        )
        site.succeed("--no-remote-execution", "test", "examples/reach:hello")
        assert server.requests == [("GET", "/")]

        done = site.root.pants("test", "examples/reach:hello")

    assert done.code == 1
    assert server.requests == [("GET", "/")]
    assert re.search(
        r"`import reach` \(hello.py:\d+\): URLError: .*(Connection refused|Network is unreachable)",
        done.stderr,
    )


@pytest.fixture
def private(started: Workers, tmp_path: Path) -> Iterator[tuple[Site, PrivateIndex]]:
    """A repository with an index that asks for a password, whose address only its proxy knows."""
    config = f'uv_config = "layers.toml"\n{CONFIG}'
    with private_index(tmp_path / "index") as index:
        environment = {
            **started.options,
            **BASE,
            **index.way_beside_others,
            # Not in the way of SSL_CERT_FILE.
            "SSL_CERT_DIR": "",
            "UV_INDEX_CORP_USERNAME": USER,
            "UV_INDEX_CORP_PASSWORD": PASSWORD,
            "PANTS_LOCAL_STORE_DIR": str(tmp_path / "store"),
            "PANTS_NAMED_CACHES_DIR": str(tmp_path / "caches"),
        }
        root = BuildRoot.create(tmp_path / "root", config=config, environment=environment)
        index.add(package_wheel("corp_greeting"))
        settings = f'[[tool.uv.index]]\nname = "corp"\nurl = "{index.url}"\ndefault = true\n'
        root.write("layers.toml", settings)
        root.write("BUILD", started.target + ENVIRONMENT)
        root.write("s/BUILD", PRIVATE)
        yield Site(root, started), index
    shutil.rmtree(tmp_path)


@pytest.mark.slow
def test_credentials_stay_here(private: tuple[Site, PrivateIndex], tmp_path: Path) -> None:
    """Locking, and downloads with a password, of layers that are built by workers."""
    site, index = private

    _, placed = site.succeed("generate-lockfiles")
    assert _named("Lock ", placed.local) == {"Lock s:env", "Lock s:py"}
    assert not placed.remote

    _, placed = site.succeed("package", "s:env")
    assert len(_named("Download corp_greeting", placed.local)) == 1
    assert ("GET", "/packages/corp_greeting-1.0-py3-none-any.whl", 200) in index.answers
    assert len(_named("Compress|Assemble", placed.remote)) == 2
    assert not _named("Compress|Assemble", placed.local)
    assert not _named("Download", placed.remote)
    # What workers were sent holds none of it.
    sent = [file for file in site.workers.store.rglob("*") if file.is_file()]
    assert len(sent) > 50
    for file in sent:
        content = file.read_bytes()
        assert not [name for name, secret in secrets().items() if secret in content], file

    # Without environments, Pants sends everything to workers.
    site.root.write("BUILD", "")
    (tmp_path / "root/pants.toml").write_text(site.root.read("pants.toml").replace(NAMES, ""))
    search = f"--python-bootstrap-search-path=['{site.workers.search_path}']"
    refused = site.root.pants(search, "generate-lockfiles")
    assert refused.code == 1
    assert "not in a container and not by remote execution" in refused.error
