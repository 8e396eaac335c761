"""The fields that say which files of packages and of the interpreter a layer has."""

from __future__ import annotations

from pants.engine.target import DictStringToStringSequenceField, StringSequenceField
from pants.util.strutil import softwrap


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
