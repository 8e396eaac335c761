"""Finds a CPython of a given version on this machine (verb ``find-interpreter``)."""

from __future__ import annotations

import os
import re

from venvstacks_rules.actions.interpreters.capture import capture_of
from venvstacks_rules.actions.interpreters.probe import Installation
from venvstacks_rules.actions.interpreters.search import installations, search_patterns
from venvstacks_rules.local.files.streams import sha256_of
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

_VERSION = re.compile(r"3\.\d+(\.\d+)?t?")


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
    candidates = tuple(installations(patterns))
    libc = parsed_linux_target(request.linux_target).libc
    fitting = [
        found
        for found in candidates
        if is_release_of(found.python_version, wanted)
        and (request.to_compile or found.libc in (None, libc))
    ]
    if not fitting:
        raise _not_found(request, patterns, candidates)
    # The newest; of equal ones the first, in the order of the folders.
    best = max(fitting, key=lambda found: release_numbers(found.python_version))
    return FoundInterpreter(
        executable=best.executable,
        python_version=best.python_version,
        # Compiling takes nothing of it, and its standard library hardly matters.
        fingerprint=(sha256_of(best.executable)[0] if request.to_compile else capture_of(best)[1]),
    )


def _not_found(
    request: FindInterpreterRequest,
    patterns: tuple[str, ...],
    candidates: tuple[Installation, ...],
) -> InterpreterError:
    wanted = request.python_version
    libc = parsed_linux_target(request.linux_target).libc
    others = sorted({found.libc for found in candidates if found.libc} - {libc})
    if is_free_threaded(wanted):
        wanted = f"{wanted} (free-threaded)"
    by_version = sorted(candidates, key=lambda found: release_numbers(found.python_version))
    found = [f"{item.python_version} (`{item.executable}`)" for item in by_version]
    problems = [
        f"looked in {quoted(patterns)}",
        "found " + (", ".join(found) or "no CPython 3 at all"),
    ]
    if request.to_compile:
        problems.append(
            f"install it (for example `uv python install {request.python_version}` or `pyenv "
            f"install {request.python_version}`), add the platform of this machine to `platforms` "
            f"of the runtime, or set `byte_code` to 'deployed'"
        )
    elif others:
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
    to_compile = ", which its byte code needs," if request.to_compile else ""
    return InterpreterError(
        f"{request.target}: no CPython {wanted}{to_compile} was found on this machine", problems
    )
