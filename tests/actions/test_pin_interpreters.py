"""Pins for interpreters that no lock pins; the real table of ``pbs-installer``."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from pbs_installer import PythonVersion
from pbs_installer import _versions as table

from tests.support.http_server import serve
from venvstacks_rules.actions import pin_interpreters
from venvstacks_rules.model.errors import InterpreterError, LockError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.pinning_io import PinInterpretersRequest, PinnedInterpreters
from venvstacks_rules.model.pylock import LockedInterpreter

URL, SHA256 = table.PYTHON_VERSIONS[PythonVersion("cpython", 3, 11, 13, False)][
    ("linux", "x86_64", True)
]
PATH = urlsplit(URL).path.partition("/releases/download")[2]


def run(version: str, *platforms: str, mirror: str | None = None) -> PinnedInterpreters:
    request = PinInterpretersRequest("src:py", version, platforms, mirror)
    return pin_interpreters.run(to_json(request))


def test_url_and_hash_are_of_the_table_and_the_size_of_the_mirror() -> None:
    with serve({f"/m{PATH}": b"x" * 1234}) as server:
        pinned = run("3.11.13", "linux_x86_64", mirror=f"{server.url}/m")
        assert server.requests == [("HEAD", f"/m{PATH}")]
    assert SHA256 is not None
    assert pinned.interpreters == (LockedInterpreter("linux_x86_64", URL, SHA256, 1234),)


def test_problems() -> None:
    with pytest.raises(InterpreterError) as unknown:
        run("3.11.13", "beos", "linux_x86_64")
    assert unknown.value.problems == (
        "`beos`; known are linux_x86_64, linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64, "
        "win_arm64",
    )
    with pytest.raises(LockError) as missing:
        run("3.11.99", "linux_x86_64")
    assert missing.value.problems == (
        "python-build-standalone has no CPython 3.11.99 for linux_x86_64; choose another release "
        "in `python_implementation`, or narrow `platforms`",
    )
