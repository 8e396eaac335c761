"""Archives in python-build-standalone's ``install_only`` layout, sound ones and hostile ones."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from venvstacks_rules.actions.commands import interpreter_segments
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.segments import InterpreterSegments, InterpreterSegmentsRequest

HEADER = '#define PY_MAJOR_VERSION\t3\n#define PY_VERSION      \t"3.11.13"\n#define X 1\n'


def file(name: str, text: str = "", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(text.encode())
    member.mode = mode
    member.mtime = 1_700_000_000
    member.uid = member.gid = 1000
    member.uname = "someone"
    return member, text.encode()


def other(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member, b""


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.SYMTYPE, target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.LNKTYPE, target)


MINIMAL = (
    file("python/bin/python3.11", "ELF", 0o755),
    file("python/include/python3.11/patchlevel.h", HEADER),
)

INSTALL_ONLY = (
    other("python", tarfile.DIRTYPE),
    file("python/lib/python3.11/zipfile.py", "zip"),
    file("python/bin/python3.11", "ELF", 0o700),
    symlink("python/bin/python3", "python3.11"),
    file("python/bin/pip3", "#!", 0o755),
    file("python/bin/2to3-3.11", "#!", 0o755),
    symlink("python/bin/2to3", "2to3-3.11"),
    file("python/bin/python3.11-config", "#!", 0o755),
    symlink("python/bin/python3-config", "python3.11-config"),
    file("python/include/python3.11/patchlevel.h", HEADER),
    file("python/lib/libpython3.11.a", "!<arch>"),
    file("python/lib/libpython3.11.so.1.0", "ELF", 0o755),
    symlink("python/lib/libpython3.11.so", "libpython3.11.so.1.0"),
    file("python/lib/python3.11/EXTERNALLY-MANAGED", "[externally-managed]"),
    file("python/lib/python3.11/__pycache__/zipfile.cpython-311.pyc", "x"),
    file("python/lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile", "all:"),
    file("python/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a", "!<arch>"),
    file("python/lib/python3.11/old.pyc", "x"),
    file("python/lib/python3.11/pip.py", "not the installer"),
    file("python/lib/python3.11/sitecustomize.py", "x"),
    file("python/lib/python3.11/site-packages/README.txt", "x"),
    file("python/lib/python3.11/site-packages/_distutils_hack/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/distutils-precedence.pth", "x"),
    file("python/lib/python3.11/site-packages/pip/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/pip-24.0.dist-info/RECORD", "x"),
    file("python/lib/python3.11/site-packages/pkg_resources/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/setuptools/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/setuptools-65.5.0.dist-info/RECORD", "x"),
    file("python/lib/python3.11/site-packages/sitecustomize.py", "x"),
    file("python/lib/python3.11/site-packages/wheel-0.40.dist-info/RECORD", "x"),
    file("python/lib/python3.11/site-packages/wheelhouse.py", "stays"),
    other("python/share/empty", tarfile.DIRTYPE),
    file("python/share/terminfo/x/xterm", "terminal"),
    hard_link("python/share/terminfo/x/xterm-old", "python/share/terminfo/x/xterm"),
    symlink("python/share/terminfo/climbing", "../../share/./terminfo/../terminfo/x"),
    symlink("python/share/dangling", "nothing"),
)


# The flat layout of `install_only` archives for Windows.
WINDOWS = (
    file("python/DLLs/_ssl.pyd", "MZ"),
    file("python/DLLs/libssl-3.dll", "MZ"),
    file("python/Lib/__pycache__/os.cpython-311.pyc", "x"),
    file("python/Lib/os.py", "os"),
    file("python/Lib/site-packages/README.txt", "x"),
    file("python/Lib/site-packages/pip/__init__.py", "x"),
    file("python/Lib/site-packages/sitecustomize.py", "x"),
    file("python/Lib/sitecustomize.py", "x"),
    file("python/Lib/venv/scripts/nt/python.exe", "MZ launcher"),
    file("python/Lib/venv/scripts/nt/pythonw.exe", "MZ launcher without console"),
    file("python/Scripts/.empty", ""),
    file("python/Scripts/pip.exe", "MZ"),
    file("python/include/Python.h", "h"),
    file("python/include/internal/pycore.h", "h"),
    file("python/include/patchlevel.h", HEADER),
    file("python/libs/python311.lib", "!<arch>"),
    file("python/python.exe", "MZ", 0o755),
    file("python/python311.dll", "MZ", 0o755),
    file("python/pythonw.exe", "MZ", 0o755),
    file("python/tcl/tcl86t.lib", "!<arch>"),
    file("python/vcruntime140.dll", "MZ"),
    file("python/vcruntime140_1.dll", "MZ"),
)


def tar(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def run(
    data: bytes,
    *,
    name: str = "cpython.tar",
    version: str = "3.11.13",
    os_name: str = "posix",
    case_sensitive: bool = True,
    sha256: str | None = None,
    size: int | None = None,
    to: str = "s",
    strip: tuple[str, ...] = (),
) -> InterpreterSegments:
    Path(name).write_bytes(data)
    request = InterpreterSegmentsRequest(
        archive=name,
        sha256=sha256,
        size=size,
        python_version=version,
        os_name=os_name,
        case_sensitive=case_sensitive,
        install_target="cpython-3.11@2",
        compression=Compression("tar.zst", 3),
        output=to,
        strip=strip,
    )
    return interpreter_segments.run(to_json(request))


def entries(path: str = "s") -> list[tarfile.TarInfo]:
    data = zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(Path(path).read_bytes()), read_across_frames=True
    )
    with tarfile.open(fileobj=io.BytesIO(data.read() + bytes(1024))) as archive:
        return archive.getmembers()


def error(data: bytes, **options: Any) -> str:
    with pytest.raises(InterpreterError) as caught:
        run(data, **options)
    assert not Path("s").exists()
    return str(caught.value)
