"""The text of the linter."""

from __future__ import annotations

from venvstacks_rules.model.advice.findings import Finding, Ignored, findings_text


def test_what_saves_most_comes_first() -> None:
    small = Finding(("tests",), "a: small", 10, "unpacked", ("edit",))
    large = Finding(("tests", "debug-symbols"), "b: large", 20_000, "of wheels", ())
    assert findings_text([small, large], ["A note."], "pants lock") == (
        "b: large. This saves 20.0 kB of wheels. [tests, debug-symbols]\n"
        "a: small. This saves 10 B unpacked. [tests]\n"
        "    edit\n"
        "2 warnings. After a change of requirements or frameworks, run `pants lock`.\n"
        "A note."
    )


def test_nothing_to_say() -> None:
    assert findings_text([], [], "pants lock") == ""


def test_checks_and_packages_that_are_ignored() -> None:
    ignored = Ignored(("tests", "duplicates:six"))
    assert ignored.has("tests", "numpy")
    assert ignored.has("duplicates", "six")
    assert not ignored.has("duplicates", "numpy")
    assert not ignored.has("debug-symbols", "six")
