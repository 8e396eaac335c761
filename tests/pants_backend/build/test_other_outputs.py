"""Images and installers that would overwrite each other, or be written outside of `dist`."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.internals.parametrize import Parametrize
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import refused
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.build import other_outputs, output_folders
from venvstacks_rules.pants_backend.build.other_outputs import (
    OtherOutput,
    OtherOutputRequest,
    bundle_folder,
)
from venvstacks_rules.pants_backend.graph import (
    dependencies,
    layer_targets,
    layers,
    stack_files,
    stacks,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

IMAGE = 'venvstacks_image(name="{}", application=":a", output_path="{}")\n'
BUNDLE = 'venvstacks_bundle(name="{}", applications=[":a"], client=":c", output_path="{}")\n'


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *dependencies.rules(),
            *layer_targets.rules(),
            *layers.rules(),
            *module_rules(),
            *other_outputs.rules(),
            *output_folders.rules(),
            *stack_files.rules(),
            *stacks.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(OtherOutput, [OtherOutputRequest]),
        ],
        target_types=[*target_types()],
        objects={"parametrize": Parametrize},
    )


def request(folder: str, name: str, **parameters: str) -> OtherOutputRequest:
    return OtherOutputRequest(Address(folder, target_name=name, parameters=parameters))


def test_images_and_installers_of_one_place(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "a/BUILD": (
                'venvstacks_image(name="image", application=":a")\n'
                + IMAGE.format("two", "a/image.oci/")
                + BUNDLE.format("setup", "out")
            ),
            "b/BUILD": BUNDLE.format("setup", "./out") + BUNDLE.format("other", "out"),
        }
    )
    for name in ("image", "two"):
        assert refused(runner, OtherOutput, request("a", name)) == (
            "DefinitionError: Outputs would overwrite each other:\n"
            "  * a:two: it would write an image to `dist/a/image.oci`, as a:image does. Set "
            "`output_path` of one of them."
        )
    assert refused(runner, OtherOutput, request("b", "setup")) == (
        "DefinitionError: Outputs would overwrite each other:\n"
        "  * b:setup: it would write installers called `setup` to `dist/out`, as a:setup does. Set "
        "`output_path` of one of them."
    )
    # Installers have names of their own.
    assert runner.request(OtherOutput, [request("b", "other")]) == OtherOutput("out")


def test_variants(runner: RuleRunner) -> None:
    channels = 'channel=parametrize("beta", "stable")'
    bundle = f'venvstacks_bundle(name="setup", applications=[":a"], client=":c", {channels})\n'
    applications = 'application=parametrize(x=":x", y=":y")'
    runner.write_files({"v/BUILD": bundle + f'venvstacks_image(name="image", {applications})\n'})
    found = runner.request(OtherOutput, [request("v", "setup", channel="beta")])
    assert found == OtherOutput("v/beta")
    found = runner.request(OtherOutput, [request("v", "image", application="x")])
    assert found == OtherOutput("v/image@application=x.oci")
    chosen = Address("v", target_name="setup", parameters={"output_path": "one"})
    assert bundle_folder(chosen, "release") == "release"


def test_outside_of_dist(runner: RuleRunner) -> None:
    runner.write_files({"up/BUILD": IMAGE.format("image", "../up")})
    assert refused(runner, OtherOutput, request("up", "image")) == (
        "DefinitionError: Outputs cannot be written:\n"
        "  * up:image: `output_path` is '../up', but the path contains `..`. Name a folder below "
        "`dist`."
    )
