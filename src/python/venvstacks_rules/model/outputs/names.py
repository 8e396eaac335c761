"""The names of archives and of the files beside them."""

from __future__ import annotations

from pathlib import PurePosixPath

from venvstacks_rules.model.values import dataclass

ARCHIVE_BUILD = 1
"""Always 1: the hash of an archive identifies it, not the number of its build."""


MANIFEST_FOLDER = PurePosixPath("__venvstacks__")
"""The folder for published files that are not archives, beside the archives."""


@dataclass(frozen=True)
class ArchiveNames:
    """The names of an archive and of the files beside it."""

    archive: str
    metadata: str
    segments: str

    @property
    def sbom(self) -> str:
        """The SBOM, where one is asked for; the ending is that which scanners know."""
        return f"{self._stem}.cdx.json"

    @property
    def provenance(self) -> str:
        """The provenance statement, where one is asked for."""
        return f"{self._stem}.provenance.json"

    @property
    def _stem(self) -> str:
        return self.metadata[: -len(".json")]


def archive_names(
    install_target: str, *, extension: str, platform: str, tagged: bool
) -> ArchiveNames:
    """The names of an archive and of the files beside it.

    `tagged` names contain the platform, so that files of several platforms can share a folder.
    """
    stem = f"{install_target}-{platform}-{ARCHIVE_BUILD}" if tagged else install_target
    return ArchiveNames(f"{stem}{extension}", f"{stem}.json", f"{stem}.segments.json")


def manifest_path(*, platform: str, tagged: bool) -> str:
    """The path of a stack's manifest, relative to the archives' folder."""
    return str(MANIFEST_FOLDER / f"venvstacks{_tag(platform, tagged)}.json")


def env_metadata_path(layer_name: str, *, platform: str, tagged: bool) -> str:
    """The path of the second copy of a layer's metadata, for readers who only know its name."""
    return str(MANIFEST_FOLDER / "env_metadata" / f"{layer_name}{_tag(platform, tagged)}.json")


def _tag(platform: str, tagged: bool) -> str:
    return f"-{platform}" if tagged else ""
