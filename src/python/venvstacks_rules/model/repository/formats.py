"""``repository.json``: the version of a repository's format."""

from __future__ import annotations

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.model.repository.indexes import refuse
from venvstacks_rules.model.repository.keys import REPOSITORY_FILE

REPOSITORY_FORMAT = "venvstacks-repository"
REPOSITORY_VERSION = 1
MOST_REPOSITORY_BYTES = 64 * 1024
"""A larger file is not read."""


def repository_json() -> str:
    """The text of the file."""
    return published_json({"format": REPOSITORY_FORMAT, "format_version": REPOSITORY_VERSION})


def check_repository_json(content: bytes, name: str = REPOSITORY_FILE) -> None:
    """RepositoryError, with `name`, unless the repository has this version of the format."""
    problems: list[str] = []
    try:
        table = CheckedTable(parsed_json(content), "", problems)
    except ValueError as e:
        raise RepositoryError(f"`{name}` cannot be read.", [f"it is not JSON: {e}"]) from None
    found = table.string("format")
    if found and found != REPOSITORY_FORMAT:
        table.note("format", f"{found!a} is not `{REPOSITORY_FORMAT}`")
    version = table.integer("format_version")
    if not problems and version < 1:
        table.note("format_version", f"{version} is less than 1")
    refuse(table, name)
    if version > REPOSITORY_VERSION:
        raise RepositoryError(
            f"`{name}`: the repository has version {version} of the format.",
            [
                f"this release reads and writes version {REPOSITORY_VERSION};"
                " use a newer release of venvstacks-rules"
            ],
        )
