"""Finds a CPython of a given version on this machine (verb ``find-interpreter``)."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from venvstacks_rules.actions.interpreters.capture import capture_of
from venvstacks_rules.actions.interpreters.probe import Installation, probe, real_executable
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.platforms.python_versions import (
    is_free_threaded,
    is_release_of,
    release_numbers,
)
from venvstacks_rules.model.requests.interpreters import FindInterpreterRequest, FoundInterpreter
from venvstacks_rules.model.wording import quoted

FIXED_FOLDERS = (
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/python@*/bin",
    "/Library/Frameworks/Python.framework/Versions/*/bin",
)

_VERSION = re.compile(r"3\.\d+(\.\d+)?t?")
_NAME = re.compile(r"python(3(\.\d+t?)?)?")


def run(request_text: str) -> FoundInterpreter:
    """Find an interpreter; raises InterpreterError if none fits."""
    request = from_json(FindInterpreterRequest, request_text)
    wanted = request.python_version
    if not _VERSION.fullmatch(wanted):
        raise InterpreterError(
            f"{request.target}: wrong Python version",
            [f"`{wanted}` is not `3.Y` or `3.Y.Z`, nor one of these with a `t`"],
        )
    patterns = search_patterns(os.environ)
    installations = tuple(_installations(patterns))
    libc = parsed_linux_target(request.linux_target).libc
    fitting = [
        found
        for found in installations
        if is_release_of(found.python_version, wanted) and found.libc in (None, libc)
    ]
    if not fitting:
        raise _not_found(request, patterns, installations)
    # The newest; of equal ones the first, in the order of the folders.
    best = max(fitting, key=lambda found: release_numbers(found.python_version))
    return FoundInterpreter(
        executable=best.executable,
        python_version=best.python_version,
        fingerprint=capture_of(best)[1],
    )


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


def _installations(patterns: tuple[str, ...]) -> Iterator[Installation]:
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


def _not_found(
    request: FindInterpreterRequest,
    patterns: tuple[str, ...],
    installations: tuple[Installation, ...],
) -> InterpreterError:
    wanted = request.python_version
    libc = parsed_linux_target(request.linux_target).libc
    others = sorted({found.libc for found in installations if found.libc} - {libc})
    if is_free_threaded(wanted):
        wanted = f"{wanted} (free-threaded)"
    by_version = sorted(installations, key=lambda found: release_numbers(found.python_version))
    found = [f"{item.python_version} (`{item.executable}`)" for item in by_version]
    problems = [
        f"looked in {quoted(patterns)}",
        "found " + (", ".join(found) or "no CPython 3 at all"),
    ]
    if others:
        problems.append(
            f"interpreters for {' and '.join(others)} do not fit: `linux_target` is "
            f"`{request.linux_target}`; change that, or build where {libc} is the C library, or "
            "set `[venvstacks].python_provider` to `archive`"
        )
    else:
        problems.append(
            f"install it (for example `uv python install {request.python_version}` or "
            f"`pyenv install {request.python_version}`), choose another `python_implementation`, "
            "or set `[venvstacks].python_provider` to `pbs` or `archive`"
        )
    return InterpreterError(
        f"{request.target}: no CPython {wanted} was found on this machine", problems
    )
