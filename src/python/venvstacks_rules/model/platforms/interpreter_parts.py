"""The parts of an interpreter: modules of the standard library, and what goes with them."""

from __future__ import annotations

from venvstacks_rules.model.platforms.standard_library import every_standard_module

DEVELOPMENT = "development"
"""What compilers need: headers, import libraries, the settings of the interpreter's own build."""

_NEEDED = """
    abc annotationlib argparse ast bisect bz2 codecs collections compression contextlib copyreg
    encodings enum fnmatch functools genericpath gettext glob heapq importlib io ipaddress json
    keyword linecache locale lzma ntpath operator os pathlib pkgutil posixpath random re reprlib
    runpy selectors shutil signal site sre_compile sre_constants sre_parse stat string struct
    subprocess tempfile textwrap threading token tokenize traceback types typing urllib warnings
    weakref zipfile
"""

_BUILT_IN = """
    array atexit audioop binascii builtins cmath errno faulthandler fcntl gc grp itertools marshal
    math mmap msvcrt nis nt ossaudiodev parser posix pwd pyexpat readline resource select spwd sys
    syslog termios time unicodedata winreg winsound zipimport zlib
"""

NEEDED = frozenset(_NEEDED.split())
"""Modules that are imported when Python starts, by ``postinstall.py``, by ``python -m`` and by the
goal ``test``; and those that these import."""
BUILT_IN = frozenset(_BUILT_IN.split())
"""Modules that are not files of their own, at least with some builds."""


def strippable_parts() -> tuple[str, ...]:
    """The parts that a runtime can do without, sorted."""
    modules = every_standard_module() - NEEDED - BUILT_IN
    return tuple(sorted({DEVELOPMENT, *(name for name in modules if not name.startswith("_"))}))
