"""What a build backend says that it requires for a wheel, beside what the project itself lists.

Backends that need a compiler's driver, such as CMake or Ninja, tell of it only when they are asked
(the hook ``get_requires_for_build_wheel`` of PEP 517).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from venvstacks_rules.model.platforms.machines import machine_platform_name
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, TargetPlatform

_LEGACY = "setuptools.build_meta:__legacy__"
_ANSWER = "asked: "
_MOST_SECONDS = 300

# argv: the backend as JSON. It prints what it likes before the answer.
_ASK = f"""\
import importlib, json, sys
name, paths = json.loads(sys.argv[1])
sys.path[:0] = paths
module, _, attributes = name.partition(":")
backend = importlib.import_module(module)
for attribute in filter(None, attributes.split(".")):
    backend = getattr(backend, attribute)
hook = getattr(backend, "get_requires_for_build_wheel", None)
print("\\n{_ANSWER}" + json.dumps(list(hook(None)) if hook else []))
"""


def this_platform() -> TargetPlatform | None:
    """The target platform of the machine that locks, if it is one."""
    name = machine_platform_name(sys.platform, platform.machine())
    return None if name is None else PLATFORMS[name]


def asked_requirements(
    project: Path,
    system: Mapping[str, Any],
    wheels: Sequence[Path],
    python: str,
    *,
    folder: Path,
    variables: Mapping[str, str],
) -> tuple[str, ...]:
    """What the backend of the project adds; nothing if it cannot be asked.

    `wheels` are what the project lists, `folder` is for temporary files.

    A build of the package fails of the same, and tells it; other packages are locked meanwhile.
    """
    environment = folder / "environment"
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    uv = [find_uv_bin(), "--offline", "--no-config", "--no-python-downloads"]
    own = scripts / ("python.exe" if sys.platform == "win32" else "python")
    install = [*uv, "pip", "install", "--no-index", "--no-deps", "--python", str(own)]
    backend = system.get("build-backend", _LEGACY)
    paths = [str(project / path) for path in system.get("backend-path", ())]
    if backend == _LEGACY:
        paths.append(str(project))
    commands = [
        [*uv, "venv", "--no-project", "--python", python, str(environment)],
        *([[*install, *map(str, wheels)]] if wheels else []),
        [str(own), "-I", "-B", "-c", _ASK, json.dumps([backend, paths])],
    ]
    output = ""
    for command in commands:
        try:
            done = subprocess.run(
                command,
                cwd=project,
                env={**_environment(scripts, folder), **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_MOST_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return ()
        output = done.stdout.decode("utf-8", "replace")
    return _answer(output)


def _environment(scripts: Path, folder: Path) -> dict[str, str]:
    """Programs, and nothing of the person who locks: no credentials above all."""
    return {
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(folder),
        "UV_CACHE_DIR": str(folder / "cache"),
        "LC_ALL": "C.UTF-8",
    }


def _answer(output: str) -> tuple[str, ...]:
    lines = [line for line in output.splitlines() if line.startswith(_ANSWER)]
    try:
        found = json.loads(lines[-1][len(_ANSWER) :]) if lines else []
    except ValueError:
        return ()
    return tuple(text for text in found if isinstance(text, str))
