"""The archive formats and the range of their compression levels."""

from __future__ import annotations

from venvstacks_rules.model.values import dataclass
from venvstacks_rules.model.wording import quoted


@dataclass(frozen=True)
class Compression:
    """How the segments of an archive are compressed."""

    archive_format: str
    """``tar.zst``, ``tar.xz``, ``tar.gz`` or ``zip``."""
    level: int
    """In the scale of the format; see :data:`ARCHIVE_FORMATS`."""

    def __post_init__(self) -> None:
        known = ARCHIVE_FORMATS.get(self.archive_format)
        if known is None:
            raise ValueError(
                f"`{self.archive_format}` is not an archive format: "
                f"use one of {quoted(ARCHIVE_FORMATS)}"
            )
        if not known.min_level <= self.level <= known.max_level:
            raise ValueError(
                f"{self.level} is not a compression level of `{known.name}`: "
                f"use {known.levels} (the default is {known.default_level})"
            )


ZIP = "zip"
"""The only format that is not a compressed tar stream."""


@dataclass(frozen=True)
class ArchiveFormat:
    """A format of layer archives."""

    name: str
    """As in the field and the option: ``tar.zst``."""
    extension: str
    """What follows the install target in the archive's name, with the dot."""
    default_level: int
    min_level: int
    max_level: int
    """The highest level at which one process needs less than 400 MB of memory."""

    @property
    def levels(self) -> str:
        """The range of levels, in words."""
        return f"{self.min_level} to {self.max_level}"


# xz at 6 takes a fifth longer than at 5 and saves one per cent; deflate takes twice as long and
# saves half a per cent. zstd above 19 and xz above 6 save a few per mille, and need half a gigabyte
# of tables.
ARCHIVE_FORMATS: dict[str, ArchiveFormat] = {
    archive_format.name: archive_format
    for archive_format in (
        ArchiveFormat("tar.zst", ".tar.zst", default_level=9, min_level=1, max_level=19),
        ArchiveFormat("tar.xz", ".tar.xz", default_level=5, min_level=0, max_level=6),
        ArchiveFormat("tar.gz", ".tar.gz", default_level=6, min_level=1, max_level=9),
        # Without a stream to copy: we splice the files of wheels.
        ArchiveFormat(ZIP, ".zip", default_level=5, min_level=1, max_level=9),
    )
}
"""All archive formats by name, the default one first."""


def compression(archive_format: str, level: int | None = None) -> Compression:
    """The format and its level; by default the format's default level.

    Raises ValueError for an unknown format and for a level outside the format's range.
    """
    known = ARCHIVE_FORMATS.get(archive_format)
    if level is None and known is not None:
        return Compression(known.name, known.default_level)
    return Compression(archive_format, level or 0)
