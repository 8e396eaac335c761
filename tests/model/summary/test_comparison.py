"""What changed between two summaries."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.summaries import PLATFORM, a_large_stack, a_layer
from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.comparison import Comparison, compared
from venvstacks_rules.model.summary.layer import LayerSummary
from venvstacks_rules.model.summary.stack import Overview
from venvstacks_rules.model.summary.text import render_text

RUNTIME = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 20_000_000)])
OLD = a_layer(LayerKind.FRAMEWORK, "x", [RUNTIME], [("gone", 10), ("rich", 1_000_000)])
NEW = a_layer(LayerKind.FRAMEWORK, "x", [RUNTIME], [("new", 20), ("rich", 1_500_000)])


def changes(before: list[LayerSummary], now: list[LayerSummary]) -> Comparison:
    old, new = Overview.of(PLATFORM, before), Overview.of(PLATFORM, now)
    return compared(old.to_json().encode(), new.to_dict(), "old.json")


def test_versions_and_sizes_of_a_layer() -> None:
    (rich,) = (package for package in NEW.packages if package.name == "rich")
    packages = tuple(p for p in NEW.packages if p.name != "rich")
    newer = replace(NEW, packages=(*packages, replace(rich, version="2")))
    python = replace(RUNTIME, python_implementation="cpython@3.12.1")
    comparison = changes([RUNTIME, OLD], [python, newer])
    assert {layer.address: layer.texts for layer in comparison.layers} == {
        "src/stack:py": ("python cpython@3.11.13 → cpython@3.12.1",),
        "src/stack:x": (
            "- gone 1.2.3",
            "+ new 1.2.3",
            "rich 1.2.3 → 2",
            "to download 1.0 MB → 1.5 MB (+500.0 kB)",
            "unpacked 3.0 MB → 4.5 MB (+1.5 MB)",
            "archive 751.0 kB → 1.1 MB (+375.0 kB)",
        ),
    }
    smaller = changes([NEW], [OLD]).layers[0]
    assert smaller.texts[-1] == "archive 1.1 MB → 751.0 kB (-375.0 kB)"


def test_layers_that_come_and_go() -> None:
    comparison = changes([RUNTIME, OLD], [RUNTIME, replace(NEW, address="src/stack:y")])
    assert [(layer.address, layer.state) for layer in comparison.layers] == [
        ("src/stack:x", "removed"),
        ("src/stack:y", "added"),
    ]
    assert all(layer.texts == () for layer in comparison.layers)


def test_sizes_that_one_side_does_not_know_are_no_change() -> None:
    unbuilt = a_layer(LayerKind.FRAMEWORK, "x", [RUNTIME], [("rich", 9)], built=False)
    built = a_layer(LayerKind.FRAMEWORK, "x", [RUNTIME], [("rich", 9)])
    assert changes([unbuilt], [built]).layers == ()
    assert changes([built], [unbuilt]).layers == ()


def test_a_layer_with_another_name_has_changed() -> None:
    (layer,) = changes([OLD], [replace(OLD, install_target="framework-x@2")]).layers
    assert (layer.install_target, layer.state) == ("framework-x@2", "changed")


def test_nothing_changed() -> None:
    overview = a_large_stack(5, 6)
    comparison = compared(overview.to_json().encode(), overview.to_dict(), "old.json")
    assert comparison == Comparison("old.json", ())
    text = render_text(replace(overview, comparison=comparison))
    assert text.endswith("\nnothing changed since old.json\n")


def test_as_text_and_as_json() -> None:
    comparison = changes([RUNTIME, OLD], [RUNTIME, NEW])
    overview = replace(Overview.of(PLATFORM, [RUNTIME, NEW]), comparison=comparison)
    assert render_text(overview).split("\n\n")[-1] == (
        "changed since old.json\n"
        "  framework-x (src/stack:x)\n"
        "    - gone 1.2.3\n"
        "    + new 1.2.3\n"
        "    to download 1.0 MB → 1.5 MB (+500.0 kB)\n"
        "    unpacked 3.0 MB → 4.5 MB (+1.5 MB)\n"
        "    archive 751.0 kB → 1.1 MB (+375.0 kB)\n"
    )
    (layer,) = overview.to_dict()["comparison"]["layers"]
    assert layer["packages"] == [
        {"name": "gone", "before": "1.2.3", "after": None},
        {"name": "new", "before": None, "after": "1.2.3"},
    ]
    assert layer["sizes"]["archive"] == {"before": 751_007, "after": 1_126_015}
    # The output with a comparison is itself something to compare with.
    assert compared(overview.to_json().encode(), overview.to_dict(), "x").layers == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "it is not JSON"),
        (b"[]", "expected a table, got a list"),
        (b"{}", "`target_platform`: missing; `stacks`: missing"),
        (
            json.dumps({**Overview.of("win_amd64", []).to_dict()}).encode(),
            "it is for win_amd64, and this run shows linux_x86_64. Name the platform with "
            "`--platform`",
        ),
    ],
)
def test_something_else_is_refused(content: bytes, problem: str) -> None:
    current: dict[str, Any] = Overview.of(PLATFORM, [RUNTIME]).to_dict()
    with pytest.raises(VenvstacksError) as caught:
        compared(content, current, "old.json")
    assert str(caught.value) == problem
