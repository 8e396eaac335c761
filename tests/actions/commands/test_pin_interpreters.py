"""Pins for interpreters that no lock pins; the real table of ``pbs-installer``."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from pbs_installer import PythonVersion
from pbs_installer import _versions as table

from tests.support.http_server import serve
from venvstacks_rules.actions.commands import pin_interpreters
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.locks.pylock import LockedInterpreter
from venvstacks_rules.model.requests.pin import PinInterpretersRequest, PinnedInterpreters

URL, SHA256 = table.PYTHON_VERSIONS[PythonVersion("cpython", 3, 11, 13, False)][
    ("linux", "x86_64", True)
]
MACOS_URL, _ = table.PYTHON_VERSIONS[PythonVersion("cpython", 3, 11, 13, False)][
    ("macos", "aarch64", True)
]
MACOS_PATH = urlsplit(MACOS_URL).path.partition("/releases/download")[2]
PATH = urlsplit(URL).path.partition("/releases/download")[2]


def run(
    version: str, *platforms: str, mirror: str | None = None, linux_target: str = "glibc@2.28"
) -> PinnedInterpreters:
    request = PinInterpretersRequest("src:py", version, platforms, mirror, linux_target)
    return pin_interpreters.run(to_json(request))


def test_url_and_hash_are_of_the_table_and_the_size_of_the_mirror() -> None:
    with serve({f"/m{PATH}": b"x" * 1234}) as server:
        pinned = run("3.11.13", "linux_x86_64", mirror=f"{server.url}/m")
        assert server.requests == [("HEAD", f"/m{PATH}")]
    assert SHA256 is not None
    assert pinned.interpreters == (LockedInterpreter("linux_x86_64", URL, SHA256, 1234),)


def test_a_free_threaded_build_has_an_archive_of_its_own() -> None:
    url, sha256 = table.PYTHON_VERSIONS[PythonVersion("cpython", 3, 14, 0, True)][
        ("macos", "aarch64", False)
    ]
    assert "-freethreaded" in url
    path = urlsplit(url).path.partition("/releases/download")[2]
    with serve({f"/m{path}": b"x" * 77}) as server:
        pinned = run("3.14.0t", "macosx_arm64", mirror=f"{server.url}/m")
    assert sha256 is not None
    assert pinned.interpreters == (LockedInterpreter("macosx_arm64", url, sha256, 77),)


def test_there_are_no_archives_for_musl() -> None:
    assert not any(
        "musl" in url for found in table.PYTHON_VERSIONS.values() for url, _ in found.values()
    )
    with pytest.raises(LockError) as caught:
        run("3.11.13", "linux_x86_64", "linux_aarch64", linux_target="musl@1.2")
    assert caught.value.problems == tuple(
        f"python-build-standalone's archives for {name} are known for glibc only, and "
        "`linux_target` names musl; set `[venvstacks].python_provider` to `archive`, and "
        "`python_archives` to interpreters of your own"
        for name in ("linux_x86_64", "linux_aarch64")
    )


def test_the_c_library_matters_on_linux_alone() -> None:
    with serve({f"/m{MACOS_PATH}": b"x"}) as server:
        pinned = run("3.11.13", "macosx_arm64", mirror=f"{server.url}/m", linux_target="musl@1.2")
    assert pinned.interpreters[0].url == MACOS_URL


def test_problems() -> None:
    with pytest.raises(LockError) as unknown:
        run("3.11.13", "beos", "linux_x86_64")
    assert str(unknown.value) == (
        "src:py: `platforms` cannot be locked\n"
        "  * unknown: `beos`; use some of linux_x86_64, linux_aarch64, macosx_arm64, "
        "macosx_x86_64, win_amd64, win_arm64"
    )
    with pytest.raises(LockError) as missing:
        run("3.11.99", "linux_x86_64")
    assert missing.value.problems == (
        "python-build-standalone has no CPython 3.11.99 for linux_x86_64; choose another release "
        "in `python_implementation`, or narrow `platforms`",
    )
