"""Asks ``uv`` for a universal resolution of one layer's requirements.

It makes a project in a temporary folder, locks it with ``uv lock`` and exports it as a ``pylock``
file. ``uv`` wants an interpreter of the Python version that it locks for, although it runs nothing
with it. A lock must not depend on installed programs, so ``uv`` gets the interpreter that runs us,
which claims to be that version.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from uv import find_uv_bin

from venvstacks_rules.actions.files.toml import read_toml, write_toml
from venvstacks_rules.actions.locking.distributions import NO_DISTRIBUTIONS, DistributionWheels
from venvstacks_rules.actions.locking.local_wheels import LocalWheelFolders
from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.actions.network.repositories import git_variables
from venvstacks_rules.model.layers.requirements import parsed_requirement
from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile
from venvstacks_rules.model.network.credentials import hidden_credentials
from venvstacks_rules.model.platforms.markers import platform_marker
from venvstacks_rules.model.platforms.python_versions import (
    language_version,
    names_patch_release,
    release,
)
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform

_PROJECT = "venvstacks-layer"

# Lines that only concern our temporary project.
_NOISE = (
    "Using CPython",
    "Resolving despite",
    "Ignoring existing",
    "hint: The resolution failed for an environment that is not the current one",
)

# The variables of `uv` that say how to reach servers. All others would change the lock, or where
# `uv` looks for the project; a lock depends on files of the repository only. Credentials of indexes
# are not among them: build backends, which are programs of others, get the variables as well.
_PASSED_ON = re.compile(
    r"UV_(CACHE_DIR|CONCURRENT_DOWNLOADS|HTTP_(CONNECT_)?TIMEOUT|HTTP_RETRIES|INSECURE_HOST"
    r"|KEYRING_PROVIDER|NATIVE_TLS|REQUEST_TIMEOUT|SYSTEM_CERTS)"
)

# Answers for the interpreter, with another version: argv[1].
_CLAIM = """\
import json, subprocess, sys
done = subprocess.run([sys.executable, *sys.argv[2:]], stdout=subprocess.PIPE)
try:
    answer = json.loads(done.stdout)
    answer["markers"].update(
        implementation_version=sys.argv[1],
        python_full_version=sys.argv[1],
        python_version=".".join(sys.argv[1].split(".")[:2]),
    )
    sys.stdout.write(json.dumps(answer))
except (ValueError, KeyError, TypeError):
    sys.stdout.buffer.write(done.stdout)
