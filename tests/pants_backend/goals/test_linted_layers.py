"""Definitions of layers, as the linter quotes them."""

from __future__ import annotations

from dataclasses import replace

from pants.engine.addresses import Address, Addresses
from pants.engine.target import Targets

from tests.pants_backend.stack_runner import FILES, PLAIN, SKLEARN, generated, stack_runner
from tests.support.advice import application, framework, linted, runtime
from venvstacks_rules.model.advice.edits import StackFileDefinition, TargetDefinition
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.pants_backend.goals.linted_layers import (
    FoundLintedLayer,
    written_definition,
)
from venvstacks_rules.pants_backend.targets.source_fields import without_packing


def test_layers_of_a_stack_file_have_the_names_of_the_file() -> None:
    runner = stack_runner()
    runner.write_files(FILES)
    found = {spec: target for spec, target in generated(runner).items() if "__" not in spec}
    classify = written_definition(found["src:stack#app-classify"])
    assert classify == StackFileDefinition(
        "src:stack#app-classify",
        LayerKind.APPLICATION,
        "classify",
        "src",
        ("scikit-learn",),
        ("more", "sklearn@2"),
        file="src/venvstacks.toml",
        generator="src:stack",
    )
    assert written_definition(found[SKLEARN]).frameworks == ()
    assert written_definition(found[SKLEARN]).name == "sklearn@2"


def test_targets_have_their_fields_as_written() -> None:
    runner = stack_runner()
    build = (
        'venvstacks_framework(name="fw", runtime=":rt", requirements=["b", "a"])\n'
        'venvstacks_framework(name="up", frameworks=[":fw"], local_wheels=["../wheels"])\n'
    )
    runner.write_files({"src/BUILD": PLAIN + build})
    addresses = [Address("src", target_name=name) for name in ("fw", "up")]
    fw, up = runner.request(Targets, [Addresses(addresses)])
    assert written_definition(fw) == TargetDefinition(
        "src:fw", LayerKind.FRAMEWORK, "fw", "src", ("b", "a")
    )
    assert written_definition(up) == TargetDefinition(
        "src:up", LayerKind.FRAMEWORK, "up", "src", (), (":fw",), local_wheels=("../wheels",)
    )


def test_variants_of_a_layer_of_a_stack_file() -> None:
    runner = stack_runner()
    overrides = (
        '{"framework-sklearn@2": {"exclude_files": parametrize(a={}, b={"six": ["tests"]})}, '
        '"app-classify": {"frameworks": [":stack#framework-sklearn%402@exclude_files=a"]}}'
    )
    build = f'venvstacks_stack(name="stack", overrides={overrides})\n'
    runner.write_files({**FILES, "src/BUILD": build})
    found = generated(runner)
    for name in ("a", "b"):
        variant = written_definition(found[f"{SKLEARN}@exclude_files={name}"])
        assert isinstance(variant, StackFileDefinition)
        assert (variant.name, variant.variant) == ("sklearn@2", name)
        assert (variant.variants, variant.generator) == (SKLEARN, "src:stack")
        assert variant.requiring(["b"]) == (
            'src/venvstacks.toml: `framework-sklearn@2`: requirements = ["scikit-learn", "b"]'
        )
        assert variant.with_wheel_folder() == (
            'src:stack: overrides={"framework-sklearn@2": {"local_wheels": ["wheels"]}}'
        )
        assert variant.excluding({"six": ["test"]}).endswith(f", in `parametrize`, for {name}")
    assert written_definition(found["src:stack#app-classify"]).frameworks == ("sklearn@2",)


def test_variants_of_targets() -> None:
    runner = stack_runner()
    runner.write_files(
        {
            "src/BUILD": 'venvstacks_runtime(name="py", '
            'python_implementation=parametrize(py39="cpython@3.9.1", py311="cpython@3.11.1"))\n'
        }
    )
    addresses = [
        Address("src", target_name="py", parameters={"python_implementation": name})
        for name in ("py39", "py311")
    ]
    old, new = map(written_definition, runner.request(Targets, [Addresses(addresses)]))
    assert (old.name, old.variant, old.variants) == ("py", "py39", "src:py")
    assert old.parameters == (("python_implementation", "py39"),)
    assert old.requiring(["a"]) == 'src:py: requirements=["a"]'
    assert new.reference(old) == ":py@python_implementation=py39"


def test_archives_of_one_layer_are_one_layer() -> None:
    """The linter looks at the first of them; those that are on another are on that one."""

    def packed(byte_code: str) -> Address:
        return Address("src", target_name="fw", parameters={"byte_code": byte_code})

    *_, app = linted(runtime(), framework("fw"), application("app", "fw"))
    own = app.layer
    chain = (
        Address("src", target_name="app"),
        packed("included"),
        Address("src", target_name="rt"),
    )
    below = tuple(address.spec for address in chain[1:])
    found = FoundLintedLayer((), replace(app, layer=replace(own, lower=below)), chain=chain)
    first = {without_packing(address): packed("deployed").spec for address in chain[1:2]}
    (layer,) = [each.layer for each in [found.on(first).layer] if each is not None]
    assert layer.lower == ("src:fw@byte_code=deployed", "src:rt")
    assert FoundLintedLayer(()).on(first) == FoundLintedLayer(())
