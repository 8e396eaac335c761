"""`requirements` that are addresses: what they stand for, and what is said of wrong ones."""

from __future__ import annotations

import pytest
from pants.backend.python import target_types_rules
from pants.backend.python.macros import python_requirements
from pants.backend.python.macros.python_requirements import PythonRequirementsTargetGenerator
from pants.backend.python.target_types import PythonRequirementTarget, PythonSourcesGeneratorTarget
from pants.core.target_types import GenericTarget, TargetGeneratorSourcesHelperTarget
from pants.engine.addresses import Address
from pants.engine.internals.parametrize import Parametrize
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferLayerDependencies,
    LayerDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.graph.dependencies import rules as inference_rules
from venvstacks_rules.pants_backend.graph.layer_targets import rules as layer_target_rules
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest
from venvstacks_rules.pants_backend.graph.layers import rules as graph_rules
from venvstacks_rules.pants_backend.graph.stack_files import rules as stack_file_rules
from venvstacks_rules.pants_backend.graph.stack_targets import rules as stack_target_rules
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

LAYER = 'venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13", requirements={})\n'
REQUIREMENTS = """\
click==8.1.7 --hash=sha256:1234 # pinned
rich[jupyter]>=13 ; python_version >= "3.8"
-e ./editable
"""
THIRD_PARTY = {
    "3rdparty/BUILD": (
        'python_requirements(name="reqs")\n'
        'python_requirement(name="two", requirements=["a>1", "b"], modules=["c"])\n'
        'python_requirement(name="git", requirements=["d @ git+https://example.org/d@1"])\n'
        'python_sources(name="lib")\n'
    ),
    "3rdparty/requirements.txt": REQUIREMENTS,
    "3rdparty/lib.py": "",
}


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *graph_rules(),
            *layer_target_rules(),
            *inference_rules(),
            *module_rules(),
            *stack_file_rules(),
            *stack_target_rules(),
            *python_requirements.rules(),  # type: ignore[no-untyped-call]
            *target_types_rules.rules(),  # type: ignore[no-untyped-call]
            *VenvstacksSubsystem.rules(),
            QueryRule(LayerInGraph, [LayerRequest]),
            QueryRule(InferredDependencies, [InferLayerDependencies]),
        ],
        target_types=[
            *target_types(),
            PythonRequirementTarget,
            PythonRequirementsTargetGenerator,
            PythonSourcesGeneratorTarget,
            GenericTarget,
            TargetGeneratorSourcesHelperTarget,
        ],
        objects={"parametrize": Parametrize},
    )


def find(runner: RuleRunner, written: list[str]) -> LayerInGraph:
    runner.write_files({"src/BUILD": LAYER.format(written), **THIRD_PARTY})
    found = runner.request(LayerInGraph, [LayerRequest(Address("src", target_name="rt"))])
    assert isinstance(found, LayerInGraph)
    return found


def refused(runner: RuleRunner, written: list[str]) -> str:
    with pytest.raises(ExecutionError) as caught:
        find(runner, written)
    errors = list(caught.value.wrapped_exceptions)
    assert len(errors) == 1
    return str(errors[0])


def test_targets_and_generators_stand_for_their_requirements(runner: RuleRunner) -> None:
    layer = find(runner, ["requests>=2", "3rdparty:reqs", "3rdparty:two", "//3rdparty:two"]).layer
    assert layer.requirements == (
        "requests>=2",
        "click==8.1.7",
        'rich[jupyter]>=13; python_version >= "3.8"',
        "a>1",
        "b",
    )
    assert layer.requirement_origins == (
        ("click==8.1.7", "3rdparty:reqs#click"),
        ('rich[jupyter]>=13; python_version >= "3.8"', "3rdparty:reqs#rich"),
        ("a>1", "3rdparty:two"),
        ("b", "3rdparty:two"),
    )


def test_requirements_of_several_sources_are_all_kept(runner: RuleRunner) -> None:
    layer = find(runner, ["click>8", "3rdparty:reqs#click"]).layer
    assert layer.requirements == ("click>8", "click==8.1.7")


def test_what_a_requirement_needs_comes_with_it(runner: RuleRunner) -> None:
    text = (
        'python_requirement(name="p", requirements=["p"], dependencies=["3rdparty:reqs#click"])\n'
    )
    runner.write_files({"p/BUILD": text})
    layer = find(runner, ["p:p"]).layer
    assert layer.requirements == ("p", "click==8.1.7")
    assert layer.requirement_origins[1] == ("click==8.1.7", "3rdparty:reqs#click")


def test_requirements_that_dependencies_reach(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "lib/BUILD": 'target(dependencies=["3rdparty:two", "3rdparty:git"])\n',
            "src/BUILD": LAYER.format(["b<3"]).replace(")", ', dependencies=["lib"])'),
        }
    )
    runner.write_files(THIRD_PARTY)
    address = Address("src", target_name="rt")
    with pytest.raises(ExecutionError, match="`dependencies` leads to 3rdparty:git, which is"):
        runner.request(LayerInGraph, [LayerRequest(address)])
    runner.write_files({"lib/BUILD": 'target(dependencies=["3rdparty:two"])\n'})
    layer = runner.request(LayerInGraph, [LayerRequest(address)]).layer
    assert layer.requirements == ("b<3", "a>1", "b")
    assert layer.requirement_origins == (("a>1", "3rdparty:two"), ("b", "3rdparty:two"))


