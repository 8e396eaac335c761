"""Finds the CPython installations of this machine."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from venvstacks_rules.actions.interpreters.probe import Installation, probe, real_executable

FIXED_FOLDERS = (
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/python@*/bin",
    "/Library/Frameworks/Python.framework/Versions/*/bin",
)

_NAME = re.compile(r"python(3(\.\d+t?)?)?")


def search_patterns(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The folders to look in, as absolute glob patterns, the preferred first.

    Interpreters that a tool manages for the user are more portable than the system's: first those
    of uv, then those of pyenv, then the folders of PATH, then the usual ones.
    """
    home = environ.get("HOME")
    data = environ.get("XDG_DATA_HOME") or (home and f"{home}/.local/share")
    uv = environ.get("UV_PYTHON_INSTALL_DIR") or (data and f"{data}/uv/python")
    pyenv = environ.get("PYENV_ROOT") or (home and f"{home}/.pyenv")
    patterns = []
    if uv:
        patterns.append(f"{glob.escape(uv)}/*/bin")
    if pyenv:
        patterns.append(f"{glob.escape(pyenv)}/versions/*/bin")
    patterns += environ.get("PATH", "").split(os.pathsep)
    patterns += FIXED_FOLDERS
    # A relative entry of PATH is another folder in each working directory.
    return tuple(dict.fromkeys(p.rstrip("/") for p in patterns if p.startswith("/")))


def installations(patterns: tuple[str, ...]) -> Iterator[Installation]:
    """Each CPython in these folders, once."""
    seen = set()
    for folder in _folders(patterns):
        try:
            names = sorted(p.name for p in Path(folder).iterdir() if _NAME.fullmatch(p.name))
        except OSError:
            continue
        for name in names:
            executable = real_executable(f"{folder}/{name}")
            if executable is None or executable in seen:
                continue
            seen.add(executable)
            found = probe(executable)
            if found is not None:
                yield found


def _folders(patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        if "*" in pattern:
            # `Path.glob` cannot escape the characters of a folder's own name.
            yield from sorted(glob.glob(pattern))
        else:
            yield pattern
