"""Pins the interpreter archives of python-build-standalone, from the table of ``pbs-installer``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Optional

from venvstacks_rules.actions.network.downloads import DownloadFailedError, ask_size
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedInterpreter, mirrored_url
from venvstacks_rules.model.platforms.libc import GLIBC
from venvstacks_rules.model.platforms.python_versions import (
    is_free_threaded,
    names_patch_release,
    release_numbers,
)
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform

if TYPE_CHECKING:
    from pbs_installer import PythonVersion

# (system, machine, install only) -> URL and hash.
_Archives = Mapping[tuple[str, str, bool], tuple[str, Optional[str]]]

_SYSTEMS = {"linux": "linux", "macosx": "macos", "win": "windows"}
_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


def pin_interpreters(
    target: str,
    python_version: str,
    platforms: Iterable[TargetPlatform],
    *,
    libc: str,
    mirror: str | None,
    known: Iterable[LockedInterpreter] = (),
) -> tuple[LockedInterpreter, ...]:
    """The archive for each platform, with URL and hash from the table and size from its server.

    `libc` is the C library for Linux. Sizes come from `mirror`, if given, instead of the server in
    the URL (see :func:`~venvstacks_rules.model.locks.pylock.mirrored_url`); the recorded URL stays
    that of the table. Sizes in `known`, the previous lock, are not asked for again. Raises
    LockError with every platform without an archive, a hash or a size.
    """
    if not names_patch_release(python_version):
        raise LockError(
            f"{target}: `python_implementation` must name one release",
            [f"`cpython@{python_version}` has no patch number; write `cpython@X.Y.Z`"],
        )
    free_threaded = is_free_threaded(python_version)
    table = _archives(python_version)
    sizes = {(pin.url, pin.sha256): pin.size for pin in known}
    pins, problems = [], []
    for platform in platforms:
        url, sha256 = _entry(table, platform, free_threaded=free_threaded)
        if platform.system == "linux" and libc != GLIBC:
            problems.append(
                f"python-build-standalone's archives for {platform.name} are known for {GLIBC} "
                f"only, and `linux_target` names {libc}; set "
                "`[venvstacks].python_provider` to `archive`, and `python_archives` to "
                "interpreters of your own"
            )
        elif url is None:
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


def newest_release(target: str, python_version: str, platforms: Iterable[TargetPlatform]) -> str:
    """The newest release of `python_version`, X.Y, that has an archive for each platform.

    Raises LockError if there is none.
    """
    wanted = tuple(platforms)
    free_threaded = is_free_threaded(python_version)
    major, minor = release_numbers(python_version)
    tables = {
        release.micro: table
        for release, table in _releases().items()
        if (release.implementation, release.major, release.minor) == ("cpython", major, minor)
        and bool(getattr(release, "freethreaded", False)) is free_threaded
    }
    for micro in sorted(tables, reverse=True):
        entries = (_entry(tables[micro], p, free_threaded=free_threaded) for p in wanted)
        if all(url is not None and sha256 is not None for url, sha256 in entries):
            return f"{major}.{minor}.{micro}{'t' if free_threaded else ''}"
    names = ", ".join(platform.name for platform in wanted)
    raise LockError(
        f"{target}: the interpreter cannot be pinned",
        [
            f"python-build-standalone has no release of CPython {python_version} for all of {names}"
            "; choose another version in `python_implementation`, or narrow `platforms`"
        ],
    )


def _entry(
    table: _Archives,
    platform: TargetPlatform,
    *,
    free_threaded: bool,
) -> tuple[str | None, str | None]:
    """URL and hash of the smallest archive in the table."""
    system, machine = _SYSTEMS[platform.system], _MACHINES.get(platform.machine, platform.machine)
    url, sha256 = table.get((system, machine, True), (None, None))
    if url is not None and "install_only" in url:
        return url, sha256
    # For older free-threaded builds, the table has only archives of the full build.
    return table.get((system, machine, False), (None, None)) if free_threaded else (None, None)


def _archives(python_version: str) -> _Archives:
    """The archives of one release."""
    from pbs_installer import PythonVersion

    major, minor, micro = release_numbers(python_version)
    free_threaded = is_free_threaded(python_version)
    return _releases().get(PythonVersion("cpython", major, minor, micro, free_threaded), {})


def _releases() -> Mapping[PythonVersion, _Archives]:
    """The archives of all releases."""
    # With a table of thousands of lines.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pbs_installer import _versions as module
    # Some releases let an environment variable change the URLs; a lockfile must not depend on it.
    unchanged: Callable[[None], Mapping[PythonVersion, _Archives]] | None
    unchanged = vars(module).get("get_python_versions")
    return unchanged(None) if unchanged is not None else module.PYTHON_VERSIONS
