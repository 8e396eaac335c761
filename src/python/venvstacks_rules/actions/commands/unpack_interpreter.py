"""Unpacks what compiling needs of an interpreter's archive (``unpack-interpreter``)."""

from __future__ import annotations

import posixpath
from pathlib import Path

from venvstacks_rules.actions.interpreters.archive import InterpreterArchive
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.requests.byte_code import (
    UnpackedInterpreter,
    UnpackInterpreterRequest,
)

# Large parts of the standard library that compiling does not import.
_NEEDLESS = (
    "config-",
    "distutils",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tkinter",
    "turtledemo",
)


def run(request_text: str) -> UnpackedInterpreter:
    """Do what a :class:`UnpackInterpreterRequest` asks for."""
    request = from_json(UnpackInterpreterRequest, request_text)
    archive, output = Path(request.archive), Path(request.output_dir)
    if request.sha256 is not None and sha256_of(archive)[0] != request.sha256:
        raise InterpreterError(
            "An interpreter archive is not the one that the lockfile pins:", [f"`{archive.name}`"]
        )
    library = str(LayerLayout(request.python_version, "posix").stdlib)
    with InterpreterArchive(archive, Path.cwd()) as interpreter:
        # Libraries have several names.
        interpreter.unpack(output, lambda path: _is_needed(path, library))
    names = [f"bin/python{version}" for version in (short_version(request.python_version), "3", "")]
    python = next((name for name in names if (output / name).is_file()), None)
    if python is None:
        raise InterpreterError(
            f"the interpreter archive `{archive.name}` has no interpreter",
            [f"expected an executable file `python/{names[0]}`"],
        )
    return UnpackedInterpreter(python)


def _is_needed(path: str, library: str) -> bool:
    if path.startswith(f"{library}/"):
        return not path[len(library) + 1 :].startswith(_NEEDLESS)
    folder = posixpath.dirname(path)
    return folder == "bin" or (folder == "lib" and not path.endswith(".a"))
