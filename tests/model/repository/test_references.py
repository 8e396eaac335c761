from __future__ import annotations

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.repository.references import Reference, read_reference


def test_a_reference_to_bytes() -> None:
    # `printf hello | sha256sum`
    sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    reference = Reference.of(b"hello")
    assert reference == Reference(sha256, 5)
    assert reference.to_dict() == {"sha256": sha256, "size": 5}
    assert read_reference(CheckedTable(reference.to_dict(), "", [])) == reference


def test_names_what_is_wrong() -> None:
    problems: list[str] = []
    read_reference(CheckedTable({"sha256": "ABC", "size": "5"}, "blob", problems))
    assert problems == [
        "`blob.sha256`: `ABC` is not a SHA-256 in lower-case hexadecimal",
        "`blob.size`: expected a size in bytes, got a string",
    ]