sys.exit(done.returncode)
"""


class UvFailedError(Exception):
    """``uv`` failed; the text is its explanation."""


@dataclass(frozen=True)
class Resolution:
    """What to resolve."""

    python_version: str
    """X.Y or X.Y.Z."""
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    overrides: tuple[str, ...]
    without_dependencies: tuple[str, ...]
    """Packages that ask for nothing."""
    platforms: tuple[TargetPlatform, ...]
    config: UvConfig
    local_wheels: LocalWheelFolders
    previous: Lockfile | None
    """The new lock keeps its pins if possible."""
    distributions: DistributionWheels = NO_DISTRIBUTIONS
    build_from_source: tuple[str, ...] = ()
    """The normalised names of packages whose source archives count, and not their wheels."""
    python: str | None = None
    """An interpreter of that version, to ask source archives what they require; if there is one."""


def resolve(resolution: Resolution, *, for_platforms: bool = True) -> dict[str, Any]:
    """The ``pylock`` file that ``uv`` exports, as a dictionary; raises UvFailedError.

    Without `for_platforms` it is for all platforms; a version may lack wheels for some.
    """
    with tempfile.TemporaryDirectory(prefix="lock-") as temporary:
        folder = Path(temporary)
        python = resolution.python or _claimed_interpreter(folder, resolution.python_version)
        project = folder / "project"
        project.mkdir()
        config = resolution.config.with_credentials(os.environ)
        settings = {**config.configuration, "no-build": True}
        metadata = _metadata(resolution)
        if metadata:
            settings["dependency-metadata"] = metadata
        if resolution.build_from_source:
            # An exception from `no-build`, too.
            settings["no-binary-package"] = list(resolution.build_from_source)
        if resolution.local_wheels.find_links:
            settings["find-links"] = resolution.local_wheels.find_links
        # The folder is for this user only, as files with credentials have to be.
        (folder / "uv.toml").write_text(write_toml(settings), encoding="utf-8")
        (project / "pyproject.toml").write_text(
            write_toml(_project(resolution, config, for_platforms=for_platforms)), encoding="utf-8"
        )
        if resolution.previous is not None:
            (project / "uv.lock").write_text(
                write_toml(_preferences(resolution, resolution.previous)), encoding="utf-8"
            )
        names = {
            # The user's settings reach `uv` in both files.
            f"{folder}/uv.toml": f"[tool.uv] of {resolution.config.origin}",
            f"{folder}/project/pyproject.toml": f"[tool.uv] of {resolution.config.origin}",
            f"{folder}/project": ".",
            f"{folder}/": "",
            **resolution.local_wheels.recorded_by_path,
            **resolution.distributions.names,
        }
        common = ["--config-file", str(folder / "uv.toml"), "--python", str(python)]
        _run(["lock", *common], project, names)
        export = ["export", "--frozen", "--no-header", "--no-emit-project"]
        output = project / "pylock.toml"
        export += ["--format", "pylock.toml", "--output-file", str(output)]
        _run([*export, *common], project, names)
        return read_toml(output)


def _project(resolution: Resolution, config: UvConfig, *, for_platforms: bool) -> dict[str, Any]:
    # Without the implementation, `uv` may look for a solution for PyPy, and find none.
    environments = [
        f"{platform_marker([platform])} and platform_python_implementation == 'CPython' "
        "and implementation_name == 'cpython'"
        for platform in resolution.platforms
    ]
    uv: dict[str, Any] = {**config.project, "package": False}
    if for_platforms:
        uv["environments"] = uv["required-environments"] = environments
    constraints = [*uv.get("constraint-dependencies", []), *resolution.constraints]
    if constraints:
        uv["constraint-dependencies"] = constraints
    overridden = {_name_of(text) for text in resolution.overrides}
    given = uv.get("override-dependencies", [])
    overrides = [text for text in given if _name_of(text) not in overridden]
    if overrides or resolution.overrides:
        uv["override-dependencies"] = [*overrides, *resolution.overrides]
    return {
        "project": {
            "name": _PROJECT,
            "version": "0",
            "requires-python": _requires_python(resolution.python_version),
            "dependencies": list(resolution.requirements),
        },
        "tool": {"uv": uv},
    }


def _metadata(resolution: Resolution) -> list[Mapping[str, Any]]:
    """What packages ask for where that is not what their wheels say."""
    without = resolution.without_dependencies
    given = resolution.config.configuration.get("dependency-metadata", [])
    kept = [item for item in given if canonicalize_name(item.get("name", "")) not in without]
    return [*kept, *({"name": name, "requires-dist": []} for name in without)]


def _name_of(requirement: str) -> str:
    parsed = parsed_requirement(requirement)
    return canonicalize_name(parsed.name) if parsed is not None else ""


def _requires_python(python_version: str) -> str:
    """The releases of Python to resolve for: from the runtime's own, if it is known, to X.Y.

    With earlier ones, `uv` would also look for versions for them: of a package that needs X.Y.5, an
    older one, which contradicts the version that a lower layer on X.Y.7 has.
    """
    language = language_version(python_version)
    if not names_patch_release(python_version):
        return f"=={language}.*"
    major, minor = language.split(".")
    return f">={release(python_version)},<{major}.{int(minor) + 1}"


def _preferences(resolution: Resolution, previous: Lockfile) -> dict[str, Any]:
    """A ``uv.lock`` with no more in it than the versions to prefer."""
    versions: dict[str, set[str]] = {}
    for package in previous.packages:
        versions.setdefault(package.name, set()).add(package.version)
    packages: dict[tuple[str, str], dict[str, Any]] = {}
    for package in previous.packages:
        registry = package.index or _folder(package, resolution.local_wheels)
        if registry is None:
            continue
        entry = packages.setdefault(
            (package.name, package.version),
            {
                "name": package.name,
                "version": package.version,
                "source": {"registry": registry},
            },
        )
        # Needed only to distinguish several locked versions of a package.
        if len(versions[package.name]) > 1 and package.marker:
            entry.setdefault("resolution-markers", []).append(package.marker)
    lock: dict[str, Any] = {
        "version": 1,
        "revision": 1,
        "requires-python": _requires_python(resolution.python_version),
    }
    if resolution.config.resolver_options:
        lock["options"] = resolution.config.resolver_options
    return {**lock, "package": list(packages.values())}


def _folder(package: LockedPackage, local_wheels: LocalWheelFolders) -> str | None:
    """The folder of a package's wheels, if it is still one of these."""
    paths = [wheel.path for wheel in package.wheels if wheel.path is not None]
    return local_wheels.path_of(paths[0].rpartition("/")[0]) if paths else None


def _claimed_interpreter(folder: Path, python_version: str) -> Path:
    claim = folder / "claim.py"
    claim.write_text(_CLAIM, encoding="utf-8")
    full = release(python_version)
    if not names_patch_release(python_version):
        full = f"{full}.0"
    command = [sys.executable, "-I", "-B", str(claim), full]
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def _run(arguments: list[str], project: Path, names: Mapping[str, str]) -> None:
    command = [find_uv_bin(), *arguments, "--no-python-downloads", "--color", "never"]
    done = subprocess.run(
        [*command, "--no-progress"],
        cwd=project,
        env={**_environment(os.environ), **git_variables(os.environ)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        text = done.stderr.decode("utf-8", "replace")
        raise UvFailedError(_explanation(text, names))


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    env = {
        name: value
        for name, value in environ.items()
        if name != "VIRTUAL_ENV" and (not name.startswith("UV_") or _PASSED_ON.fullmatch(name))
    }
    if "UV_CACHE_DIR" in env:
        # A relative path starts from our folder, not from the project's.
        env["UV_CACHE_DIR"] = str(Path(env["UV_CACHE_DIR"]).absolute())
    return env


def _explanation(stderr: str, names: Mapping[str, str]) -> str:
    """The message of ``uv`` without noise, and with names for temporary paths."""
    for path, name in names.items():
        stderr = stderr.replace(path, name)
    # Its git has the user's settings, which may put a token into a URL.
    stderr = hidden_credentials(stderr)
    lines = [
        line.rstrip()
        for line in stderr.strip().splitlines()
        if not line.lstrip().startswith(_NOISE)
    ]
    return "\n".join(lines).strip()
