"""The reference of ``venvstacks-show --json`` has every key, and none that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.summaries import a_large_stack
from venvstacks_rules.model.summary.comparison import compared
from venvstacks_rules.model.summary.wording import LOCK_WORDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "show.md"
DATA: dict[str, Any] = a_large_stack(3, 4).to_dict()
STACK = DATA["stacks"][0]
LAYER = STACK["frameworks"][0]
COMPARISON = compared(json.dumps(DATA).encode(), {**DATA, "stacks": []}, "x").to_dict()


def first_cells(section: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(
        rf"^#+ {re.escape(section)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"there is no section {section}"
    return re.findall(r"^\| `([^`]+)` \|", found[1], re.MULTILINE)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("JSON of `venvstacks-show`", DATA),
        ("A stack", STACK),
        ("A layer", LAYER),
        ("The lock of a layer", [*LAYER["lock"], *(state.value for state in LOCK_WORDS)]),
        ("The sizes of a layer", LAYER["sizes"]),
        ("A package of a layer", LAYER["packages"][0]),
        ("The heaviest packages of a layer", LAYER["heaviest_packages"]),
        ("A shared package", LAYER["shared_packages"][0]),
        ("A package that several applications use", STACK["shared_by_applications"][0]),
        ("A comparison", COMPARISON),
        ("A change of a layer", COMPARISON["layers"][0]),
    ],
)
def test_every_key_is_documented_in_order(section: str, expected: Any) -> None:
    assert first_cells(section) == list(expected)
