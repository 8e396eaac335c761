"""Finds the shared libraries that a CPython installation loads and a capture must contain.

Libraries in the system's own folders stay outside: they are as much a part of the platform as the
C library. A capture contains ``libpython`` and all libraries from elsewhere. The dynamic loader
itself (``ldd``) finds them, with the search paths, caches and indirect needs of a running Python.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from venvstacks_rules.actions.interpreters.probe import Installation
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.values import dataclass

SYSTEM_FOLDERS = ("/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/")

_LINE = re.compile(r"\t(?:(?P<name>\S+) => )?(?P<path>/.+) \(0x[0-9a-f]+\)")


@dataclass(frozen=True)
class SharedLibraries:
    """The libraries that binaries load from outside the system's folders."""

    bundled: dict[str, str]
    """From the name that binaries use to the file, without links."""
    users: frozenset[str]
    """The binaries that load at least one."""


def find(found: Installation, binaries: Mapping[str, str]) -> SharedLibraries:
    """Examine `binaries`, from path in the capture to file of the machine.

    Raises InterpreterError if a binary names a library in a way that cannot be relocated.
    """
    bundled: dict[str, str] = {}
    users = set()
    problems = set()
    by_source = {source: path for path, source in binaries.items()}
    for source, name, library in _loaded(tuple(by_source)):
        real = os.path.realpath(library)
        is_libpython = Path(library).name.startswith("libpython")
        if real.startswith(SYSTEM_FOLDERS) and not is_libpython:
            continue
        if name is None:
            problems.add(
                f"`{source}` loads `{library}` by its absolute path, outside the system's folders"
            )
            continue
        if bundled.setdefault(name, real) != real:
            problems.add(f"two libraries are called `{name}`: `{bundled[name]}` and `{real}`")
        users.add(by_source[source])
    if problems:
        raise InterpreterError(
            f"CPython {found.python_version} (`{found.executable}`) cannot be made relocatable; "
            "use another installation, or set `[venvstacks].python_provider` to `pbs`",
            sorted(problems),
        )
    return SharedLibraries(dict(sorted(bundled.items())), frozenset(users))


def _loaded(sources: tuple[str, ...]) -> Iterator[tuple[str, str | None, str]]:
    """Triples of a binary, the name that it uses (None: a path), and the library's path."""
    try:
        # LD_LIBRARY_PATH and LD_PRELOAD must not change the result.
        done = subprocess.run(
            ["ldd", *sources],  # noqa: S607 - its place differs; PATH is fixed below
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": f"{os.defpath}:/usr/bin:/bin", "LC_ALL": "C"},
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except OSError as e:
        raise InterpreterError(
            "the shared libraries of a local interpreter cannot be found",
            [f"the command `ldd` of the C library does not start: {e.strerror}"],
        ) from None
    # With several files, the output of each follows a line `<file>:`.
    current = sources[0]
    for line in done.stdout.splitlines():
        if line[:1] != "\t" and line[:-1] in sources:
            current = line[:-1]
        match = _LINE.fullmatch(line)
        if match is not None:
            yield current, match["name"], match["path"]
