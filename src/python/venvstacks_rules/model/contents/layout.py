"""Where things are in a deployed layer; all paths are relative to the layer's folder.

The layouts of the ``venvstacks`` formats, for POSIX and for Windows (see the reference, "Layer
archive").
"""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated

from venvstacks_rules.model.layers.names import INTERPRETER_NAME, command_problem
from venvstacks_rules.model.paths import install_target_problem
from venvstacks_rules.model.platforms.python_versions import language_version, short_version
from venvstacks_rules.model.values import dataclass

LAYER_CONFIG = PurePosixPath("share/venv/metadata/venvstacks_layer.json")
DYNLIB_DIR = PurePosixPath("share/venv/dynlib")
PYTHON_SCRIPTS = PurePosixPath("share/venv/scripts")
POSTINSTALL = PurePosixPath("postinstall.py")

# Written at deployment, or useless there: neither in an archive nor in a RECORD.
_NEVER_NAMES = frozenset({"__pycache__"})
_NEVER_AT_TOP = frozenset({"pyvenv.cfg"})

# As layers spell them; the first match counts.
_WINDOWS_FOLDERS = tuple(
    PurePosixPath(folder)
    for folder in ("Lib/site-packages", "Lib", "Library/bin", "Library", "Scripts", "include")
)


def os_name_problem(name: str) -> str | None:
    """Why `name` is no kind of operating system, or None."""
    return None if name in ("posix", "nt") else f"`{name}` is neither `posix` nor `nt`"


OsName = Annotated[str, os_name_problem]
"""``posix`` or ``nt``, as in markers."""
InstallTarget = Annotated[str, install_target_problem]
"""The name of a layer's folder."""


@dataclass(frozen=True)
class LayerLayout:
    """The folders of a layer for one Python version and one kind of operating system."""

    python_version: str
    """``X.Y`` or ``X.Y.Z``, with a ``t`` for a free-threaded build."""
    os_name: str
    """``posix`` or ``nt``, as in markers."""

    def __post_init__(self) -> None:
        problem = os_name_problem(self.os_name)
        if problem is not None:
            raise ValueError(problem)

    @property
    def _windows(self) -> bool:
        return self.os_name == "nt"

    @cached_property
    def scripts(self) -> PurePosixPath:
        """The scripts folder: a layer keeps only the interpreter and programs there."""
        return PurePosixPath("Scripts" if self._windows else "bin")

    @property
    def python(self) -> PurePosixPath:
        """The interpreter that starts modules of this layer.

        On Windows no archive has it: post-installation makes it.
        """
        return self.scripts / ("python.exe" if self._windows else "python")

    @property
    def base_python(self) -> PurePosixPath:
        """The interpreter itself, in a runtime layer."""
        return PurePosixPath("python.exe") if self._windows else self.python

    @property
    def launchers(self) -> dict[str, PurePosixPath]:
        """On Windows, the files that post-installation copies: paths in the runtime by new name.

        These are the launchers of virtual environments, which start the interpreter that
        ``pyvenv.cfg`` names. Their names are those that CPython's own ``venv`` expects.
        """
        if not self._windows:
            return {}
        short = short_version(self.python_version)
        if short.endswith("t"):
            names = ("venvlaunchert.exe", "venvwlaunchert.exe")
        elif int(short.split(".")[1]) >= 13:
            names = ("venvlauncher.exe", "venvwlauncher.exe")
        else:
            names = ("python.exe", "pythonw.exe")
        folder = self.stdlib / "venv/scripts/nt"
        return {"python.exe": folder / names[0], "pythonw.exe": folder / names[1]}

    @cached_property
    def stdlib(self) -> PurePosixPath:
        """The standard library of a runtime; in all layers, the folder to compile at deployment."""
        if self._windows:
            return PurePosixPath("Lib")
        return PurePosixPath("lib", f"python{short_version(self.python_version)}")

    @cached_property
    def site_packages(self) -> PurePosixPath:
        """Both purelib and platlib."""
        return self.stdlib / "site-packages"

    @property
    def dynlib_dir(self) -> PurePosixPath:
        """Where the layers above find this layer's shared libraries.

        On Windows wheels put them there themselves, with the ``data`` folder of their ``.data``.
        """
        return PurePosixPath("Library/bin") if self._windows else DYNLIB_DIR

    def headers(self, distribution: str) -> PurePosixPath:
        """The folder for the C headers of a distribution, as in a virtual environment."""
        version = language_version(self.python_version)
        return PurePosixPath("include", "site", f"python{version}", distribution)

    def data(self, path: str) -> PurePosixPath:
        """The place of a wheel's file that is meant for the top of an environment.

        On Windows ``lib`` and ``Lib`` are one folder: the result has the spelling of the layer.
        """
        parts = PurePosixPath(path).parts
        if self._windows:
            for known in _WINDOWS_FOLDERS:
                start, rest = parts[: len(known.parts)], parts[len(known.parts) :]
                if self._parts(PurePosixPath(*start)) == self._parts(known):
                    return PurePosixPath(known, *rest)
        return PurePosixPath(*parts)

    def is_dropped(self, path: PurePosixPath) -> bool:
        """Whether a file of a wheel, at `path` in the layer, stays out of the archive.

        Byte code caches stay out, the scripts folder (for exceptions see `keeps_program`), hidden
        files at the top level, and the `pyvenv.cfg` that post-installation writes.
        """
        parts = self._parts(path)
        return (
            not _NEVER_NAMES.isdisjoint(parts)
            or self.is_in_scripts(path)
            or parts[0].startswith(".")
            or (len(parts) == 1 and parts[0] in _NEVER_AT_TOP)
        )

    def keeps_script(self, path: PurePosixPath) -> bool:
        """Whether a script of a wheel, in the scripts folder, may stay there if the layer asks."""
        return (
            self.is_in_scripts(path) and len(path.parts) == 2 and command_problem(path.name) is None
        )

    def python_script(self, name: str) -> PurePosixPath:
        """On POSIX, the place of a Python script; its launcher is in the scripts folder."""
        return PYTHON_SCRIPTS / name

    def keeps_program(self, path: PurePosixPath) -> bool:
        """Whether a program of a wheel, in the scripts folder, may stay there.

        Not one with the name of an interpreter, and none in a folder of its own.
        """
        return (
            self.is_in_scripts(path)
            and len(path.parts) == 2
            and INTERPRETER_NAME.fullmatch(path.name) is None
        )

    def is_in_scripts(self, path: PurePosixPath) -> bool:
        """Whether `path` in the layer is the scripts folder or in it."""
        return self._parts(path)[:1] == self._scripts_parts

    @cached_property
    def _scripts_parts(self) -> tuple[str, ...]:
        return self._parts(self.scripts)

    def _parts(self, path: PurePosixPath) -> tuple[str, ...]:
        """The components, in a form that is equal for all names of one file."""
        return tuple(part.casefold() for part in path.parts) if self._windows else path.parts
