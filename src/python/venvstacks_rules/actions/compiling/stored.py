"""Byte code that was made for the files of a layer, in a zip archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from venvstacks_rules.actions.files.sinks import FileSink
from venvstacks_rules.model.contents.files import ArchivedFile


def add_byte_code(stored: str | None, folder: str, sink: FileSink) -> list[ArchivedFile]:
    """Add the byte code in the archive `stored`, if there is one, to `sink`.

    Paths in the archive are relative to `folder` in the layer.
    """
    if stored is None:
        return []
    return [
        sink.add_file(f"{folder}/{name}" if folder else name, [content], len(content))
        for name, content in _contents(stored)
    ]


def _contents(stored: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(stored) as archive:
        for name in sorted(archive.namelist()):
            yield name, archive.read(name)
