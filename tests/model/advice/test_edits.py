"""Edits in the words of BUILD files and of stack files."""

from __future__ import annotations

from dataclasses import replace

from venvstacks_rules.model.advice.edits import StackFileDefinition, TargetDefinition
from venvstacks_rules.model.layers.names import LayerKind

TARGET = TargetDefinition("src:fw", LayerKind.FRAMEWORK, "fw", "src", ("six",), (":low",))
LAYER = StackFileDefinition(
    "src:stack#framework-fw",
    LayerKind.FRAMEWORK,
    "fw",
    "src",
    file="src/venvstacks.toml",
    generator="src:stack",
)


def test_references() -> None:
    elsewhere = replace(TARGET, address="other:fw", folder="other")
    assert TARGET.reference(replace(TARGET, address="src:x", name="x")) == ":x"
    assert TARGET.reference(elsewhere) == "other:fw"
    assert TARGET.reference(LAYER) == "src:stack#framework-fw"
    assert LAYER.reference(LAYER.as_framework("new")) == "new"
    assert TARGET.reference(LAYER.as_framework("new")) == "src:stack#framework-new"
    assert elsewhere.reference(TARGET.as_framework("new")) == "src:new"


def test_references_to_variants() -> None:
    runtime = replace(
        TARGET, address="src:py@python_implementation=py39", kind=LayerKind.RUNTIME, name="py"
    )
    assert TARGET.as_framework("new").added(runtime, ["a"]) == (
        'src: venvstacks_framework(name="new", runtime=":py@python_implementation=py39", '
        'requirements=["a"])'
    )
    assert TARGET.reference(replace(runtime, address="src@runtime=a")) == "src@runtime=a"
    root = replace(TARGET, address="//:fw", folder="")
    assert root.reference(replace(root, address="//:py@runtime=a")) == ":py@runtime=a"


def test_a_new_framework_on_another() -> None:
    assert TARGET.as_framework("new").added(TARGET, ["a>=1", "b"]) == (
        'src: venvstacks_framework(name="new", frameworks=[":fw"], requirements=["a>=1", "b"])'
    )
    assert LAYER.as_framework("new").added(LAYER, ["a"]) == (
        'src/venvstacks.toml: a first table [[frameworks]]: name = "new", frameworks = ["fw"], '
        'requirements = ["a"]'
    )


def test_a_target_of_the_build_root() -> None:
    root = replace(TARGET, address="//:fw", folder="")
    assert root.as_framework("new").address == "//:new"
    assert root.as_framework("new").added(root, []).startswith("//: venvstacks_framework(")


def test_what_a_definition_has_by_now_stays() -> None:
    assert TARGET.requiring(["toml"]) == 'src:fw: requirements=["six", "toml"]'
    assert TARGET.on_framework(TARGET.as_framework("new")) == 'src:fw: frameworks=[":low", ":new"]'
    excluding = replace(TARGET, excluded=(("six", ("*.txt",)), ("a", ("x",))))
    assert excluding.excluding({"six": ["tests", "*.txt"]}) == (
        'src:fw: exclude_files={"a": ["x"], "six": ["*.txt", "tests"]}'
    )
    assert replace(TARGET, local_wheels=("mine",)).with_wheel_folder() == (
        'src:fw: local_wheels=["mine"]'
    )


def test_fields_that_are_parametrized() -> None:
    new = TARGET.as_framework("new")
    variant = replace(
        TARGET,
        address="src:fw@frameworks=a,exclude_files=b",
        variants="src:fw",
        parameters=(("exclude_files", "b"), ("frameworks", "a")),
    )
    assert variant.on_framework(new) == (
        'src:fw@frameworks=a,exclude_files=b: frameworks=[":low", ":new"], in `parametrize`, for a'
    )
    assert variant.excluding({"six": ["tests"]}) == (
        'src:fw@frameworks=a,exclude_files=b: exclude_files={"six": ["tests"]}, '
        "in `parametrize`, for b"
    )
    assert variant.requiring(["b"]) == 'src:fw: requirements=["six", "b"]'
    on_runtime = replace(
        variant, address="src:fw@runtime=a", frameworks=(), parameters=(("runtime", "a"),)
    )
    assert on_runtime.on_framework(new) == (
        'src:fw@runtime=a: frameworks=[":new"], in `parametrize`, for a, in place of `runtime`'
    )
    group = replace(variant, address="src:fw@parametrize=a", parameters=(("parametrize", "a"),))
    assert group.requiring(["b"]) == (
        'src:fw@parametrize=a: requirements=["six", "b"], in `parametrize`, for a'
    )


def test_overrides_that_are_parametrized() -> None:
    variant = replace(
        LAYER,
        address="src:stack#framework-fw@exclude_files=a",
        variants=LAYER.address,
        parameters=(("exclude_files", "a"),),
    )
    assert variant.excluding({"six": ["tests"]}) == (
        'src:stack#framework-fw@exclude_files=a: exclude_files={"six": ["tests"]}, '
        "in `parametrize`, for a"
    )
    assert variant.requiring(["b"]) == 'src/venvstacks.toml: `framework-fw`: requirements = ["b"]'
