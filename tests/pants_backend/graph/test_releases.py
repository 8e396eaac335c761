"""Releases: the layers they comprise, and what they are called."""

from __future__ import annotations

from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import BASE, manifest_runner, refused
from venvstacks_rules.pants_backend.graph.releases import (
    InferReleaseDependencies,
    ReleasedLayers,
    ReleasedLayersRequest,
    ReleaseLayersFieldSet,
)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return manifest_runner()


def field_set(runner: RuleRunner, *, more: str = "", **fields: Any) -> ReleaseLayersFieldSet:
    written = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    runner.write_files(
        {
            "base/BUILD": BASE
            + 'venvstacks_manifest(name="stack", layers=[":high", ":other"])\n'
            + more
            + f'venvstacks_release(name="release", version="1.0", {written})\n'
        }
    )
    return ReleaseLayersFieldSet.create(runner.get_target(Address("base", target_name="release")))


def released(runner: RuleRunner, **fields: Any) -> tuple[str, list[str]]:
    request = ReleasedLayersRequest(field_set(runner, **fields))
    found = runner.request(ReleasedLayers, [request])
    return found.name, [layer.address for layer in found.stack.layers]


def test_layers_bring_those_below(runner: RuleRunner) -> None:
    below = ["base:py", "base:low", "base:high"]
    assert released(runner, layers=[":high"]) == ("release", below)
    name, found = released(runner, stack=":stack", release_name="assistant")
    assert (name, found) == ("assistant", [*below, "base:other"])


def test_an_application_gives_its_name(runner: RuleRunner) -> None:
    runner.write_files({"base/a.py": ""})
    application = 'venvstacks_application(name="a", launch_module="a.py", frameworks=[":high"])\n'
    fields = field_set(runner, more=application, layers=[":a"])
    assert runner.request(ReleasedLayers, [ReleasedLayersRequest(fields)]).name == "app-a"


def test_what_is_released_is_an_edge(runner: RuleRunner) -> None:
    for fields in ({"layers": [":high"]}, {"stack": ":stack"}):
        request = InferReleaseDependencies(field_set(runner, **fields))
        found = runner.request(InferredDependencies, [request])
        (name,) = {"layers": ["high"], "stack": ["stack"]}[next(iter(fields))]
        assert list(found.include) == [Address("base", target_name=name)]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "base:release has no layers; set `layers` or `stack`."),
        (
            {"layers": [":high"], "stack": ":stack"},
            "base:release sets both `layers` and `stack`; remove one of them.",
        ),
        (
            {"stack": ":high"},
            "base:release: `stack` is ':high', which is no stack. Name a `venvstacks_stack` or a "
            "`venvstacks_manifest`, or set `layers` instead.",
        ),
    ],
)
def test_what_is_no_release(runner: RuleRunner, fields: dict[str, Any], problem: str) -> None:
    request = ReleasedLayersRequest(field_set(runner, **fields))
    assert refused(runner, ReleasedLayers, request) == (
        f"DefinitionError: A release cannot be built as written:\n  * {problem}"
    )


def test_all_problems_of_a_release_are_told_at_once(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": BASE
            + 'venvstacks_release(name="r", version="1/0", channel="", layers=[])\n'
        }
    )
    target = runner.get_target(Address("base", target_name="r"))
    request = ReleasedLayersRequest(ReleaseLayersFieldSet.create(target))
    may = (
        "it may have up to 100 ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, and starts and "
        "ends with a letter or a digit."
    )
    assert refused(runner, ReleasedLayers, request) == (
        "DefinitionError: A release cannot be built as written:\n"
        "  * base:r has no layers; set `layers` or `stack`.\n"
        f"  * base:r: `version` is '1/0', but {may}\n"
        f"  * base:r: `channel` is '', but {may}"
    )


def test_fields_that_there_are_not(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": BASE
            + 'venvstacks_release(name="r", version="1", chanel="x", stacks=":a", qqqq=1)\n'
        }
    )
    with pytest.raises(Exception, match="Unrecognized field") as caught:
        runner.get_target(Address("base", target_name="r"))
    message = str(caught.value).strip().splitlines()[-1]
    assert "base/BUILD:6: Unrecognized field `chanel=x` in target base:r. Valid" in message
    assert message.endswith(
        "'version']. Did you mean 'channel' by 'chanel'? Did you mean 'stack' by 'stacks'?"
    )
