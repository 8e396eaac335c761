"""Bundles: what they name, and what is wrong with their fields."""

from __future__ import annotations

from typing import Any

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import refused
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.build.bundles import forms
from venvstacks_rules.pants_backend.graph import (
    bundles,
    dependencies,
    layer_targets,
    layers,
    stack_files,
)
from venvstacks_rules.pants_backend.graph.bundles import (
    BundledTargets,
    BundledTargetsRequest,
    BundleFieldSet,
    InferBundleDependencies,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

BUILD = """\
venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13")
venvstacks_client(name="deploy", runtime=":rt")
venvstacks_application(name="hello", runtime=":rt", launch_module="hello.py")
venvstacks_release(name="release", layers=[":hello"], version="1.0")
"""


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *bundles.rules(),
            *dependencies.rules(),
            *layers.rules(),
            *module_rules(),
            *layer_targets.rules(),
            *stack_files.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(BundledTargets, [BundledTargetsRequest]),
            QueryRule(InferredDependencies, [InferBundleDependencies]),
        ],
        target_types=[*target_types()],
    )


def field_set(runner: RuleRunner, name: str = "installer", **fields: Any) -> BundleFieldSet:
    fields = {"applications": [":hello"], "client": ":deploy", **fields}
    written = ", ".join(f"{key}={value!r}" for key, value in fields.items())
    runner.write_files(
        {"s/hello.py": "", "s/BUILD": BUILD + f"venvstacks_bundle(name={name!r}, {written})\n"}
    )
    return BundleFieldSet.create(runner.get_target(Address("s", target_name=name)))


def address(name: str) -> Address:
    return Address("s", target_name=name)


def test_what_a_bundle_names(runner: RuleRunner) -> None:
    fields = field_set(
        runner, release=":release", repository="https://x.example", allow_unsigned=True
    )
    found = runner.request(BundledTargets, [BundledTargetsRequest(fields)])
    assert found == BundledTargets(
        (address("hello"),), ("app-hello",), address("deploy"), address("release")
    )
    edges = runner.request(InferredDependencies, [InferBundleDependencies(fields)])
    assert set(edges.include) == {address("hello"), address("deploy"), address("release")}


def test_a_bundle_without_updates(runner: RuleRunner) -> None:
    fields = field_set(runner)
    found = runner.request(BundledTargets, [BundledTargetsRequest(fields)])
    assert (found.release, fields.title) == (None, "installer")


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (
            {"applications": [":rt"], "client": ":hello", "release": ":hello"},
            [
                "s:installer: `applications` names s:rt, which is no application. Name a "
                "`venvstacks_application`.",
                "s:installer: `client` names s:hello, which is no `venvstacks_client`.",
                "s:installer: `release` names s:hello, which is no `venvstacks_release`.",
            ],
        ),
        ({"applications": []}, ["s:installer: `applications` is empty. Name an application."]),
        (
            {"channel": "stable", "root": "root.json"},
            [
                "s:installer: `channel` says nothing without `repository`. Set that as well, or "
                "remove `channel`.",
                "s:installer: `root` says nothing without `repository`. Set that as well, or "
                "remove `root`.",
            ],
        ),
        (
            {"repository": "@main", "channel": "a/b"},
            [
                "s:installer: `channel` is called 'a/b', but it may have up to 100 ASCII letters, "
                "digits, `.`, `_`, `-`, `@` and `+`, and starts and ends with a letter or a digit.",
                "s:installer: `repository` needs `release`: updates have the name of the release. "
                "Name the `venvstacks_release` that is published there.",
                "s:installer: set either `root`, the file of the root that updates are verified "
                "with, or `allow_unsigned`.",
            ],
        ),
        (
            {
                "repository": "@main",
                "release": ":release",
                "root": "root.json",
                "allow_unsigned": True,
            },
            [
                "s:installer: set either `root`, the file of the root that updates are verified "
                "with, or `allow_unsigned`.",
            ],
        ),
        (
            {"macosx_formats": ["app", "dmg", "app"]},
            [
                "s:installer: `macosx_formats` has 'dmg'. Name some of `sh`, `app`, `pkg`.",
                "s:installer: `macosx_formats` is empty, or names one twice. Name each once.",
                "s:installer: `app` in `macosx_formats` needs `macosx_identifier`. Set it to a "
                "name that is yours, as `com.example.hello`.",
            ],
        ),
        (
            {"macosx_formats": ["pkg"], "macosx_identifier": 'com."x"'},
            [
                "s:installer: `macosx_identifier` is 'com.\"x\"'. It has letters, digits, hyphens "
                "and at least one dot, as `com.example.hello`.",
            ],
        ),
    ],
)
def test_what_is_wrong(runner: RuleRunner, fields: dict[str, Any], problems: list[str]) -> None:
    request = BundledTargetsRequest(field_set(runner, **fields))
    assert refused(runner, BundledTargets, request) == (
        "DefinitionError: Installers cannot be built as written:"
        + "".join(f"\n  * {problem}" for problem in problems)
    )


def test_forms_are_for_macos(runner: RuleRunner) -> None:
    fields = field_set(runner, macosx_formats=["sh", "pkg"], macosx_identifier="com.example.hello")
    assert forms(fields, "macosx_arm64") == ("sh", "pkg")
    assert forms(fields, "linux_x86_64") == ("sh",)
    assert forms(field_set(runner), "macosx_x86_64") == ("sh",)
