"""Runs the script that compiles, with an interpreter of the layer's version."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from venvstacks_rules.actions.compiling import compiler as script
from venvstacks_rules.actions.files.sinks import write_exactly
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.requests.byte_code import Compiler

_OTHER_VERSION = 3


class Sources:
    """Collects the modules of a layer that Python looks for byte code of; a sink for files.

    The others are read and dropped.
    """

    def __init__(self, folder: Path, is_compiled: Callable[[str], bool]) -> None:
        """`folder` is for the modules; `is_compiled` tells by the path in the layer."""
        self._folder = folder
        self._is_compiled = is_compiled
        self.files: dict[str, Path] = {}
        """By the path in the layer."""
        folder.mkdir(parents=True)

    def add_file(
        self, path: str, content: Iterable[bytes], size: int, *, executable: bool = False
    ) -> ArchivedFile:
        """Keep a module."""
        if not (path.endswith(".py") and self._is_compiled(path)):
            sha256 = write_exactly(path, content, size, _drop)
            return ArchivedFile(path, size, sha256, executable)
        place = self._folder / f"{len(self.files)}.py"
        with place.open("xb") as out:
            sha256 = write_exactly(path, content, size, out.write)
        self.files[path] = place
        return ArchivedFile(path, size, sha256, executable)

    def add_link(self, path: str, target: str) -> None:
        """Links have no byte code of their own."""


def _drop(_: bytes) -> None:
    pass


def compile_modules(
    modules: Iterable[tuple[Path, str, str, bool]],
    output: str,
    *,
    python_version: str,
    compiler: Compiler,
    folder: Path,
) -> int:
    """Write the byte code of `modules` into the zip archive `output`; how many have some.

    A module is its file, its path in the archive, what tracebacks show until it is imported, and
    whether Python compares it with its byte code. Temporary files go to `folder`.
    """
    version = short_version(python_version)
    request = folder / "modules.json"
    files = [(str(file), name, shown, checked) for file, name, shown, checked in modules]
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    request.write_text(json.dumps({"version": version, "output": output, "files": files}))
    # Nothing of the machine but the interpreter and its standard library.
    command = [os.path.abspath(compiler.python), "-I", "-S", "-B", "-X", "utf8"]
    try:
        done = subprocess.run(
            [*command, script.__file__, str(request)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except OSError as e:
        raise _unusable(compiler, version, f"cannot be started: {e.strerror}") from None
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode == _OTHER_VERSION:
        raise _unusable(compiler, version, said)
    if done.returncode != 0:
        raise _unusable(compiler, version, f"ended with exit code {done.returncode}\n{said}")
    with zipfile.ZipFile(output) as made:
        return len(made.namelist())


def _unusable(compiler: Compiler, version: str, problem: str) -> InterpreterError:
    return InterpreterError(
        f"An interpreter cannot compile for Python {version}:", [f"`{compiler.python}`: {problem}"]
    )
