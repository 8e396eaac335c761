"""The libraries of the actions: the shipped lockfile, and its wheels for this machine."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.build_root import NATIVE, REPOSITORY
from venvstacks_rules.actions.files.toml import read_toml, write_toml
from venvstacks_rules.actions.network.downloads import save
from venvstacks_rules.model.locks.pylock import LockedInterpreter, LockedWheel, Lockfile
from venvstacks_rules.model.locks.selection import select_wheels
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

SHIPPED = REPOSITORY / "src/python/venvstacks_rules/actions/pylock.actions.toml"
VERSION = ".".join(map(str, sys.version_info[:3]))
"""Of the interpreter that runs the tests."""


def interpreter_folder() -> Path:
    """Where the interpreter is that runs the tests, outside of their virtual environment."""
    executable: str = getattr(sys, "_base_executable", None) or sys.executable
    return Path(executable).resolve().parent


def shipped_lock() -> Lockfile:
    """The lockfile that the plugin ships."""
    return Lockfile.from_dict(read_toml(SHIPPED), SHIPPED.name)


def wheel_hosts() -> list[str]:
    """The servers of the wheels in the shipped lockfile."""
    wheels = [wheel for package in shipped_lock().packages for wheel in package.wheels]
    return sorted({str(urlsplit(wheel.url or "").hostname) for wheel in wheels})


def wheels_here() -> dict[str, LockedWheel]:
    """The wheels of the shipped lockfile for the interpreter that runs the tests, by file name."""
    libc, version = platform.libc_ver()
    chosen = select_wheels(
        shipped_lock(),
        platform=PLATFORMS[NATIVE],
        python_version=VERSION,
        linux_target=f"glibc@{version}" if libc == "glibc" else "musl@1.2",
        macosx_target=".".join(platform.mac_ver()[0].split(".")[:2]) or "11.0",
    )
    return {wheel.file_name: wheel for wheel in chosen}


def fetched(wheels: Mapping[str, LockedWheel], folder: Path) -> dict[str, bytes]:
    """The bytes of the wheels, downloaded from where the lockfile has them."""
    for name, wheel in wheels.items():
        assert wheel.url is not None
        save(wheel.url, folder / name, sha256=wheel.sha256, size=wheel.size)
    return {name: (folder / name).read_bytes() for name in wheels}


@dataclass(frozen=True)
class PinnedArchive:
    """An interpreter's archive, and the URL that a lockfile has for it."""

    url: str
    content: bytes

    def lock(self) -> str:
        """The shipped lockfile with this interpreter in place of its own."""
        pin = LockedInterpreter(
            NATIVE, self.url, hashlib.sha256(self.content).hexdigest(), len(self.content)
        )
        data: dict[str, Any] = replace(shipped_lock(), interpreters=(pin,)).to_dict()
        return write_toml(data)
