"""Where the files of wheels and interpreters go: into a segment of an archive, or into a folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from venvstacks_rules.model.action_io import ArchivedFile


class FileSink(Protocol):
    """Takes the files and links of a layer, one after another."""

    def add_file(
        self, path: str, content: Iterable[bytes], size: int, *, executable: bool = False
    ) -> ArchivedFile:
        """Add a file of `size` bytes; ValueError where `content` is not that long."""
        ...

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        ...
