"""``file://``: a folder, also one that machines share."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from venvstacks_rules.repository.stores.attempts import trouble
from venvstacks_rules.repository.stores.folders import UMASK, files_below, locked, sync_folder
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import (
    CHUNK,
    LOCK,
    PART,
    Content,
    Entry,
    Store,
    Stored,
    StoreError,
    is_part,
)


class FileStore(Store):
    """A folder whose files are the keys."""

    def __init__(self, folder: Path) -> None:
        self.url = folder.as_uri()
        self._folder = folder

    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None."""
        with self._errors(key), contextlib.suppress(FileNotFoundError):
            with self._path(key).open("rb") as file:
                data = file.read(limit + 1)
            if len(data) > limit:
                raise self.too_many(key, limit)
            return Stored(data, _mark(data))
        return None

    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None."""
        with self._errors(key), contextlib.suppress(FileNotFoundError):
            return self._path(key).stat().st_size
        return None

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        with self._errors(key, reads=True), self._path(key).open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0:
                piece = file.read(min(left, CHUNK))
                if not piece:
                    raise self.too_few(key, end)
                left -= len(piece)
                yield piece

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Store `content`; False if something is there already."""
        path = self._path(key)
        with self._errors(key):
            if path.exists():
                return False
            with self._written(path, content) as part:
                try:
                    # A link fails where a rename would overwrite.
                    os.link(part, path)
                except FileExistsError:
                    return False
                sync_folder(path.parent)
        return True

    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        """Store `data` if `key` is as it was when it had `mark`."""
        path = self._path(key)
        with self._errors(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path.parent / LOCK):
                found = path.read_bytes() if path.exists() else None
                if (None if found is None else _mark(found)) != mark:
                    return False
                with self._written(path, Content.of(data)) as part:
                    part.replace(path)
                    sync_folder(path.parent)
        return True

    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys that begin with `prefix`, sorted."""
        with self._errors(prefix):
            for entry in files_below(self._folder, prefix):
                if f"/{PART}" not in f"/{entry.key}":
                    yield entry

    def incomplete(self) -> Iterator[Entry]:
        """Files that are or were being written."""
        with self._errors(""):
            yield from filter(lambda entry: is_part(entry.key), files_below(self._folder, ""))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what lies at these keys."""

        def remove(key: str) -> None:
            with self._errors(key):
                self._path(key).unlink(missing_ok=True)

        # Each waits for the disk, which serves many at a time: ten times as fast.
        for _ in in_parallel(remove, keys, self.concurrency):
            pass

    def _path(self, key: str) -> Path:
        return self._folder / key

    @contextlib.contextmanager
    def _written(self, path: Path, content: Content) -> Iterator[Path]:
        """A complete file beside `path`, which is removed at the end if it is still there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=PART, dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.writelines(content.pieces())
                out.flush()
                # The permissions of a file that `open` makes.
                os.chmod(part, 0o666 & ~UMASK)  # noqa: PTH101
                os.fsync(out.fileno())
            yield part
        finally:
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _errors(self, key: str, *, reads: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            if reads and isinstance(e, FileNotFoundError):
                raise self.missing(key) from None
            remedy = "Look whether the folder can be reached, and is yours to write."
            raise StoreError(trouble(self.url, key, e.strerror or e, remedy)) from None


def _mark(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
