from __future__ import annotations

import json
from dataclasses import replace

from tests.support.summaries import PLATFORM, a_large_stack, a_layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.layer import LayerSummary
from venvstacks_rules.model.summary.stack import BrokenStackFile, Overview

RUNTIME = a_layer(LayerKind.RUNTIME, "py")
LOW = a_layer(LayerKind.FRAMEWORK, "z-low", [RUNTIME])
HIGH = a_layer(LayerKind.FRAMEWORK, "a-high", [LOW, RUNTIME])
APP = a_layer(LayerKind.APPLICATION, "app", [HIGH, LOW, RUNTIME])


def elsewhere(layer: LayerSummary, place: str, name: str) -> LayerSummary:
    return replace(layer, place=place, address=f"{place}:{name}")


def names(overview: Overview) -> list[list[str]]:
    return [[layer.address for layer in stack.layers] for stack in overview.stacks]


def test_lower_layers_come_first() -> None:
    overview = Overview.of(PLATFORM, [APP, HIGH, LOW, RUNTIME])
    assert names(overview) == [
        ["src/stack:py", "src/stack:z-low", "src/stack:a-high", "src/stack:app"]
    ]
    (stack,) = overview.stacks
    assert dict(stack.depths) == {
        "src/stack:py": 0,
        "src/stack:z-low": 1,
        "src/stack:a-high": 2,
        "src/stack:app": 3,
    }
    # What follows from other edges is not drawn.
    assert stack.edges == (
        ("src/stack:z-low", "src/stack:py"),
        ("src/stack:a-high", "src/stack:z-low"),
        ("src/stack:app", "src/stack:a-high"),
    )


def test_layers_that_lie_on_each_other_are_one_stack() -> None:
    base = elsewhere(RUNTIME, "base", "py")
    one = replace(elsewhere(LOW, "one", "fw"), lower=(("py", "base:py"),))
    other = elsewhere(RUNTIME, "other", "py")
    assert names(Overview.of(PLATFORM, [one, other, base])) == [["base:py", "one:fw"], ["other:py"]]
    assert [s.name for s in Overview.of(PLATFORM, [one, other, base]).stacks] == [
        "base, one",
        "other",
    ]


def test_layers_of_one_place_are_one_stack() -> None:
    second = a_layer(LayerKind.RUNTIME, "py2")
    assert names(Overview.of(PLATFORM, [second, RUNTIME])) == [["src/stack:py", "src/stack:py2"]]


def test_a_broken_file_is_a_stack_or_joins_that_of_its_layers() -> None:
    joined = BrokenStackFile("src/stack/x.toml", "src/stack", ("x",))
    alone = BrokenStackFile("other/x.toml", "other:stack", ("y", "z"))
    overview = Overview.of(PLATFORM, [RUNTIME], ["x", "y", "z"], [alone, joined])
    assert [(stack.name, stack.broken_files) for stack in overview.stacks] == [
        ("other:stack", (alone,)),
        ("src/stack", (joined,)),
    ]
    assert overview.to_dict()["stacks"][0] == {
        "name": "other:stack",
        "runtimes": [],
        "frameworks": [],
        "applications": [],
        "shared_by_applications": [],
        "broken_files": [{"path": "other/x.toml", "problems": ["y", "z"]}],
    }


def test_totals_count_only_when_all_are_known() -> None:
    (stack,) = Overview.of(PLATFORM, [RUNTIME, LOW]).stacks
    assert stack.unpacked_size == 90_008_000
    assert stack.archive_size == 90_004_000 // 4 + 1_000
    assert stack.download_size == 30_000_000
    unbuilt = a_layer(LayerKind.FRAMEWORK, "x", [RUNTIME], built=False)
    (stack,) = Overview.of(PLATFORM, [RUNTIME, unbuilt]).stacks
    assert (stack.unpacked_size, stack.download_size) == (None, 30_000_000)
    # A layer that is not made for the platform does not count.
    foreign = replace(unbuilt, offered=False)
    (stack,) = Overview.of(PLATFORM, [RUNTIME, foreign]).stacks
    assert stack.unpacked_size == 90_004_000


def test_json_does_not_depend_on_the_order_of_the_layers() -> None:
    overview = a_large_stack(6, 7)
    layers = [layer for stack in overview.stacks for layer in stack.layers]
    assert Overview.of(PLATFORM, reversed(layers)).to_json() == overview.to_json()
    data = json.loads(overview.to_json())
    assert data["format_version"] == 1
    assert [
        len(data["stacks"][0][kind]) for kind in ("runtimes", "frameworks", "applications")
    ] == [
        1,
        6,
        7,
    ]


def test_nothing() -> None:
    assert json.loads(Overview.of(PLATFORM, [], ["src:x: wrong"]).to_json()) == {
        "format_version": 1,
        "target_platform": "linux_x86_64",
        "stacks": [],
        "problems": ["src:x: wrong"],
        "comparison": None,
    }
