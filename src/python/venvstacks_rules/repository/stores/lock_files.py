"""Locks in file systems that create a file only if there is none, and have no other locks."""

from __future__ import annotations

import contextlib
import random
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

from venvstacks_rules.repository.stores.store import LOCK, StoreError

LOCK_LIFE = 60.0
"""Seconds after which a lock that does not change was left behind, by the clock of who waits.

Its owner gives it up after a quarter of that.
"""


class _NotExclusiveError(Exception):
    """Files are not created exclusively."""


Confirm = Callable[[], None]
"""Raises StoreError unless the lock is still ours."""


@contextlib.contextmanager
def lock_file(system: Any, path: str, url: str) -> Iterator[Confirm]:
    """Hold the lock of the file `path` of `system`, of fsspec; `url` is for messages."""
    folder, _, name = path.rpartition("/")
    path = f"{folder}/{LOCK}-{name}"
    token = secrets.token_hex(16).encode()
    try:
        _wait(system, path, token)
        began = time.monotonic()
        if _created(system, path, token):
            raise _NotExclusiveError
    except _NotExclusiveError:
        with contextlib.suppress(FileNotFoundError):
            system.rm_file(path)
        raise StoreError(
            f"{url}: this file system creates no file exclusively, so that two publishers could "
            "overwrite each other's work. Publish to another kind of repository."
        ) from None

    def confirm() -> None:
        if time.monotonic() - began > LOCK_LIFE / 4 or _content(system, path) != token:
            raise StoreError(f"{url}: `{path}`: the lock was lost. Try again later.")

    try:
        yield confirm
    finally:
        if _content(system, path) == token:
            with contextlib.suppress(FileNotFoundError):
                system.rm_file(path)


def _wait(system: Any, path: str, token: bytes) -> None:
    """Create the lock, after others removed theirs."""
    seen: bytes | None = None
    since = time.monotonic()
    while not _created(system, path, token):
        found = _content(system, path)
        if found != seen:
            seen, since = found, time.monotonic()
        elif time.monotonic() - since > LOCK_LIFE:
            with contextlib.suppress(FileNotFoundError):
                system.rm_file(path)
        time.sleep(random.uniform(0.01, 0.1))  # noqa: S311


def _created(system: Any, path: str, token: bytes) -> bool:
    for attempt in range(5):
        try:
            # For SFTP, `x` alone does not permit writing.
            with system.open(path, "wxb" if "sftp" in system.protocol else "xb") as file:
                file.write(token)
        except (ValueError, NotImplementedError) as e:
            raise _NotExclusiveError from e
        except FileExistsError:
            return False
        except OSError:
            # SFTP, for example, has no error of its own for a file that is there; and its owner
            # may have removed it since.
            if _content(system, path) is not None:
                return False
            if attempt == 4:
                raise
        else:
            return True
    return False


def _content(system: Any, path: str) -> bytes | None:
    try:
        system.invalidate_cache()
        with system.open(path, "rb") as file:
            found: bytes = file.read(100)
    except FileNotFoundError:
        return None
    return found
