from __future__ import annotations

from pathlib import Path

import tomli

from venvstacks_rules.model.layers.client import CLIENT_REQUIREMENTS, CLIENT_SCRIPTS
from venvstacks_rules.model.product import NAME, VERSION

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_name_and_version_are_those_of_the_project() -> None:
    project = tomli.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["version"]) == (NAME, VERSION)


def test_the_client_is_the_same_as_a_layer_and_as_an_extra() -> None:
    project = tomli.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["client"] == list(CLIENT_REQUIREMENTS)
    assert CLIENT_SCRIPTS.items() <= project["scripts"].items()
