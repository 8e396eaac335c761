"""The interpreter that runs the actions: found on the machine, or pinned by hash.

It is looked for by the engine's own search for programs. No library has to be there: neither pex
nor pip takes part.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from pants.core.subsystems.python_bootstrap import PythonBootstrap
from pants.core.util_rules.archive import MaybeExtractArchiveRequest
from pants.core.util_rules.system_binaries import BinaryPathRequest
from pants.engine.fs import EMPTY_DIGEST, Digest, DownloadFile, FileDigest
from pants.engine.platform import Platform
from pants.engine.process import Process
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.locks.pylock import mirrored_url
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import (
    EnvironmentTarget,
    collect_rules,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.native_platforms import NATIVE_PLATFORMS
from venvstacks_rules.pants_backend.processes.actions_lock import ActionsLockRequest, actions_lock
from venvstacks_rules.pants_backend.subsystems.actions import ActionsPython, ActionsSubsystem
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

PYTHON_DIR = "_python"
"""Where a process sees an interpreter that is pinned by hash."""

_NEWEST_MINOR, _OLDEST_MINOR = 14, 9
_NAMES = ("python3", "python")
_PROBE = """\
import json, os, platform, sys, sysconfig
libc = ""
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (AttributeError, OSError, ValueError):
    pass
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "implementation": sys.implementation.name,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "libc": libc,
    "macos": platform.mac_ver()[0],
}))
"""


SEARCH_VARIABLES = ("HOME", "PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME")
"""The variables by which actions find the interpreters of the machine."""


@dataclass(frozen=True)
class ActionPythonRequest:
    """The interpreter that runs the actions."""


@dataclass(frozen=True)
class ActionPython:
    """An interpreter, and what decides which wheels it can use."""

    path: str
    """Absolute, or relative to the sandbox of a process that has `digest`."""
    python_version: str
    """X.Y.Z."""
    platform: str
    """The name of the target platform that it runs on."""
    linux_target: str
    """``glibc@X.Y`` or ``musl@X.Y`` of the machine."""
    macosx_target: str
    """The machine's macOS, X.Y."""
    digest: Digest = EMPTY_DIGEST
    """What a process needs at :data:`PYTHON_DIR`."""


@dataclass(frozen=True)
class ProbedPythonRequest:
    """An interpreter to ask what it is."""

    path: str
    digest: Digest = EMPTY_DIGEST


@dataclass(frozen=True)
class ProbedPython:
    """What an interpreter says of itself; nothing for a program that is none."""

    found: ActionPython | None
    otherwise: str = "no CPython"
    """What it is instead, for messages."""


def mounted(digest: Digest) -> dict[str, Digest]:
    """The immutable inputs of a process that is run by a pinned interpreter; none for others."""
    return {} if digest == EMPTY_DIGEST else {PYTHON_DIR: digest}


def candidate_names(specifiers: Iterable[SpecifierSet]) -> Iterator[str]:
    """The names of programs to look for, the newest version first."""
    allowed = tuple(specifiers)
    for minor in range(_NEWEST_MINOR, _OLDEST_MINOR - 1, -1):
        # Some patch release may fit.
        releases = [f"3.{minor}.{patch}" for patch in range(40)]
        if any(specifier.contains(release) for specifier in allowed for release in releases):
            yield f"python3.{minor}"
    yield from _NAMES


@rule
async def probed_python(
    request: ProbedPythonRequest, native: Platform, environment: EnvironmentTarget
) -> ProbedPython:
    done = await engine.execute_process(
        Process(
            argv=(request.path, "-I", "-S", "-B", "-c", _PROBE),
            description=f"Ask {request.path} for its version",
            level=LogLevel.DEBUG,
            immutable_input_digests=mounted(request.digest),
            # As Pants remembers where programs are.
            cache_scope=environment.executable_search_path_cache_scope(cache_failures=True),
        )
    )
    if done.exit_code != 0:
        # A shim of a version manager, say, that finds no interpreter behind it.
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return ProbedPython(None, ": ".join(["does not start", *lines[-1:]]))
    try:
        said = json.loads(done.stdout)
        if said["implementation"] != "cpython" or said["free_threaded"]:
            return ProbedPython(None)
        name, _, version = said["libc"].partition(" ")
        libc = f"glibc@{'.'.join(version.split('.')[:2])}" if name == "glibc" else "musl@1.2"
        return ProbedPython(
            ActionPython(
                path=request.path if request.digest != EMPTY_DIGEST else said["executable"],
                python_version=said["version"],
                platform=NATIVE_PLATFORMS[native],
                linux_target=libc,
                macosx_target=".".join(said["macos"].split(".")[:2]) or "11.0",
                digest=request.digest,
            )
        )
    except (ValueError, KeyError, TypeError):
        return ProbedPython(None)


