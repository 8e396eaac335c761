"""What a build left: the files below ``dist``, and the trees that archives unpack to."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

Tree = dict[str, tuple[str, int, int, str]]
"""Kind, mode, time and content of entries, by relative path."""


def native_platform() -> str:
    """The target platform of this machine."""
    machine = os.uname().machine
    if sys.platform == "darwin":
        return f"macosx_{machine}"
    return "linux_aarch64" if machine in ("aarch64", "arm64") else "linux_x86_64"


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below `folder`, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def files_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The content of each file below `folder`; what vanishes meanwhile is left out."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink():
                    yield path, path.read_bytes()


def tree(folder: Path) -> Tree:
    """Kind, mode, time and content of everything below `folder`, by relative path.

    The content is the hash of a file's bytes, or where a link points. The mode of a link is the
    system's choice, and the time of a folder that of the last file made in it by some programs.
    """
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        mode, time = stat.S_IMODE(state.st_mode), int(state.st_mtime)
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", 0, 0, str(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder", mode, 0, "")
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[name] = ("file", mode, time, content)
    return found


def unpack(archive: Path, folder: Path) -> None:
    """Unpack with the standard library, and with zstandard where it has no decoder."""
    folder.mkdir(parents=True, exist_ok=True)
    if not archive.name.endswith(".tar.zst"):
        with tarfile.open(archive) as tar:
            _extract(tar, folder)
        return
    with archive.open("rb") as raw:
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        with tarfile.open(fileobj=reader, mode="r|") as tar:
            _extract(tar, folder)


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    if sys.version_info >= (3, 12):
        tar.extractall(folder, filter="fully_trusted")
    else:
        tar.extractall(folder)
