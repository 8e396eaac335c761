"""Decides which files of an installed CPython a capture takes, and their places.

The layout is the one of python-build-standalone's ``install_only`` archives, below ``python/``:
``bin/python3.Y`` with its links, ``lib/python3.Y``, shared libraries in ``lib``, C headers in
``include/python3.Y``. It leaves out installed packages, byte code, the test suites and the modules
that only they use, static libraries and build files (``config-*``), ``pkgconfig``, manuals, and
the machine's own ``sitecustomize.py``, which would hide that of a layer.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import posixpath
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.actions.interpreters import shared_libraries
from venvstacks_rules.actions.interpreters.probe import Installation, not_captured
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.platforms.python_versions import (
    language_version,
    release,
    short_version,
)
from venvstacks_rules.model.values import dataclass

_DROPPED_TOP = (
    "site-packages",
    "dist-packages",
    "test",
    "config-*",
    "sitecustomize.py",
    "usercustomize.py",
    "EXTERNALLY-MANAGED",
)
_DROPPED = (
    "__pycache__",
    "*.pyc",
    "*.a",
    "*/test",
    "*/tests",
    "*/idle_test",
    "lib-dynload/_test*",
    "lib-dynload/_ctypes_test*",
    "lib-dynload/_xxtestfuzz*",
    "lib-dynload/xxlimited*",
)


@dataclass(frozen=True)
class CapturedFile:
    """One file or link of a capture; exactly one of the last three fields is set."""

    path: str
    """Below ``python/``."""
    executable: bool = False
    source: str | None = None
    """The file of the installation, absolute."""
    text: str | None = None
    """Generated."""
    link_target: str | None = None
    """Relative to the link's folder."""


@dataclass(frozen=True)
class Capture:
    """The content of a capture, sorted by path, and the facts for its relocation."""

    files: tuple[CapturedFile, ...]
    binaries: tuple[str, ...]
    """Paths of the executable and the shared objects, which may need another search path."""
    uses_bundled: frozenset[str]
    """The binaries that load a shared library of the capture."""


def capture_of(found: Installation) -> tuple[Capture, str]:
    """The capture of an installation, and its fingerprint; InterpreterError if impossible."""
    try:
        planned = plan(found)
        return planned, fingerprint(planned)
    except OSError as e:
        raise not_captured(
            found, f"`{e.filename}` cannot be read: {e.strerror}; use another installation"
        ) from None


def plan(found: Installation) -> Capture:
    """Decide what to take; raises InterpreterError if the installation cannot be captured."""
    if not sys.platform.startswith("linux"):
        raise not_captured(
            found,
            f"capturing a local interpreter is not supported on `{sys.platform}` yet; "
            "set `[venvstacks].python_provider` to `pbs` or `archive`",
        )
    version = short_version(found.python_version)
    files = [
        CapturedFile(f"bin/python{version}", executable=True, source=found.executable),
        *(
            CapturedFile(f"bin/python{alias}", link_target=f"python{version}")
            for alias in {"", "3", language_version(found.python_version)} - {version}
        ),
        *_library(found, f"lib/python{version}"),
        *_headers(found, f"include/python{version}"),
        *_debian_link(found, f"lib/python{version}"),
    ]
    if found.platlibdir != "lib":
        # The interpreter looks for its library only there.
        files.append(CapturedFile(found.platlibdir, link_target="lib"))
    binaries = {
        file.path: file.source
        for file in files
        if file.source is not None
        and (file.path.startswith("bin/") or fnmatch.fnmatch(file.path, "*.so"))
    }
    libraries = shared_libraries.find(found, binaries)
    files += _libraries(libraries.bundled, version)
    return Capture(
        files=tuple(sorted(files, key=lambda file: file.path)),
        binaries=tuple(sorted((*binaries, *(f"lib/{name}" for name in libraries.bundled)))),
        uses_bundled=libraries.users,
    )


def fingerprint(capture: Capture) -> str:
    """``sha256:<hex>`` over the names, executable bits and contents of a capture."""
    hasher = hashlib.sha256()
    for file in capture.files:
        if file.source is not None:
            content = sha256_of(file.source)[0]
        elif file.text is not None:
            content = hashlib.sha256(file.text.encode("utf-8")).hexdigest()
        else:
            content = f"-> {file.link_target}"
        mode = "x" if file.executable else "-"
        hasher.update(f"{file.path}\0{mode}\0{content}\0".encode("utf-8", "surrogateescape"))
    return f"sha256:{hasher.hexdigest()}"


