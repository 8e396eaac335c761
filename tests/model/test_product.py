from __future__ import annotations

from pathlib import Path

import tomli

from venvstacks_rules.model.product import NAME, VERSION

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_name_and_version_are_those_of_the_project() -> None:
    project = tomli.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["version"]) == (NAME, VERSION)
