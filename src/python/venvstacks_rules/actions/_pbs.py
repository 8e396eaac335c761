"""Pins the interpreter archives of python-build-standalone, from the table of ``pbs-installer``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Optional

from pbs_installer import PythonVersion

from venvstacks_rules.actions._downloads import DownloadFailedError, ask_size
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layout import short_version
from venvstacks_rules.model.platforms import TargetPlatform
from venvstacks_rules.model.pylock import LockedInterpreter, mirrored_url

# Implementation and version -> (system, machine, install only) -> URL and hash.
_Versions = Mapping[PythonVersion, Mapping[tuple[str, str, bool], tuple[str, Optional[str]]]]

_SYSTEMS = {"linux": "linux", "macosx": "macos", "win": "windows"}
_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


def pin_interpreters(
    target: str,
    python_version: str,
    platforms: Iterable[TargetPlatform],
    *,
    mirror: str | None,
    known: Iterable[LockedInterpreter] = (),
) -> tuple[LockedInterpreter, ...]:
    """The archive for each platform, with URL and hash from the table and size from its server.

    `mirror` is asked instead of the server in the URL (see
    :func:`~venvstacks_rules.model.pylock.mirrored_url`); the URL recorded stays the table's.
    Sizes of archives in `known`, the previous lock, are not asked for again. LockError lists every
    platform for which there is no archive, no hash or no size.
    """
    if python_version == short_version(python_version):
        raise LockError(
            f"{target}: `python_implementation` has to name one release",
            [f"`cpython@{python_version}` has no patch number; write `cpython@X.Y.Z`"],
        )
    major, minor, micro = (int(part) for part in python_version.split("."))
    table = _versions().get(PythonVersion("cpython", major, minor, micro, False), {})
    sizes = {(pin.url, pin.sha256): pin.size for pin in known}
    pins, problems = [], []
    for platform in platforms:
        machine = _MACHINES.get(platform.machine, platform.machine)
        url, sha256 = table.get((_SYSTEMS[platform.system], machine, True), (None, None))
        if url is None or "install_only" not in url:
            problems.append(
                f"python-build-standalone has no CPython {python_version} for {platform.name}; "
                "choose another release in `python_implementation`, or narrow `platforms`"
            )
        elif sha256 is None:
            problems.append(
                f"the hash of {url} for {platform.name} is not known; choose another release in "
                "`python_implementation`"
            )
        else:
            try:
                size = sizes.get((url, sha256)) or ask_size(mirrored_url(url, mirror))
                pins.append(LockedInterpreter(platform.name, url, sha256, size))
            except DownloadFailedError as e:
                problems.append(f"the size of the archive for {platform.name} is not known: {e}")
    if problems:
        raise LockError(f"{target}: the interpreter cannot be pinned", problems)
    return tuple(pins)


def _versions() -> _Versions:
    # A table of thousands of lines: loaded only where an interpreter is pinned.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pbs_installer import _versions as module
    # Some releases let an environment variable change the URLs; a lockfile must not depend on it.
    unchanged: Callable[[None], _Versions] | None = vars(module).get("get_python_versions")
    return unchanged(None) if unchanged is not None else module.PYTHON_VERSIONS
