"""RECORD and headers, compared with the readers of `installer` and of the standard library."""

from __future__ import annotations

import email
import io
from pathlib import Path

import pytest
from installer import records as independent

from venvstacks_rules.actions.wheels.dist_info_files import (
    RecordEntry,
    headers,
    record_entries,
)

SITE_PACKAGES = Path(pytest.__file__).parents[1]


def theirs(text: str) -> list[RecordEntry]:
    rows = independent.parse_record_file(io.StringIO(text, newline=""))
    entries = [independent.RecordEntry.from_elements(*row) for row in rows]
    return [
        RecordEntry(
            e.path, e.hash_.name if e.hash_ else "", e.hash_.value if e.hash_ else "", e.size
        )
        for e in entries
    ]


def test_records_of_real_distributions() -> None:
    files = sorted(SITE_PACKAGES.glob("*.dist-info/RECORD"))
    assert len(files) > 10
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert record_entries(text) == theirs(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"a,b.py",sha256=x-_,1\n',
        '"say ""hi"".py",sha256=x=,12\r\n',
        "a\\b.py,,\n",
        "line\u2028separator.py,sha512=x,\n",
        "no-end.py,sha256=x,0",
    ],
)
def test_rows(text: str) -> None:
    assert record_entries(text) == theirs(text)


def test_an_entry() -> None:
    (entry,) = record_entries("a.py,sha256=abc,3\n")
    assert entry == RecordEntry("a.py", "sha256", "abc", 3)
    assert entry.hash == "sha256=abc"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,b", "row 2: has 2 columns, not 3"),
        ("", "row 2: has 0 columns, not 3"),
        (",,", "row 2: the path is empty"),
        ("x.py,sha256,1", "row 2: the hash `sha256` is not `ALGORITHM=DIGEST`"),
        ("x.py,sha256=x,one", "row 2: the size `one` is not a number"),
        ("x.py,sha256=x,-1", "row 2: the size `-1` is not a number"),
        ("x.py,sha256=x,\u00b2", "row 2: the size `\u00b2` is not a number"),
    ],
)
def test_a_row_that_cannot_be_read(row: str, problem: str) -> None:
    with pytest.raises(ValueError, match="row 2") as caught:
        record_entries(f"first.py,,\n{row}\nlast.py,,\n")
    assert str(caught.value) == problem


def test_metadata_of_real_distributions() -> None:
    files = sorted(SITE_PACKAGES.glob("*.dist-info/METADATA"))
    files += sorted(SITE_PACKAGES.glob("*.dist-info/WHEEL"))
    assert len(files) > 20
    for file in files:
        text = file.read_text(encoding="utf-8")
        message = email.message_from_string(text)
        found = headers(text)
        for name in ("Name", "Version", "Wheel-Version", "Summary"):
            expected = message[name]
            assert found.get(name.lower()) == (expected and expected.strip()), file


@pytest.mark.parametrize(
    "text",
    [
        "Name: demo\nVersion: 1\n\nName: body\n",
        "NAME:demo\r\nversion:  1 \r\n",
        "Name: first\nName: second\n folded\nVersion: 1\n",
        "Summary: one\n  two\n\tthree\nName: demo\n",
        "no header\nName: demo\n",
        "",
    ],
)
def test_headers_are_read_as_by_the_standard_library(text: str) -> None:
    message = email.message_from_string(text)
    found = headers(text)
    for name in ("Name", "Version", "Summary"):
        expected = message[name]
        assert found.get(name.lower()) == (expected and expected.strip())
