"""The libraries of the actions from mirrors, on a machine that reaches nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.action_wheels import SHIPPED, fetched, interpreter_folder, wheels_here
from tests.support.build_root import Finished
from tests.support.http_server import serve
from tests.support.machines import Machine, machine
from tests.support.outputs import files_below
from tests.support.private_index import (
    PASSWORD,
    USER,
    PrivateIndex,
    netrc,
    private_index,
    secrets,
)

SEARCH_PATH = "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH"
RUNTIME = 'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'
QUOTED = quote(PASSWORD, safe="")


@dataclass(frozen=True)
class Mirrored:
    """A machine that reaches a private index with the wheels of the actions, and nothing else."""

    machine: Machine
    index: PrivateIndex
    wheels: dict[str, bytes]
    """The wheels that the index should have, by file name."""
    said: list[str] = field(default_factory=list)
    """All that Pants said."""

    def pants(self, *arguments: str, mirror: str = "", **credentials: str) -> Finished:
        """Run Pants with that URL of the index, by default the one without credentials."""
        # A level in PANTS_LEVEL has Pants' client print all variables, credentials and all.
        environment = {"MIRROR": mirror or self.index.url, **credentials}
        done = self.machine.root.pants("-ldebug", *arguments, environment=environment)
        self.said.append(done.stdout + done.stderr)
        return done

    def named(self, package: str) -> str:
        """The file name of a package's wheel."""
        (name,) = (name for name in self.wheels if name.startswith(f"{package}-"))
        return name

    def tampered(self, name: str) -> bytes:
        """Other bytes under a right name."""
        return self.wheels[name][:-1] + b"\1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    folder = tmp_path_factory.mktemp("mirrored")
    (folder / "wheels").mkdir()
    wheels = fetched(wheels_here(), folder / "wheels")
    config = '[python-repos]\nindexes = ["%(env.MIRROR)s"]\n'
    with private_index(folder / "index") as index:
        environment = {
            # The proxy leads nowhere but to the index.
            **index.way,
            SEARCH_PATH: str([str(interpreter_folder())]),
            # Not in the way of SSL_CERT_FILE.
            "SSL_CERT_DIR": "",
        }
        with machine(folder / "machine", config=config, environment=environment) as here:
            here.root.write("s/BUILD", RUNTIME)
            yield Mirrored(here, index, wheels)


def test_libraries_come_from_an_index_with_credentials_of_netrc(
    site: Mirrored, tmp_path: Path
) -> None:
    zstandard = site.named("zstandard")
    tampered = site.tampered(zstandard)
    site.index.add({**site.wheels, zstandard: tampered})
    (tmp_path / "netrc").write_text(netrc())
    own = {"NETRC": str(tmp_path / "netrc")}
    done = site.pants("generate-lockfiles", "--resolve=s:py", **own)
    assert done.code == 0, done.stderr

    done = site.pants("package", "s:py", **own)
    place = f"{site.index.url.removesuffix('/simple/')}/packages/{zstandard}"
    wrong, right = (hashlib.sha256(b).hexdigest() for b in (tampered, site.wheels[zstandard]))
    assert done.code == 1
    assert done.error == (
        "LockError: A library of the actions cannot be downloaded:\n"
        f"  * `{zstandard}` was not found:\n"
        f"    {place}: has SHA-256 {wrong}, but the lockfile has {right}\n"
        "    Check the network and `[GLOBAL].ca_certs_path`, or name a mirror in "
        "`[python-repos].indexes` or `find_links`."
    )


def test_libraries_come_from_an_index_with_credentials_in_its_url(site: Mirrored) -> None:
    site.index.add(site.wheels)
    scheme, _, rest = site.index.url.partition("://")
    done = site.pants("package", "s:py", mirror=f"{scheme}://{USER}:{QUOTED}@{rest}")
    assert done.code == 0, done.stderr
    served = {path for _, path, status in site.index.answers if status == 200}
    unpacked = site.machine.unpacked
    assert {name.split("-")[0] for name in unpacked} >= {"uv", "tomli", "zstandard"}
    assert {f"/packages/{name}" for name in unpacked} <= served


def test_libraries_come_from_a_folder_and_a_page_of_links(site: Mirrored) -> None:
    """With a lockfile that says no sizes, as of an index that says none; the page has no hashes."""
    root = site.machine.root
    lock = re.sub(r'(?<=\.whl", )size = \d+, ', "", SHIPPED.read_text())
    assert lock.count("size = ") == lock.count("platform = ")
    root.write("tools/pylock.toml", lock)
    unpacked = site.machine.unpacked
    own, other = site.named("tomli"), site.named("zstandard")
    root.write(f"wheelhouse/{own}", site.wheels[own])
    root.write(f"wheelhouse/{other}", site.tampered(other))
    linked = {quote(name): content for name, content in site.wheels.items() if name != own}
    files = {f"/files/{name}": content for name, content in linked.items()}
    page = "".join(f'<a href="files/{name}">{name}</a>' for name in linked).encode()
    answered = len(site.index.answers)
    with serve({"/links.html": page, **files}) as server:
        options = (
            "--python-repos-indexes=[]",
            f"--python-repos-find-links=['wheelhouse', '{server.url}/links.html']",
            "--venvstacks-actions-lockfile=tools/pylock.toml",
        )
        for goal in (("generate-lockfiles", "--resolve=s:py"), ("package", "s:py")):
            done = site.pants(*options, *goal)
            assert done.code == 0, done.stderr
    downloaded = [path for _, path in server.requests if path != "/links.html"]
    assert sorted(downloaded) == sorted(f"/files/{quote(name)}" for name in unpacked - {own})
    assert site.index.answers[answered:] == []
    # The servers were asked once, and may be gone.
    assert site.pants(*options, "package", "s:py").code == 0


def test_nothing_secret_of_a_mirror_is_left_anywhere(site: Mirrored) -> None:
    """In logs, sandboxes and their scripts, in stores with their keys, and in the build root."""
    hidden = {**secrets(), "the password in a URL": QUOTED.encode()}
    searched = 0
    for path, content in files_below(site.machine.folder):
        searched += 1
        assert [what for what, text in hidden.items() if text in content] == [], path
    assert searched > 500
    assert any("fetch-wheel" in command for command in site.machine.commands.values())
    assert list((site.machine.folder / "caches" / "venvstacks_network").iterdir()) == []
    said = "".join(site.said)
    assert "Download zstandard for the actions" in said
    assert [what for what, text in hidden.items() if text.decode() in said] == []
