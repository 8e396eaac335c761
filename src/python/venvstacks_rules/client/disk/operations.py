"""The operations that change a disk; the client changes it by these only.

So a test can look at every state that a crash may leave: see tests/client/test_crashes.py.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from venvstacks_rules.local.files.streams import chunks, naming
from venvstacks_rules.model.contents.files import MODIFICATION_TIME

_CLONE = 0x40049409
"""The request of Linux for a copy that shares its blocks with the original."""
_MANY = 300
"""From so many new files and folders on, writing the whole file system is faster."""
_ATTEMPTS = 50


class Disk:
    """The disk of a user's machine.

    Everything is created exclusively: nothing is written through a link, and nothing replaces
    anything, except where a method says so.
    """

    pauses: Sequence[float] = [0.1] * 50 if os.name == "nt" else ()
    """On Windows, programs that look at a new file keep others from renaming it, for a moment."""

    def __init__(self) -> None:
        self._clones = sys.platform == "linux"

    @property
    def clones(self) -> bool:
        """Whether files are cloned rather than linked, as far as that was tried."""
        return self._clones

    def step(self, what: str, path: str) -> None:
        """Called before each operation, for tests."""

    def make_folder(self, path: str) -> None:
        """Make a folder, in one that is there."""
        self.step("mkdir", path)
        os.mkdir(path, 0o755)

    def open_folder(self, path: str) -> None:
        """Let a folder be read and written, as those that we make."""
        self.step("chmod", path)
        os.chmod(path, 0o755)

    def make_folders(self, path: str) -> None:
        """Make a folder, and those above it, where they are missing."""
        if not os.path.isdir(path):
            self.make_folders(os.path.dirname(path))
            with contextlib.suppress(FileExistsError):
                self.make_folder(path)

    def keep_folder(self, path: str) -> None:
        """Have a folder, and those above it, that survive a crash of the machine."""
        if not os.path.isdir(path):
            self.keep_folder(os.path.dirname(path))
            with contextlib.suppress(FileExistsError):
                self.make_folder(path)
            self.sync_folder(os.path.dirname(path))

    def write(self, path: str, pieces: Iterable[bytes], *, executable: bool = False) -> int:
        """Write a new file; return its size."""
        self.step("create", path)
        size = 0
        with naming(path):
            # `open` makes three objects and three more calls for each of ten thousand files.
            descriptor = os.open(path, _CREATE, 0o755 if executable else 0o644)
            try:
                for piece in pieces:
                    size += len(piece)
                    count = os.write(descriptor, piece)
                    while count < len(piece):
                        # A disk that is nearly full takes a part.
                        count += os.write(descriptor, memoryview(piece)[count:])
                _finish(descriptor, executable=executable)
            finally:
                os.close(descriptor)
        self.step("written", path)
        return size

    def append(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write at the end of a file that is for this process only, or a new one."""
        self.step("append", path)
        with naming(path), open(path, "ab") as out:
            out.writelines(pieces)

    def truncate(self, path: str, size: int) -> None:
        """Keep the first bytes of a file that is for this process only."""
        self.step("truncate", path)
        os.truncate(path, size)

    def place(self, source: str, path: str, *, executable: bool = False) -> bool:
        """Make `path` the same file as `source`: a clone, a hard link or a copy.

        Returns whether it is none of its own, as a copy is.
        """
        self.step("link", path)
        if self._clones and self._clone(source, path, executable=executable):
            return True
        try:
            os.link(source, path)
        except FileExistsError:
            raise
        except OSError:
            # Another file system; one without links; a file with too many of them. If the reason is
            # another one, copying fails as well and says so.
            with open(source, "rb") as stream:
                self.write(path, chunks(stream), executable=executable)
            return False
        return True

    def make_link(self, target: str, path: str) -> None:
        """Make a symbolic link."""
        self.step("symlink", path)
        os.symlink(target, path)

    def rename(self, path: str, place: str) -> None:
        """Move a file or a folder; a file that was at `place` is gone then."""
        self.step("rename", place)
        for pause in self.pauses:
            with contextlib.suppress(PermissionError):
                self._replace(path, place)
                return
            time.sleep(pause)
        self._replace(path, place)

    def replace(self, path: str, data: bytes) -> None:
        """Write a file by one rename; it is on the disk when this returns."""
        part = f"{path}.new"
        self.step("create", part)
        with naming(path), open(part, "wb") as out:
            out.write(data)
            out.flush()
            self.step("written", part)
            self.sync_file(out.fileno(), part)
        self.rename(part, path)
        self.sync_folder(os.path.dirname(path))

    def unlink(self, path: str) -> None:
        """Remove a file or a link, if it is there."""
        self.step("unlink", path)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except PermissionError:
            if os.name != "nt":
                raise
            # A file that may not be written.
            os.chmod(path, 0o600)
            os.unlink(path)

    def remove(self, path: str) -> None:
        """Remove a folder with all that is in it, or a file, if it is there."""
        if os.path.islink(path) or not os.path.isdir(path):
            self.unlink(path)
            return
        for folder, folders, names in list(os.walk(path, topdown=False)):
            for name in names:
                self.unlink(f"{folder}/{name}")
            for name in folders:
                if os.path.islink(f"{folder}/{name}"):
                    self.unlink(f"{folder}/{name}")
            self._remove_folder(folder)

    def try_to_remove(self, path: str) -> None:
        """The same for what is in nobody's way: what stays is removed by the next command."""
        with contextlib.suppress(OSError):
            self.remove(path)

    def sync_file(self, descriptor: int, path: str) -> None:
        """Have the content of a file survive a crash of the machine."""
        self.step("fsync", path)
        os.fsync(descriptor)
        self.synced("file", path)

    def sync_folder(self, path: str) -> None:
        """Have the names in a folder survive a crash of the machine."""
        self.step("fsync", path)
        if os.name != "nt":
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self.synced("folder", path)

    def sync_tree(self, path: str, more: Sequence[str] = ()) -> None:
        """Have a folder, with all that is in it, and `more` files survive a crash of the machine.

        What is linked did so before; only its names are new.
        """
        self.step("sync", path)
        folders, places = {os.path.dirname(name) for name in more}, []
        for folder, _, names in os.walk(path):
            folders.add(folder)
            places += [f"{folder}/{name}" for name in names]
            if len(folders) == _MANY and _sync_file_system(path):
                break
        else:
            files = [*more, *filter(_is_new, places)]
            if len(files) + len(folders) < _MANY or not _sync_file_system(path):
                for file in files:
                    _sync(file)
                for folder in sorted(folders) if os.name != "nt" else ():
                    _sync(folder)
        self.synced("tree", path)
        for file in more:
            self.synced("file", file)
            self.synced("folder", os.path.dirname(file))

    def synced(self, what: str, path: str) -> None:
        """Called after each operation that makes others safe, for tests."""

    def remove_empty(self, path: str) -> None:
        """Remove a folder, unless it has files of others."""
        self.step("rmdir", path)
        with contextlib.suppress(OSError):
            os.rmdir(path)

    def _replace(self, path: str, place: str) -> None:
        os.replace(path, place)

    def _remove_folder(self, path: str) -> None:
        self.step("rmdir", path)
        for attempt in range(_ATTEMPTS):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                return
            except OSError as e:
                # A program that a killed process started may still write byte code there.
                if e.errno not in (errno.ENOTEMPTY, errno.EACCES) or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.1)
                for folder, _, names in list(os.walk(path, topdown=False)):
                    for name in names:
                        self.unlink(f"{folder}/{name}")
                    if folder != path:
                        with contextlib.suppress(OSError):
                            os.rmdir(folder)
            else:
                return

    def _clone(self, source: str, path: str, *, executable: bool) -> bool:
        """Whether `path` is a clone of `source` now."""
        import fcntl

        with open(source, "rb") as stream, open(path, "xb") as out:
            try:
                fcntl.ioctl(out.fileno(), _CLONE, stream.fileno())
            except OSError:
                # The file system of an installation has no clones, and will have none.
                self._clones = False
            else:
                _finish(out.fileno(), executable=executable)
                return True
        os.unlink(path)
        return False


