"""Archives in the layouts that python-build-standalone has for each platform, with small files.

What its ``install_only`` archives hold, cut down to what a layout is known by.
"""

from __future__ import annotations

import gzip
import tarfile
from urllib.parse import urlsplit

from pbs_installer import PythonVersion
from pbs_installer import _versions as table_module

from tests.support.interpreter_archives import file, hard_link, symlink, tar

# What the table calls the platforms.
PLATFORMS = {
    "linux_x86_64": ("linux", "x86_64", True),
    "linux_aarch64": ("linux", "aarch64", True),
    "macosx_arm64": ("macos", "aarch64", True),
    "macosx_x86_64": ("macos", "x86_64", True),
    "win_amd64": ("windows", "x86_64", True),
    "win_arm64": ("windows", "aarch64", True),
}


def pinned(version: str) -> dict[str, tuple[str, str]]:
    """URL and hash of a release's archives, by platform."""
    major, minor, micro = (int(part) for part in version.split("."))
    release = PythonVersion("cpython", major, minor, micro, False)
    found = {}
    for name, key in PLATFORMS.items():
        url, sha256 = table_module.PYTHON_VERSIONS[release][key]
        assert sha256 is not None
        found[name] = (url, sha256)
    return found


def mirror_path(url: str) -> str:
    """Where a mirror has the archive, below its own URL."""
    return urlsplit(url).path.partition("/releases/download")[2]


def archive(platform: str, version: str) -> bytes:
    """An archive for `platform`; binaries say for which one they are."""
    system = platform.split("_", maxsplit=1)[0]
    members = _windows(platform, version) if system == "win" else _posix(platform, version)
    return gzip.compress(tar(members), 1, mtime=0)


def _header(version: str) -> str:
    return f'#define PY_MAJOR_VERSION 3\n#define PY_VERSION              "{version}"\n'


def _posix(platform: str, version: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    short = ".".join(version.split(".")[:2])
    mac = platform.startswith("macosx")
    library = f"libpython{short}.dylib" if mac else f"libpython{short}.so.1.0"
    return [
        file(f"python/bin/python{short}", f"interpreter for {platform}", 0o755),
        symlink("python/bin/python", f"python{short}"),
        symlink("python/bin/python3", f"python{short}"),
        file("python/bin/pip3", "#!/bin/sh", 0o755),
        file(f"python/bin/python{short}-config", "#!/bin/sh", 0o755),
        file(f"python/include/python{short}/patchlevel.h", _header(version)),
        file(f"python/lib/{library}", f"library for {platform}", 0o755),
        *([] if mac else [symlink(f"python/lib/libpython{short}.so", library)]),
        file(f"python/lib/python{short}/os.py", "import sys\n"),
        file(f"python/lib/python{short}/__pycache__/os.cpython-313.pyc", "x"),
        file(f"python/lib/python{short}/site-packages/pip/__init__.py", "x"),
        file("python/lib/pkgconfig/python3.pc", "prefix=/install"),
        # A pair that a file system without case has as one file.
        file("python/share/terminfo/E/eterm", "eterm"),
        file("python/share/terminfo/e/eterm", "eterm"),
        hard_link("python/share/terminfo/e/eterm-old", "python/share/terminfo/e/eterm"),
        symlink("python/share/man/man1/python3.1", f"python{short}.1"),
        file(f"python/share/man/man1/python{short}.1", "manual"),
    ]


def _windows(platform: str, version: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    numbers = version.split(".")
    name = f"python{numbers[0]}{numbers[1]}"
    launchers = ("venvlauncher.exe", "venvwlauncher.exe")
    if int(numbers[1]) < 13:
        launchers = ("python.exe", "pythonw.exe")
    return [
        file("python/DLLs/_ssl.pyd", f"MZ for {platform}"),
        file("python/Lib/os.py", "import sys\n"),
        file("python/Lib/site-packages/pip/__init__.py", "x"),
        *(file(f"python/Lib/venv/scripts/nt/{x}", f"MZ {x} for {platform}") for x in launchers),
        file("python/Scripts/.empty"),
        file("python/include/Python.h", "h"),
        file("python/include/patchlevel.h", _header(version)),
        file(f"python/libs/{name}.lib", "!<arch>"),
        file("python/python.exe", f"MZ interpreter for {platform}"),
        file("python/python3.dll", f"MZ for {platform}"),
        file(f"python/{name}.dll", f"MZ for {platform}"),
        file("python/pythonw.exe", f"MZ interpreter for {platform}"),
        file("python/tcl/tcl8.6/init.tcl", "init"),
        file("python/vcruntime140.dll", "MZ"),
        file("python/vcruntime140_1.dll", "MZ"),
    ]
