"""Commands that packages define: how they are declared."""

from __future__ import annotations

import configparser
import importlib.metadata

from venvstacks_rules.model.contents.entry_points import declared_scripts


def test_declarations_of_real_distributions() -> None:
    seen = 0
    for distribution in importlib.metadata.distributions():
        text = distribution.read_text("entry_points.txt")
        if text is None:
            continue
        parser = configparser.ConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        expected = {
            name: target
            for section in ("console_scripts", "gui_scripts")
            if parser.has_section(section)
            for name, target in parser.items(section)
        }
        assert dict(declared_scripts(text)) == expected
        seen += len(expected)
    assert seen > 5


def test_what_is_no_command() -> None:
    text = "# a = b:c\n[other]\nx = y:z\n[ console_scripts ]\nno target\nb=m:f\na = m:g [extra]\n"
    assert declared_scripts(text) == (("a", "m:g [extra]"), ("b", "m:f"))
