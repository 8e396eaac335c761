"""RECORD and headers, compared with the readers of `installer` and of the standard library."""

from __future__ import annotations

import email
import hashlib
import io
from pathlib import Path

import pytest
from installer import records as independent

from tests.support.wheels import record_hash
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
        assert record_entries(text) == (theirs(text), [])


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
    assert record_entries(text) == (theirs(text), [])


def test_an_entry() -> None:
    (entry,), _ = record_entries("a.py,sha256=abc,3\n")
    assert entry == RecordEntry("a.py", "sha256", "abc", 3)
    assert entry.hash == "sha256=abc"


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_hashes_in_both_alphabets(name: str) -> None:
    digest = hashlib.new(name, b"x").digest()
    other = hashlib.new(name, b"y").digest()
    for text, hexadecimal in ((record_hash(b"x", name), False), (f"{name}={digest.hex()}", True)):
        (entry,), _ = record_entries(f"a.py,{text},1\n")
        assert entry.is_hexadecimal is hexadecimal
        assert entry.is_hash(digest)
        assert not entry.is_hash(other)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,b", "row 2 has 2 columns, not 3"),
        ("", "row 2 has 0 columns, not 3"),
        (",,", "row 2 has an empty path"),
        ("x.py,sha256,1", "row 2 has the hash `sha256`, not `ALGORITHM=DIGEST`"),
        ("x.py,sha256=x,one", "row 2 has the size `one`, not a number"),
        ("x.py,sha256=x,-1", "row 2 has the size `-1`, not a number"),
        ("x.py,sha256=x,\u00b2", "row 2 has the size `\u00b2`, not a number"),
    ],
)
def test_a_row_that_cannot_be_read(row: str, problem: str) -> None:
    entries, problems = record_entries(f"first.py,,\n{row}\nlast.py,,\n")
    assert [entry.path for entry in entries] == ["first.py", "last.py"]
    assert problems == [problem]


def test_a_field_that_is_too_long() -> None:
    entries, problems = record_entries(f"first.py,,\n{'x' * 200_000},,\n")
    assert [entry.path for entry in entries] == ["first.py"]
    assert problems == ["row 2 cannot be read: field larger than field limit (131072)"]


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
