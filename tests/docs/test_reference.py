"""The reference names every target, field and option, with the type and default Pants shows."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.shared_roots import shared_root

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
LAYERS = (
    *("venvstacks_runtime", "venvstacks_framework", "venvstacks_application"),
    "venvstacks_client",
)
TESTS = ("venvstacks_test", "venvstacks_tests")
STACKS = (
    "venvstacks_bundle",
    "venvstacks_image",
    "venvstacks_manifest",
    "venvstacks_release",
    "venvstacks_stack",
)
TARGETS = (*LAYERS, *STACKS, *TESTS)
COMMON = "Fields of all layers"

# One worker, so that Pants is asked once.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("docs/test_reference.py"),
]


@pytest.fixture(scope="module")
def pants_help() -> dict[str, Any]:
    with shared_root() as root:
        data: dict[str, Any] = json.loads(root.succeed("help-all").stdout)
    return data


def tables(page: str) -> dict[str, dict[str, list[str]]]:
    """The rows of each section of a page of the reference, by their first cell."""
    found: dict[str, dict[str, list[str]]] = {}
    title = ""
    for line in (REFERENCE / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("#").strip().strip("`")
            found[title] = {}
        elif line.startswith("| `"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            name, *rest = (cell.strip().replace(r"\|", "|").strip("`") for cell in cells)
            assert name not in found[title], f"{name} is listed twice"
            found[title][name] = rest
    return found


def documented_fields() -> dict[str, dict[str, list[str]]]:
    found = tables("targets.md")
    of_one = {name: cells for name, cells in found["venvstacks_test"].items() if name != "source"}
    found["venvstacks_tests"].update(of_one)
    return {
        target: {**(found[COMMON] if target in LAYERS else {}), **found[target]}
        for target in TARGETS
    }


@pytest.mark.parametrize("target", TARGETS)
def test_every_field_is_documented_with_type_and_default(
    pants_help: Mapping[str, Any], target: str
) -> None:
    expected = {}
    for field in pants_help["name_to_target_type_info"][target]["fields"]:
        kind = field["type_hint"].replace(" | None", "")
        default = "*required*" if field["required"] else str(field["default"])
        expected[field["alias"]] = [kind, default]
    documented = {name: cells[:2] for name, cells in documented_fields()[target].items()}
    assert documented == expected


def test_every_target_is_documented(pants_help: Mapping[str, Any]) -> None:
    known = {name for name in pants_help["name_to_target_type_info"] if "venvstacks" in name}
    assert known == set(TARGETS)


@pytest.mark.parametrize(
    "scope",
    [
        "venvstacks",
        "venvstacks-actions",
        "venvstacks-export",
        "venvstacks-lint",
        "venvstacks-publish",
        "venvstacks-pytest",
        "venvstacks-repository",
        "venvstacks-show",
    ],
)
def test_every_option_is_documented_with_its_default(
    pants_help: Mapping[str, Any], scope: str
) -> None:
    info = pants_help["scope_to_help_info"][scope]
    expected = {o["config_key"]: o["default"] for o in (*info["basic"], *info["advanced"])}
    documented = {}
    for name, cells in tables("options.md")[f"[{scope}]"].items():
        text = cells[1]
        written = text[:1] in "[({" or text.isdigit() or text in ("None", "True", "False")
        documented[name] = ast.literal_eval(text) if written else text
    assert documented == expected


def test_the_options_of_ours_for_the_goal_of_pants_are_documented(
    pants_help: Mapping[str, Any],
) -> None:
    info = pants_help["scope_to_help_info"]["generate-lockfiles"]
    defaults = {option["config_key"]: str(option["default"]) for option in info["basic"]}
    documented = tables("options.md")["[generate-lockfiles]"]
    assert documented.keys() == {"upgrade", "upgrade_package", "if_needed"}
    assert {name: defaults[name] for name in documented} == {
        name: cells[1] for name, cells in documented.items()
    }


@pytest.mark.parametrize(("scope", "count"), [("venvstacks", 4), ("venvstacks-show", 1)])
def test_every_choice_of_an_option_is_documented(
    pants_help: Mapping[str, Any], scope: str, count: int
) -> None:
    documented = tables("options.md")[f"[{scope}]"]
    checked = 0
    for option in pants_help["scope_to_help_info"][scope]["basic"]:
        if option["choices"]:
            assert re.findall(r"[\w.]+(?=[`,]|$)", documented[option["config_key"]][0]) == list(
                option["choices"]
            )
            checked += 1
    assert checked == count
