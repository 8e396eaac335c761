"""Reads the files of a .dist-info folder: the rows of RECORD, the headers of WHEEL and METADATA.

The formats are those of the "recording installed projects", "binary distribution format" and "core
metadata" specifications. Libraries for them exist; loading one takes longer than reading the files
of most wheels.
"""

from __future__ import annotations

import base64
import csv
import io
from typing import NamedTuple, Optional

from venvstacks_rules.model.wording import printable

_COLUMNS = 3
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}


class RecordEntry(NamedTuple):
    """A row of RECORD."""

    path: str
    """As in the zip archive, with forward slashes."""
    algorithm: str
    """Of the hash; empty for a file without one, such as RECORD."""
    digest: str
    """In the URL-safe alphabet of base 64; some tools write it in hexadecimal."""
    size: Optional[int]
    """In bytes."""

    @property
    def hash(self) -> str:
        """The hash as RECORD writes it."""
        return f"{self.algorithm}={self.digest}" if self.algorithm else ""

    @property
    def is_hexadecimal(self) -> bool:
        """Whether the digest is written in hexadecimal, not in base 64."""
        return len(self.digest) == _HEX_DIGITS.get(self.algorithm)

    def is_hash(self, digest: bytes) -> bool:
        """Whether the row has this hash."""
        if self.is_hexadecimal:
            return self.digest.lower() == digest.hex()
        actual = base64.urlsafe_b64encode(digest).decode("ascii")
        return actual.rstrip("=") == self.digest.rstrip("=")


def record_entries(text: str) -> tuple[list[RecordEntry], list[str]]:
    """The rows of RECORD, and what is wrong with those that cannot be read."""
    # Not `splitlines`, which also splits at characters that a file name may contain.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=",", quotechar='"')
    entries: list[RecordEntry] = []
    problems: list[str] = []
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            try:
                entries.append(_entry(row))
            except ValueError as e:
                problems.append(f"row {number} {e}")
    except csv.Error as e:
        problems.append(f"row {number + 1} cannot be read: {e}")
    return entries, problems


def _entry(row: list[str]) -> RecordEntry:
    if len(row) != _COLUMNS:
        raise ValueError(f"has {len(row)} columns, not {_COLUMNS}")
    path, hash_text, size = row
    if not path:
        raise ValueError("has an empty path")
    algorithm, equals, digest = hash_text.partition("=")
    if hash_text and not equals:
        raise ValueError(f"has the hash `{printable(hash_text)}`, not `ALGORITHM=DIGEST`")
    if size and not (size.isascii() and size.isdigit()):
        raise ValueError(f"has the size `{printable(size)}`, not a number")
    # Some tools on Windows write their own separators.
    return RecordEntry(path.replace("\\", "/"), algorithm, digest, int(size) if size else None)


def headers(text: str) -> dict[str, str]:
    """The headers of WHEEL or METADATA by their names in lower case; of several, the first."""
    return {name: values[0] for name, values in header_values(text).items()}


def header_values(text: str) -> dict[str, list[str]]:
    """The headers of WHEEL or METADATA by their names in lower case, each with all its values."""
    found: dict[str, list[str]] = {}
    name = ""
    # The body, which can be long, is not read.
    for line in io.StringIO(text, newline=None):
        if line[0] in " \t" and found:
            found[name][-1] += "\n" + line.rstrip("\n")
            continue
        key, colon, value = line.partition(":")
        if not colon:
            break
        name = key.lower()
        found.setdefault(name, []).append(value.strip())
    return found
