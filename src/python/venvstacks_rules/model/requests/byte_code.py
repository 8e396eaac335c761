"""The requests and results of the actions that make byte code for layers."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.inputs import InterpreterFile, LayerWheel
from venvstacks_rules.model.contents.layout import OsName
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.platforms.python_versions import PythonVersion
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class Compiler:
    """An interpreter of this machine that compiles."""

    python: str
    """The executable, absolute or relative to the working directory."""
    key: str
    """Tells it from another one at the same place."""


@dataclass(frozen=True)
class _ByteCodeFile:
    byte_code: GivenPath
    """The zip archive to write, with paths relative to site-packages."""


@dataclass(frozen=True)
class WheelToCompile(LayerWheel, _ByteCodeFile):
    """A wheel whose modules are to be compiled."""


@dataclass(frozen=True)
class CompileWheelsRequest:
    """Make the byte code of some wheels (verb ``compile-wheels``).

    It is the same for all platforms, layers and archive formats.
    """

    wheels: tuple[WheelToCompile, ...]
    python_version: PythonVersion
    """``X.Y``."""
    compiler: Compiler


@dataclass(frozen=True)
class _RuntimeByteCode:
    os_name: OsName
    case_sensitive: bool
    """Whether all file systems of the target distinguish names that differ by case only."""
    compiler: Compiler
    byte_code: GivenPath
    """The zip archive to write, with paths relative to the layer's folder."""


@dataclass(frozen=True)
class CompileInterpreterRequest(InterpreterFile, _RuntimeByteCode):
    """Make the byte code of a runtime's interpreter (verb ``compile-interpreter``)."""


@dataclass(frozen=True)
class CompileFilesRequest:
    """Make the byte code of a layer's own files (verb ``compile-files``)."""

    files: tuple[OwnFile, ...]
    python_version: PythonVersion
    """``X.Y``."""
    os_name: OsName
    compiler: Compiler
    byte_code: GivenPath
    """The zip archive to write, with paths relative to the layer's folder."""


@dataclass(frozen=True)
class CompiledModules:
    """The result of the actions that compile."""

    modules: int
    """How many have byte code; the others are no Python of this version."""


@dataclass(frozen=True)
class UnpackInterpreterRequest:
    """Unpack what compiling needs of an interpreter's archive (verb ``unpack-interpreter``)."""

    archive: GivenPath
    sha256: Optional[str]
    """None if nothing is pinned."""
    python_version: PythonVersion
    output_dir: GivenPath


@dataclass(frozen=True)
class UnpackedInterpreter:
    """The result of ``unpack-interpreter``."""

    python: str
    """The executable, relative to the output folder."""
