"""Runs the ``postinstall.py`` of a layer."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from venvstacks_rules.model.contents.layout import POSTINSTALL
from venvstacks_rules.model.errors import DeploymentError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(DeploymentError):
    """The disk has no room for what the script writes."""


def post_install(layer: Path, base_python: Path, *options: str, paths: Iterable[str] = ()) -> None:
    """Run the layer's ``postinstall.py``; `paths` are for ``--compile-listed``.

    Raises DeploymentError with its output if it fails; DiskFullError if that says why.
    """
    import subprocess

    script = layer / POSTINSTALL
    # Without the caller's environment and the user's site-packages, so that a layer gets the same
    # files on every machine.
    command = [str(base_python), "-I", "-S", "-B", str(script), *options]
    try:
        done = subprocess.run(
            command,
            input=b"\0".join(os.fsencode(path) for path in paths),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=layer,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except OSError as e:
        raise DeploymentError(
            f"`{layer.name}` cannot be post-installed",
            [f"cannot run the interpreter `{base_python}`: {e.strerror}"],
        ) from None
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        full = any(f"[Errno {number}]" in said for number in _FULL)
        raise (DiskFullError if full else DeploymentError)(
            f"`{layer.name}` cannot be post-installed",
            [f"{POSTINSTALL} ended with exit code {done.returncode}\n{said}".rstrip()],
        )
