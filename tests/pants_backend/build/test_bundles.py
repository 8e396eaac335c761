"""The root that an installer brings."""

from __future__ import annotations

from typing import Optional

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import refused
from venvstacks_rules.pants_backend.build import bundles
from venvstacks_rules.pants_backend.build.bundles import BundleRoot, BundleRootRequest
from venvstacks_rules.pants_backend.graph.bundles import BundleFieldSet
from venvstacks_rules.pants_backend.targets.bundles import VenvstacksBundle


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    found = [each for each in bundles.rules() if getattr(each, "output_type", None) is BundleRoot]
    runner = RuleRunner(rules=[*found, QueryRule(BundleRoot, [BundleRootRequest])])
    runner.write_files({"keys/1.root.json": "{}"})
    return runner


def request(root: Optional[str]) -> BundleRootRequest:
    fields = {"applications": [":a"], "client": ":c", "root": root}
    target = VenvstacksBundle(fields, Address("src", target_name="setup"))
    return BundleRootRequest(BundleFieldSet.create(target))


def test_the_root_is_a_file_of_the_repository(runner: RuleRunner) -> None:
    assert runner.request(BundleRoot, [request(None)]).path is None
    found = runner.request(BundleRoot, [request("../keys/1.root.json")])
    assert found.path == "keys/1.root.json"


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("no.json", "src/no.json"),
        ("../keys", "keys"),
        ("../../x", "../x"),
        ("/etc/passwd", "/etc/passwd"),
    ],
)
def test_what_is_no_file_of_it(runner: RuleRunner, root: str, path: str) -> None:
    assert refused(runner, BundleRoot, request(root)) == (
        "DefinitionError: Installers cannot be built as written:\n"
        f"  * src:setup: `root` is {root!r}, and there is no file `{path}`."
    )
