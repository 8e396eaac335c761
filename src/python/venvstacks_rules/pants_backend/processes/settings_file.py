"""A file with settings that are nobody else's business, there while somebody needs it.

Rules have no other channel to a process that is not part of its cache key. Everything is keyed by
the process that Pants runs in, so that neither another user, nor another run of Pants, nor another
repository is disturbed.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.requests.network import network_settings_file

_LOCK = threading.Lock()
_USERS: Counter[Path] = Counter()


@contextlib.contextmanager
def settings_file(folder: Path, text: str) -> Iterator[Path]:
    """Keep `text` in `folder`, readable by nobody else, until the last of its users has ended.

    NetworkError where it cannot be written.
    """
    path = folder / network_settings_file(platform.node(), os.getpid())
    with _LOCK:
        try:
            _write(path, text)
        except OSError as e:
            raise NetworkError(
                f"the network settings cannot be written to {folder}: "
                f"{e.strerror}. The folder must belong to you: choose another "
                "`[GLOBAL].named_caches_dir`, or remove it"
            ) from None
        _USERS[path] += 1
    try:
        yield path
    finally:
        with _LOCK:
            _USERS[path] -= 1
            if _USERS[path] == 0:
                del _USERS[path]
                path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    _remove_left_over(path.parent)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _remove_left_over(folder: Path) -> None:
    """Remove the files of processes of this machine that were killed."""
    ours = re.escape(network_settings_file(platform.node(), 0).rpartition("-")[0])
    for path in folder.iterdir():
        match = re.fullmatch(rf"{ours}-(\d+)\.json(\.new)?", path.name)
        if match and not _runs(int(match[1])):
            path.unlink(missing_ok=True)


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # Somebody else's.
    return True
