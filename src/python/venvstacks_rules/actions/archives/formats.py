"""Chooses the writer of a segment by the format of the archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from venvstacks_rules.model.contents.compression import ZIP, Compression

if TYPE_CHECKING:
    from venvstacks_rules.actions.archives.tar_writer import SegmentWriter
    from venvstacks_rules.actions.archives.zip_writer import ZipSegmentWriter


def new_segment(
    path: Path,
    *,
    source: str,
    install_target: str,
    compression: Compression,
    end_of_archive: bool = False,
) -> SegmentWriter | ZipSegmentWriter:
    """A writer of the segment `path`; use it as a context manager.

    With `end_of_archive`, it also writes the end of a tar stream. A zip archive ends with a central
    directory, which depends on all segments.
    """
    # An action loads the compressors of its format only.
    if compression.archive_format == ZIP:
        from venvstacks_rules.actions.archives.zip_writer import ZipSegmentWriter

        return ZipSegmentWriter(
            path, source=source, install_target=install_target, compression=compression
        )
    from venvstacks_rules.actions.archives.tar_writer import SegmentWriter

    return SegmentWriter(
        path,
        source=source,
        install_target=install_target,
        compression=compression,
        end_of_archive=end_of_archive,
    )
