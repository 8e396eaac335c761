"""The names of archives and of the files beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

ARCHIVE_BUILD = 1
"""An archive is identified by its hash, not by how often it was built."""


MANIFEST_FOLDER = PurePosixPath("__venvstacks__")
"""Where all that is not an archive is published, beside the archives."""


@dataclass(frozen=True)
class ArchiveNames:
    """The names of an archive and of the files beside it."""

    archive: str
    metadata: str
    segments: str


def archive_names(
    install_target: str, *, extension: str, platform: str, tagged: bool
) -> ArchiveNames:
    """What an archive and the files beside it are called.

    `tagged` names tell the platform as well, so that those of several can share a folder.
    """
    stem = f"{install_target}-{platform}-{ARCHIVE_BUILD}" if tagged else install_target
    return ArchiveNames(f"{stem}{extension}", f"{stem}.json", f"{stem}.segments.json")


def manifest_path(*, platform: str, tagged: bool) -> str:
    """Where the manifest of a stack lies, beside the archives."""
    return str(MANIFEST_FOLDER / f"venvstacks{_tag(platform, tagged)}.json")


def env_metadata_path(layer_name: str, *, platform: str, tagged: bool) -> str:
    """Where the metadata of a layer lies a second time, for those who know the layer only."""
    return str(MANIFEST_FOLDER / "env_metadata" / f"{layer_name}{_tag(platform, tagged)}.json")


def _tag(platform: str, tagged: bool) -> str:
    return f"-{platform}" if tagged else ""
