"""Shared libraries for Linux, made with the C compiler of the machine."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def shared_library(
    path: Path,
    *options: str,
    source: str = "int answer(void) { return 42; }",
    needs: Sequence[Path] = (),
    soname: str | None = None,
    run_path: str | None = None,
    inherited: bool = False,
) -> Path:
    """Write a library to `path`; `inherited` makes the run path an RPATH instead of a RUNPATH."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path), *options]
    command += ["-x", "none", "-Wl,--no-as-needed", *map(str, needs)]
    command.append("-Wl,--disable-new-dtags" if inherited else "-Wl,--enable-new-dtags")
    command.append("-Wl,--allow-shlib-undefined")
    if soname is not None:
        command.append(f"-Wl,-soname,{soname}")
    if run_path is not None:
        command.append(f"-Wl,-rpath,{run_path}")
    subprocess.run(command, input=source, text=True, check=True)
    return path
