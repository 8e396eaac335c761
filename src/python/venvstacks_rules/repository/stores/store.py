"""The interface to one kind of repository.

A kind is one module with a subclass of :class:`Store`, and one line in `opened.py`. All kinds pass
one contract test, ``tests/repository/stores/test_contract.py``, against a real server.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from venvstacks_rules.model.errors import RepositoryError, VenvstacksError
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.repository.keys import CHANNELS, REPOSITORY_FILE, TRUST
from venvstacks_rules.model.repository.references import Reference

CHUNK = 1024 * 1024
"""How much is read at once, in bytes."""
REMEDY = (
    "Run `venvstacks-repository verify --remove-damaged`, and then publish the version again with"
    " `--venvstacks-publish-thorough`."
)
"""What to do about a file that is missing or damaged: what is there is never stored again, and a
publish that is not thorough believes that all is there which an index names."""
RECORD_REMEDY = (
    "Run `venvstacks-repository verify --remove-damaged`, which removes a record that nobody can"
    " read, and then `venvstacks-repository mirror` from a copy. Without a copy, publish the"
    " version again, or `promote` it: who saw the old record waits for one with a higher number."
)
"""The same for the record of a channel."""
ON_THE_WAY = (
    "Try again, or on another network. If it stays, tell whoever publishes it, who runs"
    " `venvstacks-repository verify`."
)
"""The same for those who only read: what they got may have been changed on its way."""
_BEGIN = 40
"""So many bytes say what something is."""
PART = ".part-"
"""The beginning of the names of files that are not complete, where a kind has such files.

No key has a name that begins with it, and no store lists them.
"""


LOCK = f"{PART}lock"
"""The beginning of those names that are locks."""


def is_part(key: str) -> bool:
    """Whether a file is not complete, and no lock."""
    name = key.rpartition("/")[2]
    return name.startswith(PART) and not name.startswith(LOCK)


def part_key(key: str) -> str:
    """A key beside `key` for what is not complete."""
    return f"{key.rpartition('/')[0]}/{PART}{secrets.token_hex(8)}".lstrip("/")


class StoreError(VenvstacksError):
    """A store does not do what it was asked for; the text says what, where and why."""


class UrlError(VenvstacksError):
    """What was written as the URL of a repository leads nowhere: another attempt does not help."""


class TooLargeError(RepositoryError):
    """What lies at a key has more bytes than may be read."""


@dataclass(frozen=True)
class Content:
    """Bytes to store: of memory, or of a file."""

    reference: Reference
    data: bytes | None = None
    path: Path | None = None

    @classmethod
    def of(cls, data: bytes) -> Content:
        """Bytes of memory."""
        return cls(Reference.of(data), data)

    def open(self) -> BinaryIO:
        """The bytes from the beginning; close it after use."""
        if self.path is None:
            return io.BytesIO(self.data or b"")
        return self.path.open("rb")

    def pieces(self) -> Iterator[bytes]:
        """The bytes in pieces of at most `CHUNK`.

        StoreError in place of the last piece if they are not those of the reference, so that no
        store gets to the end of a file that changed.
        """
        hasher, size, last = hashlib.sha256(), 0, b""
        try:
            with self.open() as source:
                while piece := source.read(CHUNK):
                    hasher.update(piece)
                    size += len(piece)
                    if last:
                        yield last
                    last = piece
        except OSError as e:
            raise StoreError(f"`{self.path}`: {e.strerror or e}") from None
        if (hasher.hexdigest(), size) != (self.reference.sha256, self.reference.size):
            what = "the bytes to store" if self.path is None else f"`{self.path}`"
            raise StoreError(
                f"{what} changed: {size} bytes with the hash sha256:{hasher.hexdigest()}, not "
                f"{self.reference.size} with sha256:{self.reference.sha256}. Build it again."
            )
        if last:
            yield last


@dataclass(frozen=True)
class Stored:
    """What lies at a key, with a mark that changes with it."""

    data: bytes
    mark: str
    """Opaque: for :meth:`Store.replace`."""


@dataclass(frozen=True)
class Entry:
    """A key that exists."""

    key: str
    size: int
    """In bytes."""
    modified: float
    """When it was written last, by the clock of the store, in seconds since 1970."""


class Store(ABC):
    """One repository, by keys; see :mod:`venvstacks_rules.model.repository.keys`.

    Every method raises StoreError if the store cannot be reached or refuses; the text names the
    URL without credentials. Another attempt may succeed then. Methods may be called from several
    threads.
    """

    url: str
    """Without credentials."""
    concurrency = 8
    """How many calls at a time it serves well."""
    damage = "is damaged"
    """What messages say of bytes that are not what they should be."""

    @abstractmethod
    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None. TooLargeError if there are more than `limit`."""

    @abstractmethod
    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None; one request, without the bytes."""

    @abstractmethod
    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, in pieces of at most a few MiB.

        RepositoryError if there are fewer, or none.
        """

    def explained(self, key: str) -> list[str]:
        """For messages about wrong bytes at `key`: what is known of them, and what to do."""
        return [_remedy(key)]

    def takes_ranges(self, key: str) -> bool:
        """Whether :meth:`read` costs no more than the bytes that it gives."""
        return True

    @abstractmethod
    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Store `content`; False if something is there already, which stays as it is.

        Atomic: nobody sees a part of it. `holds` are the keys of the blobs that what is stored
        names: a store that removes blobs that nothing names learns from it.
        """

    @abstractmethod
    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        """Store `data` if `key` is as it was when it had `mark`; None: if nothing is there.

        False if it is not: somebody else was faster. Atomic.
        """

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys that begin with `prefix`, sorted; StoreError if the store cannot tell."""

    def incomplete(self) -> Iterator[Entry]:
        """Files that somebody writes at the moment, or was killed in writing.

        They are at no key, for kinds that have such files; :meth:`delete` removes them.
        """
        return iter(())

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove what lies at these keys, in any order; nothing happens where nothing is."""

    def too_many(self, key: str, limit: int) -> RepositoryError:
        """The error for a file that is larger than :meth:`get` may read."""
        return TooLargeError(
            f"{self.url}: `{key}` has more than {limit} bytes.", self.explained(key)
        )

    def too_few(self, key: str, end: int) -> RepositoryError:
        """The error for a file that is smaller than :meth:`read` has to read."""
        return RepositoryError(
            f"{self.url}: `{key}` has fewer than {end} bytes.", self.explained(key)
        )

    def missing(self, key: str) -> RepositoryError:
        """The error for a file that has to be there."""
        return RepositoryError(f"{self.url}: `{key}` is missing.", self.explained(key))

    def damaged(self, key: str, problem: str) -> RepositoryError:
        """The error for a file that has other bytes."""
        return RepositoryError(
            f"{self.url}: `{key}` {self.damage}.", [problem, *self.explained(key)]
        )

    def close(self) -> None:  # noqa: B027 - most kinds have nothing to close
        """Release connections. The store is not used afterwards."""


class ReadOnlyStore(Store):
    """What others wrote, to read only."""

    @abstractmethod
    def read_only(self, key: str) -> StoreError:
        """The error for whoever tries to change it; the text says what to do."""

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Refuse."""
        raise self.read_only(key)

    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        """Refuse."""
        raise self.read_only(key)

    def delete(self, keys: Iterable[str]) -> None:
        """Refuse."""
        raise self.read_only(next(iter(keys), ""))