@rule
async def action_python(
    _: ActionPythonRequest,
    options: ActionsSubsystem,
    bootstrap: PythonBootstrap,
    general: VenvstacksSubsystem,
    native: Platform,
    environment: EnvironmentTarget,
) -> ActionPython:
    if options.python is ActionsPython.PBS:
        pinned: ActionPython = await pinned_python(
            PinnedPythonRequest(NATIVE_PLATFORMS[native], general.python_mirror), **implicitly()
        )
        return pinned
    specifiers = options.specifiers
    seen: dict[str, str] = {}
    for name in candidate_names(specifiers):
        found = await engine.find_binary(
            BinaryPathRequest(
                binary_name=name,
                search_path=bootstrap.interpreter_search_paths,
                check_file_entries=True,
            )
        )
        for binary in found.paths:
            if binary.path in seen:
                continue
            probed: ProbedPython = await probed_python(
                ProbedPythonRequest(binary.path), **implicitly()
            )
            python = probed.found
            seen[binary.path] = probed.otherwise if python is None else python.python_version
            if python is not None and any(
                specifier.contains(python.python_version) for specifier in specifiers
            ):
                return python
    raise _not_found(options, bootstrap.interpreter_search_paths, seen, environment)


def _not_found(
    options: ActionsSubsystem,
    searched: Iterable[str],
    seen: dict[str, str],
    environment: EnvironmentTarget,
) -> InterpreterError:
    where, setting = "", "`[python-bootstrap].search_path`"
    if environment.val is not None:
        where = f" in the environment `{environment.name}`"
        setting += f", or `python_bootstrap_search_path` of {environment.val.address}"
    found = [f"{path} ({what})" for path, what in sorted(seen.items())]
    wanted = " or ".join(options.interpreter_constraints)
    return InterpreterError(
        f"No interpreter was found{where} to run the actions of venvstacks_rules:",
        [
            f"wanted {wanted} (`[venvstacks-actions].interpreter_constraints`)",
            f"searched {', '.join(searched) or 'nothing'} ({setting})",
            f"found {', '.join(found) or 'no Python at all'}",
            f"install such a CPython, add its folder to {setting}, or set "
            '`[venvstacks-actions].python = "pbs"`, which downloads one',
        ],
    )


# ---------------------------------------------------------------------------------- pinned by hash
@dataclass(frozen=True)
class PinnedPythonRequest:
    """The interpreter that the lockfile of the actions pins for a platform."""

    platform: str
    mirror: str | None


@rule(desc="Get the interpreter of the actions")
async def pinned_python(request: PinnedPythonRequest) -> ActionPython:
    lock = await actions_lock(ActionsLockRequest(), **implicitly())
    pinned = {pin.platform: pin for pin in lock.lockfile.interpreters}
    pin = pinned.get(request.platform)
    if pin is None:
        raise InterpreterError(
            'No interpreter is pinned for `[venvstacks-actions].python = "pbs"`:',
            [
                f"{lock.origin}: `tool.venvstacks-rules.interpreters` has none for "
                f"{request.platform}, only for {', '.join(pinned) or 'no platform'}. Add one, or "
                'set `[venvstacks-actions].python = "search"`.'
            ],
        )
    archive = await engine.download_file(
        DownloadFile(mirrored_url(pin.url, request.mirror), FileDigest(pin.sha256, pin.size))
    )
    extracted = await engine.extract_archive(MaybeExtractArchiveRequest(archive, ".tar.gz"))
    digest = extracted.digest
    path = f"{PYTHON_DIR}/python/bin/python3"
    probed: ProbedPython = await probed_python(ProbedPythonRequest(path, digest), **implicitly())
    if probed.found is None:
        raise InterpreterError(
            "The pinned interpreter of the actions does not start:",
            [
                f"{lock.origin}: {pin.url} for {pin.platform}. Pin another one, or set "
                '`[venvstacks-actions].python = "search"`.'
            ],
        )
    return probed.found


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
