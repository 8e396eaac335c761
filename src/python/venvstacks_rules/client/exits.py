"""What exit codes say, and which one an error has."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

from venvstacks_rules.local.files.streams import FULL

DONE, FAILED, MISUSED, DAMAGED, NOT_BELIEVED, UNREACHED, DISK, NOT_INSTALLED = range(8)
INTERRUPTED = 130

EXITS = {
    DONE: "done; also if there was nothing to do",
    FAILED: "the command cannot be done; the text says why",
    MISUSED: "the command line is wrong, or names what is not there",
    DAMAGED: "the installation is damaged: run `repair`",
    NOT_BELIEVED: "the repository is damaged, or is not believed",
    UNREACHED: "the repository cannot be reached: try again later",
    DISK: "the disk is full, read-only, or not yours to write",
    NOT_INSTALLED: "there is no such installation or application",
    INTERRUPTED: "interrupted from the keyboard",
}
"""What exit codes say."""


def failure(error: Exception, folder: Path | None = None) -> tuple[int, str]:
    """The exit code and the text for what went wrong with the installation in `folder`."""
    if isinstance(error, OSError):
        where = f"`{error.filename}`: " if error.filename else ""
        code = DISK if error.errno in (*FULL, errno.EROFS, errno.EACCES, errno.EPERM) else FAILED
        room = ""
        if error.errno in FULL and folder is not None:
            from venvstacks_rules.client.installation.layout import named_layout
            from venvstacks_rules.client.installation.room import room_remedy

            with suppress(OSError):
                remedy = room_remedy(named_layout(folder))
                room = f" {remedy[0].upper()}{remedy[1:]}."
        return code, f"{where}{error.strerror or error}. What was installed is as it was.{room}"
    # Only after something went wrong: the names take time to import.
    from venvstacks_rules.client.installation.layout import (
        DamagedInstallationError,
        MisusedError,
        NoRoomError,
        NotInstalledError,
        UnnamedError,
        WrongOptionError,
    )
    from venvstacks_rules.local.layers.postinstall import DiskFullError
    from venvstacks_rules.model.errors import RepositoryError
    from venvstacks_rules.repository.stores.store import StoreError, UrlError

    kinds = (
        (MisusedError, MISUSED),
        (UnnamedError, MISUSED),
        (WrongOptionError, MISUSED),
        (UrlError, MISUSED),
        (NotInstalledError, NOT_INSTALLED),
        (DamagedInstallationError, DAMAGED),
        (NoRoomError, DISK),
        (DiskFullError, DISK),
        (RepositoryError, NOT_BELIEVED),
        (StoreError, UNREACHED),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), FAILED), str(error)
