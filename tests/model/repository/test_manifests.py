from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.support.hostile_json import changed
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import LayerKey, StackKey, key_problem, name_problem
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.references import Reference

A, B, C = (character * 64 for character in "abc")
RUNTIME = StackLayer("runtime", "cpython", "cpython@2", (), Reference(A, 10), 100, 200)
FRAMEWORK = StackLayer(
    "framework", "framework-web", "framework-web", ("cpython@2",), Reference(B, 20), 30, 40
)
APP = StackLayer(
    "application", "app-x", "app-x", ("framework-web", "cpython@2"), Reference(C, 30), 3, 4
)
STACK = PublishedStack("release", "1.0", "linux_x86_64", (RUNTIME, FRAMEWORK, APP), notes="Faster.")
DATA: dict[str, Any] = {
    "format_version": 1,
    "name": "release",
    "version": "1.0",
    "target_platform": "linux_x86_64",
    "notes": "Faster.",
    "layers": [
        {
            "kind": layer.kind,
            "layer_name": layer.layer_name,
            "install_target": layer.install_target,
            "requires": list(layer.requires),
            "index": {"sha256": layer.index.sha256, "size": layer.index.size},
            "archive_size": layer.archive_size,
            "unpacked_size": layer.unpacked_size,
        }
        for layer in (RUNTIME, FRAMEWORK, APP)
    ],
}


def problems(**changes: Any) -> list[str]:
    with pytest.raises(RepositoryError) as caught:
        PublishedStack.from_json(json.dumps({**DATA, **changes}).encode(), "x.json")
    assert caught.value.summary == "`x.json` cannot be used."
    return list(caught.value.problems)


def test_what_a_manifest_is() -> None:
    assert STACK.to_json() == json.dumps(DATA, indent=2, sort_keys=True) + "\n"
    assert PublishedStack.from_json(STACK.to_json().encode()) == STACK
    without = replace(STACK, notes="")
    assert "notes" not in without.to_json()
    assert PublishedStack.from_json(without.to_json().encode()) == without


def test_what_a_manifest_says() -> None:
    assert STACK.key == StackKey("release", "1.0", "linux_x86_64")
    assert STACK.layer_keys[1] == LayerKey("framework-web", "linux_x86_64", B)
    assert STACK.needed_by("framework-web") == (RUNTIME, FRAMEWORK)
    assert STACK.needed_by("app-x") == (RUNTIME, FRAMEWORK, APP)
    assert STACK.needed_by("app-y") == ()


def test_a_layer_of_an_index() -> None:
    index = LayerIndex(
        "runtime",
        {
            "layer_name": "cpython",
            "install_target": "cpython@2",
            "target_platform": "linux_x86_64",
            "runtime_layer": "cpython@2",
        },
        "cpython.zip",
        "zip",
        9,
        (),
    )
    content = index.to_json().encode()
    assert StackLayer.of(index) == StackLayer(
        "runtime",
        "cpython",
        "cpython@2",
        (),
        Reference(hashlib.sha256(content).hexdigest(), len(content)),
        0,
        0,
    )


def test_a_stack_without_a_version_of_its_own() -> None:
    stack = PublishedStack.unversioned("stack", "linux_x86_64", [RUNTIME])
    assert (
        stack.version
        == (hashlib.sha256(replace(stack, version="").to_json().encode()).hexdigest()[:16])
    )
    other = PublishedStack.unversioned("stack", "linux_x86_64", [RUNTIME, FRAMEWORK])
    assert other.version != stack.version
    assert name_problem(stack.version) is None


def test_names_all_that_is_wrong() -> None:
    layers = [
        {**DATA["layers"][0], "kind": "other", "requires": ["app-x"]},
        {**DATA["layers"][1], "layer_name": "CPython", "install_target": "CPython@2"},
        {**DATA["layers"][2], "requires": "cpython@2", "index": {"sha256": C, "size": True}},
        {**DATA["layers"][2], "install_target": "a/b", "layer_name": "..", "requires": []},
    ]
    assert problems(name="a/b", version="", target_platform=3, notes=1, layers=layers) == [
        f"`name`: 'a/b': {name_problem('a/b')}",
        "`version`: is empty",
        "`target_platform`: expected a string, got an integer",
        "`layers[0].kind`: `other` is not a kind of layer",
        "`layers[2].requires`: expected a list of strings, got a string",
        "`layers[2].index.size`: expected a size in bytes, got True",
        f"`layers[3].layer_name`: '..': {name_problem('..')}",
        "`layers[3].install_target`: the name contains a slash: 'a/b'",
        "`notes`: expected a string, got an integer",
        "`layers[0].requires`: `app-x` is not a layer in front of it",
        "`layers[1].install_target`: `CPython@2` occurs twice",
        "`layers[1].layer_name`: `CPython` occurs twice",
    ]


def test_lower_layers_come_first() -> None:
    assert problems(layers=[DATA["layers"][1], DATA["layers"][0]]) == [
        "`layers[0].requires`: `cpython@2` is not a layer in front of it"
    ]


@given(changed(STACK.to_json()))
def test_hostile_manifests(content: bytes) -> None:
    try:
        stack = PublishedStack.from_json(content)
    except RepositoryError:
        return
    assert PublishedStack.from_json(stack.to_json().encode()) == stack
    assert key_problem(str(stack.key)) is None
    assert all(key_problem(str(key)) is None for key in stack.layer_keys)
    assert all("/" not in layer.install_target for layer in stack.layers)
