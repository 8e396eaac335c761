"""Unpacks a wheel for the actions themselves, into a folder that is on the path for imports.

No library is there yet. The wheel is pinned by its hash, so its RECORD is not compared; what it
could write outside of the folder is refused all the same.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator

from venvstacks_rules.local.files.streams import (
    chunks,
    expansion_limit,
    naming,
    sha256_of,
)
from venvstacks_rules.model.contents.inputs import WheelFile
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.paths import path_problem
from venvstacks_rules.model.wording import printable

_SITE_SCHEMES = ("purelib", "platlib")
_SCRIPT = b"#!"

# What `zipfile` raises for bytes of strangers. Some Pythons have no `lzma`.
_READ_ERRORS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    getattr(getattr(zipfile, "lzma", None), "LZMAError", zipfile.BadZipFile),
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


def unpack_wheel(wheel: WheelFile, output: str) -> list[str]:
    """Unpack `wheel` into the empty folder `output`; its modules, paths below that.

    Programs go to ``bin``; scripts, headers and data are left out. Raises WheelError for a wheel
    that is not the one announced, or that is damaged or hostile.
    """
    sha256, size = sha256_of(wheel.path)
    if (sha256, size) != (wheel.sha256, wheel.size):
        problem = (
            f"it has sha256:{sha256} and {size} bytes, not sha256:{wheel.sha256} and {wheel.size}"
        )
        raise _refused(wheel.file_name, [problem])
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            problems = list(_problems(archive, size))
            if problems:
                raise _refused(wheel.file_name, problems)
            return list(_written(archive, output))
    except _READ_ERRORS as e:
        raise _refused(wheel.file_name, [f"cannot be unpacked: {e}"]) from None
    except OSError as e:
        # A place that no file has, or a damaged stream; all else is about the machine.
        if e.errno not in (None, errno.EINVAL):
            raise
        raise _refused(wheel.file_name, [f"cannot be unpacked: {e}"]) from None


def _problems(archive: zipfile.ZipFile, size: int) -> Iterator[str]:
    for info in archive.infolist():
        problem = path_problem(info.filename.removesuffix("/"))
        if problem is None and stat.S_ISLNK(info.external_attr >> 16):
            problem = "the entry is a symbolic link"
        if problem is not None:
            yield f"`{printable(info.filename)}`: {problem}"
    total = sum(info.file_size for info in archive.infolist())
    limit = expansion_limit(size)
    if total > limit:
        yield f"unpacks to {total} bytes; at most {limit} are accepted"


def _written(archive: zipfile.ZipFile, output: str) -> Iterator[str]:
    for info in archive.infolist():
        place = _place(info.filename)
        if place is None or info.is_dir():
            continue
        with archive.open(info) as stream:
            start = stream.read(len(_SCRIPT))
            is_program = place.startswith("bin/")
            if is_program and start == _SCRIPT:
                continue
            target = f"{output}/{place}"
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with naming(target), open(target, "xb") as out:
                out.write(start)
                out.writelines(chunks(stream))
                os.fchmod(out.fileno(), 0o755 if is_program else 0o644)
        if place.endswith(".py"):
            yield place


def _place(name: str) -> str | None:
    """Where an entry goes below the folder; None for one that is left out.

    Not as `wheels.places` has it: this folder has no layout of a layer, and keeps programs.
    """
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    scheme, _, inner = rest.partition("/")
    if scheme in _SITE_SCHEMES:
        return inner or None
    return f"bin/{inner}" if scheme == "scripts" and inner else None


def _refused(file_name: str, problems: list[str]) -> WheelError:
    return WheelError(f"The wheel `{file_name}` of the actions' lockfile is refused.", problems)