def checked_blob(store: Store, key: str, reference: Reference, *, limit: int) -> bytes:
    """A small file by its hash. RepositoryError if it is missing or has other bytes."""
    if reference.size > limit:
        raise RepositoryError(
            f"{store.url}: `{key}` is too large.",
            [f"it has {reference.size} bytes; {limit} are accepted"],
        )
    found = store.get(key, limit=reference.size)
    if found is None:
        raise store.missing(key)
    problem = reference_problem(found.data, reference)
    if problem is not None:
        raise store.damaged(key, problem)
    return found.data


def read_back(store: Store, key: str, reference: Reference) -> None:
    """Read what was just written; StoreError, and nothing at `key`, if it is something else.

    For stores whose server compares nothing with a hash while it is written.
    """
    hasher = hashlib.sha256()
    for piece in store.read(key, 0, reference.size):
        hasher.update(piece)
    if hasher.hexdigest() != reference.sha256:
        store.delete([key])
        raise StoreError(f"{store.url}: `{key}` was damaged on its way. Publish it again.")


def _remedy(key: str) -> str:
    """What to do about a file of a repository that is missing or damaged."""
    if key == REPOSITORY_FILE:
        return "Put it back from a copy; or remove it: the next publish writes it."
    if key.startswith(f"{TRUST}/"):
        return (
            "Remove the file, and bring it back: with `venvstacks-repository mirror` from a copy, "
            "or with `venvstacks-repository root publish`."
        )
    return RECORD_REMEDY if key.startswith(f"{CHANNELS}/") else REMEDY


def not_json(data: bytes) -> str | None:
    """Why bytes are no JSON, and what they begin with if it is another kind; None if they are."""
    try:
        parsed_json(data)
    except ValueError as e:
        begin = data[:_BEGIN].decode("latin-1")
        if begin.lstrip().startswith(("{", "[")):
            return f"it is not JSON: {e}"
        return f"it is not JSON: it begins with {begin!a}" if data else "it is empty"
    return None


def reference_problem(data: bytes, reference: Reference) -> str | None:
    """Why `data` are not the bytes of `reference`, or None."""
    if len(data) != reference.size:
        return f"it has {len(data)} bytes, not {reference.size}"
    sha256 = hashlib.sha256(data).hexdigest()
    return None if sha256 == reference.sha256 else f"its hash is sha256:{sha256}"
