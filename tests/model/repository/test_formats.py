from __future__ import annotations

import pytest

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.formats import check_repository_json, repository_json


def test_the_file_of_this_format() -> None:
    # As in docs/reference/repository.md.
    assert repository_json() == (
        '{\n  "format": "venvstacks-repository",\n  "format_version": 1\n}\n'
    )
    check_repository_json(repository_json().encode())
    check_repository_json(
        b'{"format": "venvstacks-repository", "format_version": 1, "hint": "later"}'
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"format": "venvstacks-repository", "format_version": 2}',
            "`repository.json`: the repository has version 2 of the format.\n"
            "  * this release reads and writes version 1; use a newer release of venvstacks-rules",
        ),
        (
            b'{"format": "venvstacks-repository", "format_version": 0}',
            "`repository.json` cannot be used.\n  * `format_version`: 0 is less than 1",
        ),
        (
            b"{}",
            "`repository.json` cannot be used.\n"
            "  * `format`: missing\n"
            "  * `format_version`: missing",
        ),
        (
            b'{"format": "maven", "format_version": 1}',
            "`repository.json` cannot be used.\n"
            "  * `format`: 'maven' is not `venvstacks-repository`",
        ),
        (b"[]", "`repository.json` cannot be used.\n  * expected a table, got a list"),
        (
            b"\xff",
            "`repository.json` cannot be read.\n  * it is not JSON: 'utf-8' codec can't decode"
            " byte 0xff in position 0: invalid start byte",
        ),
    ],
)
def test_other_files(content: bytes, message: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        check_repository_json(content)
    assert str(caught.value) == message
