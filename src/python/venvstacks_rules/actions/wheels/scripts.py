"""The scripts of a wheel that a layer has: those that its field ``include_scripts`` names."""

from __future__ import annotations

import zipfile
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from venvstacks_rules.actions.wheels.checks import READ_ERRORS
from venvstacks_rules.model.contents.inputs import LayerWheel
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.script_launchers import is_python_script, script_launcher

# Longer lines than systems accept.
_HEAD = 512


class ChosenScripts:
    """The scripts of one wheel that stay in a layer.

    On POSIX a Python script lies aside, and a program in the scripts folder starts it: the wheel's
    own first line cannot name the interpreter of the layer. Other scripts stay as they are.
    """

    def __init__(self, wheel: LayerWheel, layout: LayerLayout) -> None:
        self._globs = wheel.scripts
        self._layout = layout
        self.launchers: dict[str, bytes] = {}
        """By path in the layer, for the scripts that `place` was asked for."""

    def matching(self, path: PurePosixPath) -> tuple[str, ...]:
        """The globs that name the script at `path` in the layer."""
        if not self._globs or not self._layout.keeps_script(path):
            return ()
        return tuple(glob for glob in self._globs if fnmatchcase(path.name, glob))

    def place(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: PurePosixPath
    ) -> str | None:
        """Where the script for `path` goes; None if it stays out."""
        if not self.matching(path):
            return None
        if self._layout.os_name == "nt" or not is_python_script(_head(archive, info)):
            return str(path)
        self.launchers[str(path)] = script_launcher(path.name, self._layout)
        return str(self._layout.python_script(path.name))


def _head(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as stream:
            return stream.read(_HEAD)
    except READ_ERRORS:
        # Whoever reads all of it says so.
        return b""
