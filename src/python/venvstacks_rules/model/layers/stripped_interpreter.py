"""The parts of the interpreter that a runtime leaves out: its field ``strip_interpreter``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from venvstacks_rules.model.layers.problems import Problem, suggestion
from venvstacks_rules.model.platforms.standard_library import every_standard_module

DEVELOPMENT = "development"
"""What compilers need: headers, import libraries, the settings of the interpreter's own build."""

# Imported when Python starts, by `postinstall.py`, by `python -m`, and by the goal `test`; and the
# modules that these import.
_NEEDED = """
    abc annotationlib argparse ast bisect bz2 codecs collections compression contextlib copyreg
    encodings enum fnmatch functools genericpath gettext glob heapq importlib io ipaddress json
    keyword linecache locale lzma ntpath operator os pathlib pkgutil posixpath random re reprlib
    runpy selectors shutil signal site sre_compile sre_constants sre_parse stat string struct
    subprocess tempfile textwrap threading token tokenize traceback types typing urllib warnings
    weakref zipfile
"""

# Not files of their own, at least with some builds.
_BUILT_IN = """
    array atexit audioop binascii builtins cmath errno faulthandler fcntl gc grp itertools marshal
    math mmap msvcrt nis nt ossaudiodev parser posix pwd pyexpat readline resource select spwd sys
    syslog termios time unicodedata winreg winsound zipimport zlib
"""


def strippable_parts() -> tuple[str, ...]:
    """All names that the field may have, sorted."""
    modules = every_standard_module().difference(_NEEDED.split(), _BUILT_IN.split())
    return tuple(sorted({DEVELOPMENT, *(name for name in modules if not name.startswith("_"))}))


def stripped_problems(names: Sequence[str]) -> Iterator[Problem]:
    """Problems of the entries of the field.

    A module that only other versions of Python have is no problem: runtimes may share a list.
    """
    known = strippable_parts()
    for i, name in enumerate(names):
        if name not in known:
            yield Problem(f"strip_interpreter[{i}]", f"is {name!r}, {_problem(name, known)}")
        elif name in names[:i]:
            yield Problem(f"strip_interpreter[{i}]", f"is {name!r}, which is named before.")


def _problem(name: str, known: Sequence[str]) -> str:
    if name in _NEEDED.split():
        return "which layers need to be deployed and to start. Remove it."
    if name in _BUILT_IN.split():
        return "which is a part of the interpreter itself. Remove it."
    top = name.split(".", maxsplit=1)[0].lstrip("_")
    meant = suggestion(name, known)
    if name != top and top in known:
        return f"but only whole modules can be left out, with what belongs to them. Write {top!r}."
    if meant is not None:
        return f"which is no part of the interpreter. Did you mean {meant!r}?"
    return (
        f"which is no part of the interpreter. Name modules of the standard library, or "
        f"{DEVELOPMENT!r}."
    )
