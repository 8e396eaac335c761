"""``file://``: a folder, also one that machines share."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from venvstacks_rules.repository.stores.store import (
    CHUNK,
    Content,
    Entry,
    Store,
    Stored,
    StoreError,
)

_PART = ".part-"
"""In the names of files that are not complete, which no key has."""


class FileStore(Store):
    """A folder whose files are the keys."""

    def __init__(self, folder: Path) -> None:
        self.url = folder.as_uri()
        self._folder = folder

    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None."""
        with self._errors(key):
            try:
                with self._path(key).open("rb") as file:
                    data = file.read(limit + 1)
            except FileNotFoundError:
                return None
        if len(data) > limit:
            raise StoreError(f"{self.url}: `{key}` has more than {limit} bytes.")
        return Stored(data, _mark(data))

    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None."""
        with self._errors(key):
            try:
                return self._path(key).stat().st_size
            except FileNotFoundError:
                return None

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        with self._errors(key), self._path(key).open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0:
                piece = file.read(min(left, CHUNK))
                if not piece:
                    raise StoreError(f"{self.url}: `{key}` has fewer than {end} bytes.")
                left -= len(piece)
                yield piece

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Store `content`; False if something is there already."""
        path = self._path(key)
        if path.exists():
            return False
        with self._errors(key), self._written(path, content) as part:
            try:
                # A link fails where a rename would overwrite.
                os.link(part, path)
            except FileExistsError:
                return False
            _sync_folder(path.parent)
        return True

    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        """Store `data` if `key` is as it was when it had `mark`."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._errors(key), _locked(path.parent / f"{_PART}lock"):
            found = path.read_bytes() if path.exists() else None
            if (None if found is None else _mark(found)) != mark:
                return False
            with self._written(path, Content.of(data)) as part:
                part.replace(path)
                _sync_folder(path.parent)
        return True

    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys that begin with `prefix`, sorted."""
        start = self._folder / prefix.rpartition("/")[0]
        with self._errors(prefix):
            for folder, folders, files in os.walk(start):
                folders.sort()
                place = Path(folder).relative_to(self._folder)
                for name in sorted(files):
                    key = (place / name).as_posix()
                    if key.startswith(prefix) and not name.startswith(_PART):
                        # Somebody may remove it meanwhile.
                        with contextlib.suppress(FileNotFoundError):
                            status = (Path(folder) / name).stat()
                            yield Entry(key, status.st_size, status.st_mtime)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what lies at these keys."""
        for key in keys:
            with self._errors(key):
                self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key

    @contextlib.contextmanager
    def _written(self, path: Path, content: Content) -> Iterator[Path]:
        """A complete file beside `path`, which is removed at the end if it is still there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=_PART, dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out, content.open() as source:
                shutil.copyfileobj(source, out, CHUNK)
                out.flush()
                # The permissions of a file that `open` makes.
                os.chmod(part, 0o666 & ~_UMASK)  # noqa: PTH101
                os.fsync(out.fileno())
            yield part
        finally:
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise StoreError(f"{self.url}: `{key}`: {e.strerror or e}") from None


def _mark(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK = _umask()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which ends with the process at the latest."""
    with path.open("a+b") as file:
        if os.name == "nt":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
