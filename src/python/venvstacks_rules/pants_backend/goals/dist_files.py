"""Reads what ``package`` wrote below the dist folder, and writes pages.

For goal rules only: the engine does not track these files, so no cached result may depend on them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from venvstacks_rules.model.errors import ArchiveError, VenvstacksError
from venvstacks_rules.model.outputs.names import ArchiveNames, archive_names
from venvstacks_rules.model.summary.built import (
    BuiltLayer,
    ExpectedBuild,
    archive_name,
    built_layer,
    excluded_size,
    is_provenance_of,
)

_MAX_METADATA = 1_000_000
_MAX_INDEX = 300_000_000
_MAX_DOCUMENT = 100_000_000
"""Bytes; the index of a layer of two gigabytes has a hundredth of this."""
_TICK = 0.1
"""Seconds by which the times of files may be behind the clock: systems take them from its last
tick, 1 to 10 ms ago. No run begins so soon after another one."""


def find_build(
    dist: Path, folders: Iterable[str], expected: ExpectedBuild | None
) -> tuple[BuiltLayer | None, tuple[str, ...]]:
    """The build of a layer in the dist folder, or notes why its files are ignored.

    Looks into `folders`, which are relative to `dist`, one after the other. `expected` is None for
    a layer without a lock, which has no build.
    """
    notes: list[str] = []
    if expected is None:
        return None, ()
    for folder in folders:
        for tagged in (False, True):
            # Only the name of the archive depends on the extension, and it is not used.
            names = archive_names(
                expected.install_target,
                extension="",
                platform=expected.target_platform,
                tagged=tagged,
            )
            metadata, index = dist / folder / names.metadata, dist / folder / names.segments
            if not metadata.is_file():
                continue
            try:
                return _read(metadata, index, expected), ()
            except ArchiveError as e:
                notes.append(f"{folder}/{names.metadata} is ignored: {'; '.join(e.problems)}")
    return None, tuple(notes)


def _read(metadata: Path, index: Path, expected: ExpectedBuild) -> BuiltLayer:
    content = _content(metadata, _MAX_METADATA)
    archive = metadata.parent / archive_name(content, expected)
    if not index.is_file():
        raise ArchiveError("incomplete", [f"there is no {index.name} beside it"])
    built = built_layer(_content(index, _MAX_INDEX), expected, archive.name)
    if not archive.is_file() or archive.stat().st_size != built.archive_size:
        raise ArchiveError(
            "incomplete", [f"{archive.name} beside it is missing or has another size"]
        )
    documents = _documents(metadata, index, built)
    return replace(built, excluded_size=excluded_size(content), documents=documents)


def _documents(metadata: Path, index: Path, built: BuiltLayer) -> tuple[tuple[str, str], ...]:
    """The documents of this build beside its archive; those of another build do not count."""
    names = ArchiveNames(built.archive_name, metadata.name, index.name)
    sbom, provenance = (metadata.with_name(name) for name in (names.sbom, names.provenance))
    try:
        statement = _content(provenance, _MAX_DOCUMENT)
    except ArchiveError:
        return ()
    if not sbom.is_file() or not is_provenance_of(statement, built.archive_sha256):
        return ()
    return ("sbom", str(sbom)), ("provenance", str(provenance))


def _content(file: Path, limit: int) -> bytes:
    try:
        if file.stat().st_size > limit:
            raise ArchiveError("too large", [f"{file.name} has more than {limit} bytes"])
        return file.read_bytes()
    except OSError as e:
        raise ArchiveError("unreadable", [f"{file.name}: {e.strerror}"]) from None


def read_earlier(file: Path, *, written: str) -> bytes:
    """The JSON output of an earlier run; `written` is the path as the user wrote it."""
    try:
        return _content(file, _MAX_INDEX)
    except ArchiveError as e:
        raise VenvstacksError(
            f"`--venvstacks-show-compare` is {written!r}, which cannot be read: "
            f"{'; '.join(e.problems)}. Name a file that `venvstacks-show --json` wrote."
        ) from None


def is_written(file: Path, size: int, *, since: float) -> bool:
    """Whether a file has that size and was written at or after a time, in seconds."""
    try:
        found = file.stat()
    except OSError:
        return False
    return found.st_size == size and found.st_mtime >= since - _TICK


def write_whole(file: Path, text: str, *, option: str, written: str) -> None:
    """Write a file at once, so that readers never see half of it, and make the folders above it.

    `option` and its value as `written` are for the message if this fails.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as e:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise VenvstacksError(
            f"`{option}` is {written!r}, which cannot be written: {e.strerror}. "
            "Name a file in a folder that you may write to."
        ) from None
