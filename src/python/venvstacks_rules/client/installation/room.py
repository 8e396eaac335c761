"""Whether a disk has room: for bytes, and for files, which many file systems count."""

from __future__ import annotations

import os
from dataclasses import dataclass

from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.layout import Layout, NoRoomError
from venvstacks_rules.model.wording import size_text

_LITTLE = 64 * 1024
"""Bytes."""
_FEW = 16
"""Files."""
NO_MORE_FILES = "the disk holds no more files (inodes), whatever room it has for bytes"


@dataclass(frozen=True)
class Room:
    """What a disk has left."""

    size: int
    """In bytes."""
    files: int | None
    """None if nobody counts them."""

    @classmethod
    def of(cls, folder: str) -> Room:
        """The room of the disk of a folder."""
        if os.name == "nt":
            import shutil

            return cls(shutil.disk_usage(folder).free, None)
        status = os.statvfs(folder)
        files = status.f_favail if status.f_files else None
        return cls(status.f_bavail * status.f_frsize, files)

    @property
    def lacks_files(self) -> bool:
        """Whether there may be no more of them."""
        return self.files is not None and self.files < _FEW

    @property
    def is_full(self) -> bool:
        """Whether there is room for nothing."""
        return self.size < _LITTLE or self.lacks_files


def refuse_full_disk(layout: Layout, size: int, files: int) -> None:
    """NoRoomError if the disk has no room for so many bytes and new files."""
    room = Room.of(str(layout.staging))
    if room.size < size:
        raise no_room(
            layout,
            f"it needs {size_text(size)} in `{layout.staging}`, and {size_text(room.size)} are "
            "free; nothing was changed",
        )
    if room.files is not None and room.files < files:
        raise no_room(
            layout,
            f"it needs {files} files (inodes) in `{layout.staging}`, and the disk holds "
            f"{room.files} more; nothing was changed",
        )


def no_room(layout: Layout, problem: str) -> NoRoomError:
    """The error for a disk that is full."""
    return NoRoomError("The disk has no room for the new version.", [problem, room_remedy(layout)])


def room_remedy(layout: Layout) -> str:
    """What to do about a disk that is full."""
    old = any(len(Generations(layout, name).numbers) > 1 for name in layout.app_names())
    if old:
        return "`venvstacks-deploy gc --keep 1` removes old versions"
    return "there are no old versions to remove; make room on the disk of the installation"
