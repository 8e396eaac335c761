"""What exit codes say, and which one an error has."""

from __future__ import annotations

import errno

from venvstacks_rules.local.files.streams import FULL

DONE, FAILED, MISUSED, DAMAGED, NOT_BELIEVED, UNREACHED, DISK, NOT_INSTALLED = range(8)
INTERRUPTED = 130

EXITS = {
    DONE: "done; also if there was nothing to do",
    FAILED: "the command cannot be done; the text says why",
    MISUSED: "the command line is wrong",
    DAMAGED: "the installation is damaged: run `repair`",
    NOT_BELIEVED: "the repository is damaged, or is not believed",
    UNREACHED: "the repository cannot be reached: try again later",
    DISK: "the disk is full, read-only, or not yours to write",
    NOT_INSTALLED: "there is no such installation or application",
    INTERRUPTED: "interrupted from the keyboard",
}
"""What exit codes say."""


def failure(error: Exception) -> tuple[int, str]:
    """The exit code and the text for what went wrong."""
    if isinstance(error, OSError):
        where = f"`{error.filename}`: " if error.filename else ""
        code = DISK if error.errno in (*FULL, errno.EROFS, errno.EACCES, errno.EPERM) else FAILED
        room = (
            " `venvstacks-deploy gc --keep 1` removes old versions." if error.errno in FULL else ""
        )
        return code, f"{where}{error.strerror or error}. What was installed is as it was.{room}"
    # Only after something went wrong: the names take time to import.
    from venvstacks_rules.client.installation.layout import (
        DamagedInstallationError,
        NoRoomError,
        NotInstalledError,
    )
    from venvstacks_rules.model.errors import RepositoryError
    from venvstacks_rules.repository.stores.store import StoreError

    kinds = (
        (NotInstalledError, NOT_INSTALLED),
        (DamagedInstallationError, DAMAGED),
        (NoRoomError, DISK),
        (RepositoryError, NOT_BELIEVED),
        (StoreError, UNREACHED),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), FAILED), str(error)