def hashed(path: str) -> tuple[str, int] | None:
    """The SHA-256 and the size of a file; None if there is none, or something else."""
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return None
    hasher, size = hashlib.sha256(), 0
    try:
        while piece := os.read(descriptor, _PIECE):
            hasher.update(piece)
            size += len(piece)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return hasher.hexdigest(), size


def found_hash(path: str, size: int, *, executable: bool) -> str | None:
    """The SHA-256 of a file, if it has this size and mode; None otherwise."""
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        mode = status.st_mode
        if status.st_size != size or not stat.S_ISREG(mode):
            return None
        if bool(mode & 0o100) != executable and os.name != "nt":
            return None
        hasher = hashlib.sha256()
        # What is longer by now is something else: one byte more is asked for.
        left = size + 1
        while left > 0 and (piece := os.read(descriptor, min(left, _PIECE))):
            hasher.update(piece)
            left -= len(piece)
            if left == 1 and len(piece) < _PIECE:
                break
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return hasher.hexdigest() if left == 1 else None


def files_below(folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files and links, by their path from `folder`, with forward slashes."""
    folders = [""]
    while folders:
        here = folders.pop()
        try:
            entries = list(os.scandir(f"{folder}/{here}"))
        except OSError:
            # Removed, or not readable: what was to be there is missed.
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{here}{entry.name}/")
            else:
                yield f"{here}{entry.name}", entry


_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_PIECE = 256 * 1024
# A pipe in the place of a file would be waited for.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_READ |= getattr(os, "O_NONBLOCK", 0)


def _finish(descriptor: int, *, executable: bool) -> None:
    """Mode and time depend on nothing but the list of files."""
    if os.name == "nt":
        return
    mode = 0o755 if executable else 0o644
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        # The user's mask took some of it away.
        os.fchmod(descriptor, mode)
    os.utime(descriptor, (MODIFICATION_TIME, MODIFICATION_TIME))


def _is_new(path: str) -> bool:
    status = os.lstat(path)
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _sync_file_system(path: str) -> bool:
    """Whether the system wrote the whole file system: faster than many files one by one."""
    if sys.platform != "linux":
        return False
    import ctypes

    descriptor = os.open(path, os.O_RDONLY)
    try:
        return bool(ctypes.CDLL(None).syncfs(descriptor) == 0)
    except AttributeError:
        return False
    finally:
        os.close(descriptor)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def resolved(path: Path) -> Path:
    """The real path: it is written to files, and must not depend on links that lead to it."""
    return Path(os.path.realpath(path))
