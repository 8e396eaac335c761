"""The subjects of a provenance statement: the files that hold the layer.

Beside an archive that is the archive. A repository has its segments instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from venvstacks_rules.model.errors import RequestError
from venvstacks_rules.model.json_codec import document_json, parsed_json


def with_subjects(statement: str | bytes, subjects: Iterable[tuple[str, str]]) -> str:
    """The text of `statement` with these subjects: names, each once, and SHA-256 hashes."""
    try:
        data = parsed_json(statement)
    except ValueError as e:
        raise RequestError(f"the provenance is not JSON: {e}") from None
    if not isinstance(data, dict):
        raise RequestError("the provenance is not a JSON object")
    listed = [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects]
    return document_json({**data, "subject": listed})


def segment_subject(archive_name: str, source: str, large_file: str | None = None) -> str:
    """The name of the subject for a segment of an archive, of a large file if it has one alone."""
    return f"{archive_name}#{source}" + (f"/{large_file}" if large_file else "")
