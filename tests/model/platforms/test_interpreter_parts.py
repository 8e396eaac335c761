"""Parts of an interpreter."""

from __future__ import annotations

from venvstacks_rules.model.platforms.interpreter_parts import strippable_parts


def test_all_names_are_public_modules() -> None:
    parts = strippable_parts()
    assert {"development", "ensurepip", "idlelib", "lib2to3", "test", "tkinter"} <= set(parts)
    assert not {"os", "site", "json", "sys", "_tkinter", "zlib"} & set(parts)
