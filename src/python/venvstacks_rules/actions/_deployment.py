"""What every deployment of layers does, wherever the layers come to stand.

Only one process at a time changes a folder of layers (:func:`locked`). Others may use the layers
in it meanwhile: what they see appears, and is replaced, by a single rename.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from venvstacks_rules.model.deployment_io import DeployedArchive
from venvstacks_rules.model.errors import ArchiveError, DeploymentError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.layer_config import LayerConfig
from venvstacks_rules.model.layout import LAYER_CONFIG, POSTINSTALL

_REMOVAL_ATTEMPTS = 50
_INSTALL_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*")


def check_archives(archives: Sequence[DeployedArchive]) -> None:
    """Raise DeploymentError unless `archives` can be the layers of one folder."""
    problems = []
    if not archives:
        problems.append("no archives are given; the first is the runtime's")
    seen: set[str] = set()
    for archive in archives:
        if not is_install_target(archive.install_target):
            problems.append(f"`{archive.install_target}` is not the name of a layer's folder")
        elif archive.install_target.casefold() in seen:
            problems.append(f"`{archive.install_target}` is given twice")
        if not is_sha256_hex(archive.sha256):
            problems.append(f"`{archive.install_target}`: `{archive.sha256}` is not a sha256")
        seen.add(archive.install_target.casefold())
    if problems:
        raise DeploymentError("the layers to deploy are not well described", problems)


def is_install_target(name: str) -> bool:
    """Whether `name` can be the name of a layer's folder."""
    return _INSTALL_TARGET.fullmatch(name) is not None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; the system lets go of it when the process ends, however."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def unpack_all(archives: Sequence[DeployedArchive], folders: Sequence[Path]) -> None:
    """Unpack each archive into its folder (which is made), side by side.

    Raises ArchiveError with the problems of all archives.
    """
    # Imported when something is unpacked: starting what is there already must not wait for it.
    from concurrent.futures import ThreadPoolExecutor

    from venvstacks_rules.actions._unpack import unpack

    for folder in folders:
        folder.mkdir(parents=True)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(unpack, *pair) for pair in zip(archives, folders)]
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    for error in errors:
        if not isinstance(error, ArchiveError):
            raise error
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ArchiveError("several archives cannot be deployed", [str(e) for e in errors])


def read_layer_config(layer: Path) -> LayerConfig:
    """The configuration of the unpacked `layer`; DeploymentError where there is none."""
    path = layer / LAYER_CONFIG
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        launch_module = data.get("launch_module")
        return LayerConfig(
            python=_inside(data["python"]),
            py_version=str(data["py_version"]),
            base_python=_inside(data["base_python"]),
            site_dir=_inside(data["site_dir"]),
            pylib_dirs=tuple(_inside(folder) for folder in data.get("pylib_dirs", ())),
            dynlib_dirs=tuple(_inside(folder) for folder in data.get("dynlib_dirs", ())),
            launch_module=None if launch_module is None else str(launch_module),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        reason = f"key {e} is missing" if isinstance(e, KeyError) else str(e)
        raise DeploymentError(
            f"`{layer.name}` is not a layer that can be deployed", [f"{LAYER_CONFIG}: {reason}"]
        ) from None


def _inside(path: object) -> str:
    # One step up is the folder that holds the layers, and `layer` any name that a layer has.
    if not isinstance(path, str) or path.startswith("/"):
        raise ValueError(f"`{path}` is not a relative path")
    if os.path.normpath(f"layer/{path}").split("/")[0] == "..":
        raise ValueError(f"`{path}` leaves the folder that holds the layers")
    return path


def post_install(layer: Path, base_python: Path, *options: str, paths: Iterable[str] = ()) -> None:
    """Run the layer's ``postinstall.py``; DeploymentError with what it says if it fails.

    `paths` are for ``--compile-listed``.
    """
    import subprocess

    script = layer / POSTINSTALL
    # Neither the environment nor the user's site-packages have a say: the same layer, the same
    # files, on every machine.
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
        raise DeploymentError(
            f"`{layer.name}` cannot be post-installed",
            [f"{POSTINSTALL} ended with exit code {done.returncode}\n{said}".rstrip()],
        )


def python_environment(environment: dict[str, str]) -> dict[str, str]:
    """`environment` without what would lead a layer's Python to other packages than its own."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _PYTHON_VARIABLES and not name.startswith(_PEX_PREFIXES)
    }


_PYTHON_VARIABLES = frozenset(
    {
        "PEX",
        "PYTHONEXECUTABLE",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONPLATLIBDIR",
        "__PYVENV_LAUNCHER__",
    }
)
_PEX_PREFIXES = ("PEX_", "_PEX_", "__PEX_")


def remove(path: Path) -> None:
    """Remove a folder, or a file, or nothing where there is nothing."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for attempt in range(_REMOVAL_ATTEMPTS):
        try:
            shutil.rmtree(path)
        except OSError as e:
            # The post-installation that a killed run has left behind may still be adding byte
            # code; it ends as soon as it misses a source.
            gone = isinstance(e, FileNotFoundError)
            if not (gone or e.errno == errno.ENOTEMPTY) or attempt == _REMOVAL_ATTEMPTS - 1:
                raise
            time.sleep(0.1)
        if not path.exists():
            return


def new_staging(parent: Path) -> Path:
    """A new folder below `parent`: one that no process left behind by a killed run writes to."""
    # Imported when something is unpacked, as above.
    import tempfile

    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))
