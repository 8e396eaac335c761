"""Wheels on a server, sound ones and hostile ones, as they are seen when a layer is locked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.support.http_server import serve
from tests.support.wheels import FILE_NAME, wheel_bytes
from venvstacks_rules.actions.locking import refused_wheels
from venvstacks_rules.actions.locking.local_wheels import LocalWheelFolders
from venvstacks_rules.actions.locking.refused_wheels import WheelChecks
from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.lock import ChosenFiles, LockLayerRequest

EVIL = {"../evil.py": b""}
REFUSED = f"`{FILE_NAME}`: `../evil.py`: the path contains `..`; pip refuses it, too"


@dataclass
class Checked:
    """What a check of the wheels of one package found, and what it asked for."""

    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def checked(
    wheels: Mapping[str, bytes],
    *,
    parts: bool = True,
    platforms: tuple[str, ...] = ("linux_x86_64",),
    locked_before: bool = False,
    served: Mapping[str, bytes] | None = None,
    chosen: tuple[ChosenFiles, ...] = (),
) -> Checked:
    """Check `wheels`, by file name; the server has other content for those in `served`."""
    request = LockLayerRequest(
        target="//:fw",
        layer_name="framework-fw",
        python_implementation="cpython@3.11.4",
        python_provider="local",
        is_runtime=False,
        requirements=("demo",),
        platforms=platforms,
        linux_target="glibc@2.28",
        macosx_target="13.0",
        chosen_files=chosen,
    )
    files = {f"/{name}": content for name, content in {**wheels, **(served or {})}.items()}
    found = Checked()
    with serve(files, parts=parts) as server:
        locked = tuple(
            LockedWheel(
                name,
                f"{server.url}/{name}",
                None,
                len(content),
                hashlib.sha256(content).hexdigest(),
            )
            for name, content in wheels.items()
        )
        packages = (LockedPackage("demo", "1.0", None, None, locked),)
        checks = WheelChecks(
            request,
            UvConfig("uv.toml"),
            LocalWheelFolders({}),
            tuple(PLATFORMS[name] for name in platforms),
            "3.11.4",
            Lockfile("==3.11.*", packages) if locked_before else None,
        )
        try:
            checks.check(packages)
        except LockError as e:
            found.problems = str(e).split("\n  * ")
        found.asked = [path[1:] for _, path in server.requests]
    return found


def test_a_wheel_that_a_build_would_refuse() -> None:
    found = checked({FILE_NAME: wheel_bytes(EVIL)})
    assert found.problems == [
        "//:fw: wheels that no layer can install",
        REFUSED,
        "to lock other versions, add `demo!=1.0` to `requirements`",
    ]
    assert found.asked == [FILE_NAME]


def test_mistakes_that_a_build_accepts_are_none_here() -> None:
    wheel = wheel_bytes({"demo.py": b""}, unlisted={"extra.py": b"1"}, extra_rows=["gone.py,,"])
    assert checked({FILE_NAME: wheel}) == Checked([], [FILE_NAME])


def test_one_request_is_enough_for_a_large_wheel() -> None:
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(20_000))
    clash = {"demo-1.0.data/purelib/demo.py": b"1", "demo.py": b"2", "demo.bin": noise}
    found = checked({FILE_NAME: wheel_bytes({"a.bin": noise, **clash})})
    assert found.problems[1] == (
        f"`{FILE_NAME}`: `demo-1.0.data/purelib/demo.py` and `demo.py` are both installed as "
        "`lib/python3.11/site-packages/demo.py`, and differ; pip would keep the one of the `.data` "
        "folder"
    )
    assert found.asked == [FILE_NAME]
    # Of the two files, the layer has one.
    chosen = (ChosenFiles("demo", ("demo.py",)),)
    wheel = wheel_bytes({"a.bin": noise, **clash})
    assert checked({FILE_NAME: wheel}, chosen=chosen).problems == []


def test_only_wheels_that_the_layer_has_are_asked_for() -> None:
    names = [
        f"demo-1.0-{tag}.whl"
        for tag in ("py3-none-any", "cp311-cp311-win_amd64", "cp310-cp310-win_amd64")
    ]
    wheels = {name: wheel_bytes({"aux.py": b""}) for name in names}
    platforms = ("linux_x86_64", "win_amd64")
    found = checked(wheels, platforms=platforms)
    assert sorted(found.asked) == sorted(names[:2])
    # The one for Linux alone may have the file.
    assert found.problems[1:-1] == [
        f"`{names[1]}`: `aux.py`: on Windows `aux.py` is the name of a device"
    ]
    # One that both systems have may not.
    (problem,) = checked({names[0]: wheels[names[0]]}, platforms=platforms).problems[1:-1]
    assert problem == f"`{names[0]}`: `aux.py`: on Windows `aux.py` is the name of a device"


def test_what_was_locked_before_is_not_asked_for() -> None:
    assert checked({FILE_NAME: wheel_bytes(EVIL)}, locked_before=True) == Checked()


def test_a_server_without_parts_is_asked_once() -> None:
    names = [f"demo-1.0-cp311-cp311-{tag}.whl" for tag in ("win_amd64", "manylinux_2_17_x86_64")]
    wheels = {name: wheel_bytes(EVIL) for name in names}
    found = checked(wheels, parts=False, platforms=("linux_x86_64", "win_amd64"))
    assert found == Checked([], [names[1]])


@pytest.mark.parametrize("content", [b"", b"no zip archive", wheel_bytes(EVIL)[:-30]])
def test_what_is_no_wheel_is_left_to_the_build(content: bytes) -> None:
    # Of the size that the index announced.
    announced = wheel_bytes(EVIL)
    content = content.ljust(len(announced), b" ")
    assert checked({FILE_NAME: announced}, served={FILE_NAME: content}).problems == []


def test_after_a_while_no_more_wheels_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_wheels, "_SECONDS", -1)
    assert checked({FILE_NAME: wheel_bytes(EVIL)}) == Checked()
