"""Write the lockfile of the actions' libraries and programs: `update-actions-lock` runs this.

`uv` resolves the requirements for every Python and platform that Pants runs on. The file keeps the
wheels that such a machine can install, and nothing else of what `uv` exports. A CPython of
python-build-standalone is pinned beside them, for `[venvstacks-actions].python = "pbs"`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from venvstacks_rules.actions.files.toml import read_toml, write_toml
from venvstacks_rules.actions.interpreters.pbs import pin_interpreters
from venvstacks_rules.model.locks.pylock import LockedInterpreter, LockedPackage, Lockfile
from venvstacks_rules.model.locks.selection import best_wheel
from venvstacks_rules.model.platforms.libc import GLIBC
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

SUPPORT = Path(__file__).resolve().parent
REQUIREMENTS = SUPPORT / "actions-requirements.in"
LOCKFILE = SUPPORT.parent / "src/python/venvstacks_rules/actions/pylock.actions.toml"

# The last versions with wheels for Macs with processors of Intel.
CONSTRAINTS = ("cryptography<49",)
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
REQUIRES_PYTHON = ">=3.9,<3.15"
# Pants runs on these, with any C library and any macOS that the wheels support.
MACHINES = tuple(PLATFORMS[name] for name in PLATFORMS if PLATFORMS[name].system != "win")
LINUX_TARGETS = ("glibc@2.17", "glibc@2.28", "glibc@2.99")
# Publishing to buckets from an older Linux needs another lock.
NEWER_GLIBC = frozenset({"obstore"})
MACOSX_TARGETS = ("11.0", "13.0", "99.0")


def export(requirements: Sequence[str], folder: Path, options: Sequence[str]) -> dict[str, Any]:
    """Return what `uv` exports for the requirements; the versions locked before are preferred."""
    project = {
        "project": {
            "name": "venvstacks-rules-actions",
            "version": "0",
            "requires-python": REQUIRES_PYTHON,
            "dependencies": list(requirements),
        },
        "tool": {"uv": {"package": False, "no-build": True}},
    }
    constraints = list(CONSTRAINTS)
    if LOCKFILE.is_file() and "--upgrade" not in options:
        known = Lockfile.from_dict(read_toml(LOCKFILE), LOCKFILE.name).packages
        constraints += [f"{package.name}=={package.version}" for package in known]
    project["tool"]["uv"]["constraint-dependencies"] = constraints  # type: ignore[index]
    (folder / "pyproject.toml").write_text(write_toml(project), encoding="utf-8")
    uv = [find_uv_bin(), "--no-config", "--directory", str(folder)]
    python = ["--python", sys.executable]
    subprocess.run([*uv, "lock", "--quiet", *python], check=True)
    output = ["--format", "pylock.toml", "--output-file", "pylock.toml"]
    form = ["--quiet", "--frozen", "--no-header", "--no-emit-project"]
    subprocess.run([*uv, "export", *form, *output, *python], check=True)
    return read_toml(folder / "pylock.toml")


def reduced(data: Mapping[str, Any], interpreters: tuple[LockedInterpreter, ...]) -> Lockfile:
    """Return the lockfile with the wheels that a machine of Pants can install."""
    lock = Lockfile.from_dict(data, "what uv exported")
    return replace(
        lock,
        packages=tuple(_reduced(package) for package in lock.packages),
        interpreters=interpreters,
    )


def _reduced(package: LockedPackage) -> LockedPackage:
    kept = set()
    for python_version in PYTHONS:
        for platform in MACHINES:
            if not holds(package.marker, platform, python_version):
                continue
            for linux_target in LINUX_TARGETS[package.name in NEWER_GLIBC :]:
                for macosx_target in MACOSX_TARGETS:
                    wheel = best_wheel(
                        package.wheels,
                        platform=platform,
                        python_version=python_version,
                        linux_target=linux_target,
                        macosx_target=macosx_target,
                    )
                    kept.add(wheel)
            if None in kept:
                sys.exit(
                    f"{package.name} {package.version} has no wheel for CPython {python_version} "
                    f"on {platform.name}"
                )
    wheels = tuple(wheel for wheel in package.wheels if wheel in kept)
    return replace(package, wheels=wheels, marker=package.marker)


def main(argv: Sequence[str]) -> int:
    """Write the lockfile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--python", metavar="X.Y.Z")
    options = parser.parse_args(argv)
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    requirements = [line for line in lines if line and not line.startswith("#")]
    interpreters: tuple[LockedInterpreter, ...] = ()
    if LOCKFILE.is_file():
        interpreters = Lockfile.from_dict(read_toml(LOCKFILE), LOCKFILE.name).interpreters
    if options.python:
        interpreters = pin_interpreters(
            LOCKFILE.name, options.python, MACHINES, libc=GLIBC, mirror=None, known=interpreters
        )
    with tempfile.TemporaryDirectory() as folder:
        lock = reduced(export(requirements, Path(folder), argv), interpreters)
    LOCKFILE.write_text(write_toml(lock.to_dict()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