def _library(found: Installation, folder: str) -> Iterator[CapturedFile]:
    """The standard library of `found`, for `folder` of the capture."""
    for root, folders, names in os.walk(found.stdlib, onerror=_refuse_unreadable):
        inside = os.path.relpath(root, found.stdlib)
        start = "" if inside == "." else f"{inside}/"
        folders[:] = [name for name in folders if not _is_dropped(start + name)]
        for name in [*folders, *names]:
            relative = start + name
            source = Path(root, name)
            if source.is_symlink():
                yield from _link(found, folder, relative)
            elif name in names and not _is_dropped(relative):
                yield _file(f"{folder}/{relative}", source)


def _link(found: Installation, folder: str, relative: str) -> Iterator[CapturedFile]:
    """A link of the standard library: a link if it stays inside, else a copy of the file."""
    if _is_dropped(relative):
        return
    source = Path(found.stdlib, relative)
    # Not `Path.resolve`, which raises for a link to itself before Python 3.13.
    real = Path(os.path.realpath(source))
    inside = os.path.relpath(real, os.path.realpath(found.stdlib))
    if inside == ".." or inside.startswith("../"):
        if real.is_dir():
            raise not_captured(
                found,
                f"`{source}` of its standard library is a link to the folder `{real}`; "
                "use another installation, or set `[venvstacks].python_provider` to `pbs`",
            )
        if real.is_file():
            yield _file(f"{folder}/{relative}", real)
    elif real.exists() and not any(_is_dropped(part) for part in _with_parents(inside)):
        target = posixpath.relpath(inside, posixpath.dirname(relative) or ".")
        yield CapturedFile(f"{folder}/{relative}", link_target=target)


def _debian_link(found: Installation, folder: str) -> Iterator[CapturedFile]:
    """The link for Debian's Python, which looks for packages in ``dist-packages``.

    An edited ``site.py`` would not help, since Python runs the copy that is frozen into it.
    """
    if "dist-packages" in Path(found.stdlib, "site.py").read_text(encoding="utf-8"):
        yield CapturedFile(f"{folder}/dist-packages", link_target="site-packages")


def _headers(found: Installation, folder: str) -> Iterator[CapturedFile]:
    """The C headers; without installed ones, a header that says the version."""
    names = set()
    for root, folders, files in os.walk(found.include):
        folders.sort()
        for name in files:
            source = Path(root, name)
            relative = os.path.relpath(source, found.include)
            names.add(relative)
            yield _file(f"{folder}/{relative}", source)
    if "patchlevel.h" not in names:
        text = f'#define PY_VERSION "{release(found.python_version)}"\n'
        yield CapturedFile(f"{folder}/patchlevel.h", text=text)
    # Debian's `pyconfig.h` includes another one from a folder of the machine's architecture.
    prefix = Path(found.prefix)
    for header in sorted(prefix.glob(f"include/*/{Path(folder).name}/pyconfig.h")):
        yield _file(header.relative_to(prefix).as_posix(), header)


def _libraries(bundled: dict[str, str], version: str) -> Iterator[CapturedFile]:
    for name, source in bundled.items():
        yield CapturedFile(f"lib/{name}", executable=True, source=source)
        if name.startswith(f"libpython{version}.so."):
            # For programs that embed the interpreter.
            yield CapturedFile(f"lib/libpython{version}.so", link_target=name)


def _file(path: str, source: Path) -> CapturedFile:
    executable = bool(source.stat().st_mode & stat.S_IXUSR)
    return CapturedFile(path, executable=executable, source=str(source))


def _refuse_unreadable(error: OSError) -> None:
    # `os.walk` skips unreadable folders, and a part of the library would be missing.
    raise error


def _is_dropped(relative: str) -> bool:
    """Whether a capture leaves out a path below the standard library's folder."""
    if "/" not in relative and any(fnmatch.fnmatchcase(relative, p) for p in _DROPPED_TOP):
        return True
    # Patterns with a slash match the whole path, so that only test folders of packages match.
    name = posixpath.basename(relative)
    return any(
        fnmatch.fnmatchcase(relative if "/" in pattern else name, pattern) for pattern in _DROPPED
    )


def _with_parents(relative: str) -> Iterator[str]:
    while relative:
        yield relative
        relative = posixpath.dirname(relative)