def test_files_of_the_repository(runner: RuleRunner) -> None:
    wheel = f"{runner.build_root}/3rdparty/wheels/e-1.0-py3-none-any.whl"
    text = f'python_requirement(name="near", requirements=["e @ file://{wheel}"])\n'
    runner.write_files({"near/BUILD": text})
    layer = find(runner, ["near:near"]).layer
    assert layer.requirements == ("e==1.0",)
    assert layer.local_wheels == ("../3rdparty/wheels",)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("3rdparty:reqs#clik", "but there is no such target. Did you mean '3rdparty:reqs#click'?"),
        (
            "nowhere:x",
            "but there is no such target. Name a `python_requirement` target, or a target that "
            "generates some.",
        ),
        (
            "3rdparty:lib",
            "which has no requirements. Name a `python_requirement` target, or a target that "
            "generates some.",
        ),
        ("3rdparty:two#a#b", "but there is no such target. Did you mean '3rdparty:two'?"),
    ],
)
def test_wrong_addresses(runner: RuleRunner, written: str, problem: str) -> None:
    assert refused(runner, ["requests", written]) == (
        "A layer definition cannot be built as written:\n"
        f"  * src:rt: `requirements[1]` names {written!r}, {problem}"
    )


def test_what_a_layer_cannot_install_is_told_with_the_target(runner: RuleRunner) -> None:
    # Newer versions of `packaging` write a space before the sign.
    said = refused(runner, ["3rdparty:git"]).replace("'d @ ", "'d@ ")
    assert said.partition(". Name")[0] == (
        "A layer definition cannot be built as written:\n"
        "  * src:rt: `requirements` leads to 3rdparty:git, which is 'd@ "
        "git+https://example.org/d@1', whose '1' is not a commit of 40 hexadecimal digits, so that "
        "it may move"
    )


def test_edges_name_the_targets(runner: RuleRunner) -> None:
    found = find(runner, ["3rdparty:reqs", "b"])
    fields = LayerDependenciesFieldSet.create(found.target)
    inferred = runner.request(InferredDependencies, [InferLayerDependencies(fields)])
    assert [address.spec for address in inferred.include] == [
        "3rdparty:reqs#click",
        "3rdparty:reqs#rich",
    ]


def test_variants_of_a_target(runner: RuleRunner) -> None:
    options = [
        "--python-enable-resolves",
        "--python-resolves={'one': '1.lock', 'two': '2.lock'}",
        "--python-default-resolve=one",
    ]
    runner.set_options(options)
    runner.write_files(
        {
            "v/BUILD": (
                'python_requirement(name="x", requirements=parametrize(a=["x<2"], b=["x>=2"]))\n'
                'python_requirement(name="y", requirements=["y"], '
                'resolve=parametrize("one", "two"))\n'
            )
        }
    )
    assert refused(runner, ["v:x"]) == (
        "A layer definition cannot be built as written:\n"
        "  * src:rt: `requirements[0]` names 'v:x', which has variants with different "
        "requirements: 'v:x@requirements=a' and 'v:x@requirements=b'. Name one of them, or set "
        "`python_resolve` to the resolve of one."
    )
    assert find(runner, ["v:x@requirements=b"]).layer.requirements == ("x>=2",)
    # They say the same: all of them count, or only that of the layer's own resolve.
    layer = find(runner, ["v:y"]).layer
    assert layer.requirements == ("y",)
    assert [origin for _, origin in layer.requirement_origins] == [
        "v:y@resolve=one",
        "v:y@resolve=two",
    ]
    runner.set_options([*options, "--venvstacks-python-resolve=two"])
    assert find(runner, ["v:y"]).layer.requirement_origins == (("y", "v:y@resolve=two"),)


STACK = """\
[[runtimes]]
name = "rt"
python_implementation = "cpython@3.11.13"
requirements = ["{}"]
"""


def test_layers_of_a_stack_file(runner: RuleRunner) -> None:
    runner.write_files(
        {
            **THIRD_PARTY,
            "s/venvstacks.toml": STACK.format("b"),
            "s/BUILD": (
                'venvstacks_stack(name="stack", overrides={"rt": {"requirements": '
                '["3rdparty:reqs#click"], "without_dependencies": ["Click"]}})\n'
            ),
        }
    )
    address = Address("s", target_name="stack", generated_name="rt")
    layer = runner.request(LayerInGraph, [LayerRequest(address)]).layer
    assert layer.requirements == ("click==8.1.7",)
    assert layer.lock_choices.without_dependencies == ("click",)
    # In the file itself it would not be what the peer can read.
    runner.write_files({"s/venvstacks.toml": STACK.format("3rdparty:reqs#click")})
    with pytest.raises(ExecutionError) as caught:
        runner.request(LayerInGraph, [LayerRequest(address)])
    assert "`runtimes[0].requirements[0]` is '3rdparty:reqs#click', which is not a requirement" in (
        str(caught.value)
    )
