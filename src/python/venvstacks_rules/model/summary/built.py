"""The sizes of a packaged layer, from the files beside its archive.

The dist folder may have any files: they count only if they are readable and belong to the layer's
current lock.
"""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.contents.segment_index import SegmentIndex
from venvstacks_rules.model.contents.segments import by_source
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import parsed_json


@dataclass(frozen=True)
class ExpectedBuild:
    """Values in the files of a layer, if they belong to its current lock."""

    install_target: str
    target_platform: str
    requirements_hash: str


@dataclass(frozen=True)
class BuiltLayer:
    """The sizes of a packaged layer, in bytes."""

    archive_name: str
    archive_size: int
    unpacked_size: int
    """The size of all files; a file of two wheels counts once."""
    unpacked_sources: tuple[tuple[str, int], ...]
    """For each source of segments the size of its files, in the order of the archive."""
    excluded_size: int = 0
    """Of the files of packages that the layer leaves out."""
    documents: tuple[tuple[str, str], ...] = ()
    """The documents beside the archive: ``sbom``, ``provenance``, and the path of each."""
    archive_sha256: str = ""


def archive_name(metadata: bytes, expected: ExpectedBuild) -> str:
    """The name of the archive that the layer metadata `metadata` belongs to.

    Raises ArchiveError if the metadata does not belong to the `expected` layer and lock.
    """
    problems: list[str] = []
    table = CheckedTable(_json(metadata, "layer metadata"), "", problems)
    name = table.string("archive_name")
    if "/" in name or "\\" in name or name.startswith("."):
        table.note("archive_name", f"{name!a} is not the name of an archive")
    for key in ("install_target", "target_platform", "requirements_hash"):
        found, wanted = table.string(key), getattr(expected, key)
        if found and found != wanted:
            table.note(key, f"`{found}` is not `{wanted}`")
    if problems:
        raise ArchiveError("not the metadata of the current lock", problems)
    return name


def excluded_size(metadata: bytes) -> int:
    """The size of the files that the layer with this metadata, its own, leaves out of packages."""
    problems: list[str] = []
    table = CheckedTable(_json(metadata, "layer metadata"), "", problems)
    if "excluded_files" not in table:
        return 0
    excluded = table.table("excluded_files")
    size = sum(excluded.table(name).size("size") for name in excluded.names())
    if problems:
        raise ArchiveError("not the metadata of a layer", problems)
    return size


def built_layer(index: bytes, expected: ExpectedBuild, archive: str) -> BuiltLayer:
    """The sizes in the segment index `index` of the archive of that name.

    Raises ArchiveError if it is not a segment index, or belongs to another archive.
    """
    data = SegmentIndex.from_dict(_json(index, "segment index"))
    if (data.install_target, data.archive_name) != (expected.install_target, archive):
        raise ArchiveError(
            "not the segment index of the archive",
            [f"it belongs to `{data.archive_name}` with the layer `{data.install_target}`"],
        )
    files = {file.path: file.size for segment in data.segments for file in segment.files}
    return BuiltLayer(
        archive_name=data.archive_name,
        archive_size=data.archive_size,
        unpacked_size=sum(files.values()),
        unpacked_sources=tuple(
            (source, sum(file.size for segment in parts for file in segment.files))
            for source, parts in by_source(data.segments).items()
        ),
        archive_sha256=data.archive_sha256,
    )


def is_provenance_of(statement: bytes, archive_sha256: str) -> bool:
    """Whether a provenance statement is about the archive with this hash."""
    problems: list[str] = []
    try:
        table = CheckedTable(parsed_json(statement), "", problems)
    except ValueError:
        return False
    subjects = table.tables("subject")
    return any(subject.table("digest").string("sha256") == archive_sha256 for subject in subjects)


def _json(content: bytes, what: str) -> object:
    try:
        return parsed_json(content)
    except ValueError:
        raise ArchiveError(f"not a {what}", ["it is not JSON"]) from None
