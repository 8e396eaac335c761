"""The fields that say which files of packages and of the interpreter a layer has."""

from __future__ import annotations

from pants.engine.target import (
    BoolField,
    DictStringToStringSequenceField,
    StringField,
    StringSequenceField,
)
from pants.util.strutil import softwrap

from venvstacks_rules.model.layers.byte_code import BYTE_CODES


class ExcludeFilesField(DictStringToStringSequenceField):
    """The files of packages that a layer leaves out."""

    alias = "exclude_files"
    help = softwrap(
        """
        Files of packages that the layer leaves out: for each distribution that it installs, globs
        of files or folders, as in `{"torch": ["test", "*.a"]}`. A glob matches the end of a path
        below site-packages: `*` within a component, `**` for any number of components. The
        `.dist-info` folder of a distribution stays.
        """
    )


class IncludeScriptsField(DictStringToStringSequenceField):
    """The scripts of packages that a layer keeps."""

    alias = "include_scripts"
    help = softwrap(
        """
        Scripts that packages bring as files, to keep beside the layer's interpreter: for each
        distribution that the layer installs, names or globs, as in `{"jmespath": ["jp.py"]}`.
        For commands that a package defines as console scripts, use `console_scripts`.
        """
    )


class StripInterpreterField(StringSequenceField):
    """The parts of the interpreter that a runtime leaves out."""

    alias = "strip_interpreter"
    default = ()
    help = softwrap(
        """
        Parts of the interpreter that the runtime leaves out: names of modules of the standard
        library, each with all that only it needs, as in `["idlelib", "test", "tkinter"]`, and
        `development` for headers and the like.
        """
    )


class ByteCodeField(StringField):
    """Who makes the byte code of a layer."""

    alias = "byte_code"
    valid_choices = BYTE_CODES
    help = softwrap(
        """
        Who makes the byte code of the layer's modules. `deployed`: its `postinstall.py`, where the
        layer is deployed. `included`: `package`; the archive has it. `none`: nobody. The default is
        `[venvstacks].byte_code`.
        """
    )


class SealedField(BoolField):
    """Whether nothing is written after a layer was unpacked."""

    alias = "sealed"
    default = False
    value: bool
    help = softwrap(
        """
        Whether the layer runs as it was unpacked, on Linux and macOS: its archive has the byte
        code, its `postinstall.py` has nothing to do, and its folder may be read-only, moved, or
        mounted in several places. The layers below must be sealed, too. On Windows,
        `postinstall.py` still makes `Scripts\\python.exe` and `pyvenv.cfg`.
        """
    )
