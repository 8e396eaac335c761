"""Asks a CPython executable of this machine for its version and the places of its parts."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.platforms.libc import GLIBC, MUSL
from venvstacks_rules.model.values import dataclass

if TYPE_CHECKING:
    from venvstacks_rules.model.requests.interpreters import FoundInterpreter

_TIMEOUT = 20
"""Seconds for an interpreter to answer; a broken one may hang."""

_MAGIC = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""ELF, Mach-O and universal Mach-O. Version manager shims and wrappers are scripts."""

_ELF64 = b"\x7fELF\x02\x01"
"""64 bits, little endian, as on all target platforms."""
# The start; the offset of the program headers, the size of one, their number.
_ELF_HEADER = struct.Struct("<32s Q 14x H H 4x")
# Type; offset and size of the segment.
_PROGRAM_HEADER = struct.Struct("<I 4x Q 16x Q")
_PT_INTERP = 3

_SCRIPT = """\
import json, sys, sysconfig
v = sys.version_info
print(json.dumps({
    "implementation": sys.implementation.name,
    "release": v[3] == "final",
    "abiflags": getattr(sys, "abiflags", ""),
    "gil_disabled": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "python_version": "%d.%d.%d" % v[:3],
    "prefix": sys.base_prefix,
    "stdlib": sysconfig.get_path("stdlib", "posix_prefix"),
    "include": sysconfig.get_path("include", "posix_prefix"),
    "platlibdir": getattr(sys, "platlibdir", "lib"),
}))
"""


@dataclass(frozen=True)
class Installation:
    """A CPython installation; all paths are absolute."""

    executable: str
    """Without links."""
    python_version: str
    """X.Y.Z, with a ``t`` for a free-threaded build."""
    prefix: str
    stdlib: str
    """The folder of the standard library, ``<prefix>/lib/python3.Y[t]``."""
    include: str
    """The folder of the C headers; it may be absent."""
    platlibdir: str
    """``lib``, or ``lib64`` if that is compiled in."""
    libc: str | None = None
    """``glibc`` or ``musl``; None if the executable does not say it, as on macOS."""


def not_captured(found: Installation | FoundInterpreter, problem: str) -> InterpreterError:
    """The error for an installation that cannot be captured."""
    return InterpreterError(
        f"CPython {found.python_version} (`{found.executable}`) cannot be captured", [problem]
    )


def real_executable(path: str) -> str | None:
    """The interpreter binary behind `path`, or None.

    It follows links, and leads from a virtual environment to its installation. Scripts, such as
    the shims of version managers, are not binaries.
    """
    real = os.path.realpath(path)
    home = _virtual_environment_home(real)
    if home is not None:
        real = os.path.realpath(Path(home, Path(path).name))
    try:
        with Path(real).open("rb") as stream:
            magic = stream.read(4)
    except OSError:
        return None
    return real if magic in _MAGIC and os.access(real, os.X_OK) else None


def probe(executable: str) -> Installation | None:
    """The installation of `executable`; None unless it is a released CPython 3.

    None for debug builds, too, which have another ABI.
    """
    # Isolated and without `site`: neither the user's packages nor the environment matter.
    try:
        done = subprocess.run(
            [executable, "-I", "-S", "-B", "-c", _SCRIPT],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath},
            timeout=_TIMEOUT,
            check=False,
        )
        data = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    flag = "t" if data.pop("gil_disabled") else ""
    kind = (data.pop("implementation"), data.pop("release"), data.pop("abiflags"))
    if done.returncode != 0 or kind != ("cpython", True, flag):
        return None
    data["python_version"] += flag
    if Path(data["prefix"], "conda-meta").is_dir():
        # Its libraries belong to other packages of the environment.
        return None
    return Installation(executable=executable, **data, libc=libc_of(executable))


def libc_of(executable: str) -> str | None:
    """The C library of a program for Linux, from the loader that it names; None without one."""
    try:
        with Path(executable).open("rb") as stream:
            header = stream.read(_ELF_HEADER.size)
            if len(header) < _ELF_HEADER.size or not header.startswith(_ELF64):
                return None
            _, table, entry_size, count = _ELF_HEADER.unpack(header)
            for number in range(count):
                stream.seek(table + number * entry_size)
                kind, offset, size = _PROGRAM_HEADER.unpack(stream.read(_PROGRAM_HEADER.size))
                if kind == _PT_INTERP:
                    stream.seek(offset)
                    loader = stream.read(min(size, os.pathconf("/", "PC_PATH_MAX")))
                    return MUSL if b"/ld-musl-" in loader else GLIBC
    except (OSError, ValueError, struct.error):
        pass
    return None


def _virtual_environment_home(executable: str) -> str | None:
    config = Path(executable).parent.parent / "pyvenv.cfg"
    try:
        lines = config.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip().lower() == "home":
            return value.strip()
    return None
