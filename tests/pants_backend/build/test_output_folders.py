"""Folders in which outputs would overwrite each other, and folders outside of `dist`."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import BASE, SAME_NAME, manifest_runner, refused
from venvstacks_rules.pants_backend.build.output_folders import (
    OutputFolder,
    output_folder_request,
)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return manifest_runner()


def test_outputs_that_would_overwrite_each_other(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": BASE + 'venvstacks_manifest(name="one", layers=[":high"])',
            "top/BUILD": SAME_NAME.format(', output_path="base/linux_x86_64/"').replace(
                '"base:low", ', ""
            )
            + 'venvstacks_manifest(name="two", layers=["base:low"], output_path="release")\n'
            + 'venvstacks_manifest(name="three", layers=["base:other"], output_path="./release")\n',
        }
    )
    # Another target's default folder, and what a manifest brings there.
    path = "base/linux_x86_64/"
    request = output_folder_request(Address("top", target_name="low"), path, "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs would overwrite each other:\n"
        "  * top:low: it would write the archive of `framework-low` to "
        "`dist/base/linux_x86_64`, as base:low does. Set `output_path` of one of them."
    )
    request = output_folder_request(Address("top", target_name="two"), "release", "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs would overwrite each other:\n"
        "  * top:two: it would write the manifest of a stack to `dist/release`, as top:three does. "
        "Set `output_path` of one of them."
    )
    for name in ("py", "one"):
        request = output_folder_request(Address("base", target_name=name), None, "linux_x86_64")
        assert runner.request(OutputFolder, [request]) == OutputFolder("base/linux_x86_64")
    free = output_folder_request(Address("top", target_name="low"), None, "macosx_arm64")
    assert runner.request(OutputFolder, [free]) == OutputFolder("top/macosx_arm64")


def test_two_stacks_of_a_folder(runner: RuleRunner) -> None:
    stacks = [f'venvstacks_manifest(name="{name}", layers=[":high"])' for name in ("a", "b")]
    runner.write_files({"base/BUILD": BASE + "\n".join(stacks)})
    request = output_folder_request(Address("base", target_name="py"), None, "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs would overwrite each other:\n"
        "  * base:b: it would write the manifest of a stack to `dist/base/linux_x86_64`, as base:a "
        "does. Set `output_path` of one of them."
    )


@pytest.mark.parametrize(
    ("parameters", "path", "of_stack", "folder"),
    [
        ({"archive_format": "zip"}, None, False, "a.b/win_amd64/zip"),
        ({"archive_format": "zip"}, "release", False, "release/zip"),
        ({"archive_format": "zip", "output_path": "one"}, "release", False, "release"),
        # The name of the archive tells these variants apart, that of a manifest does not.
        ({"runtime": "py311"}, None, False, "a.b/win_amd64"),
        ({"archive_format": "zip", "layers": "py311"}, None, True, "a.b/win_amd64/zip-py311"),
    ],
)
def test_folders_of_variants(
    parameters: dict[str, str], path: str | None, of_stack: bool, folder: str
) -> None:
    address = Address("a/b", target_name="x", parameters=parameters)
    request = output_folder_request(address, path, "win_amd64", of_stack=of_stack)
    assert request.path == folder


def test_the_archives_of_a_layer_do_not_overwrite_each_other(runner: RuleRunner) -> None:
    formats = '(name="py", python_implementation="cpython@3.11.13", archive_format=parametrize('
    runner.write_files({"two/BUILD": f'venvstacks_runtime{formats}"tar.xz", "zip"))'})
    for name in ("tar.xz", "zip"):
        address = Address("two", target_name="py", parameters={"archive_format": name})
        request = output_folder_request(address, None, "linux_x86_64")
        assert runner.request(OutputFolder, [request]).path == f"two/linux_x86_64/{name}"


def test_folders_with_dots(runner: RuleRunner) -> None:
    runner.write_files({"x.y/BUILD": BASE, "x/y/BUILD": BASE})
    request = output_folder_request(Address("x.y", target_name="py"), None, "linux_x86_64")
    assert "x/y:low: it would write the archive of `framework-low`" in refused(
        runner, OutputFolder, request
    )


@pytest.mark.parametrize(
    ("path", "problem"),
    [("../up", "the path contains `..`"), ("/tmp/x", "the path is absolute")],
)
def test_folders_that_are_not_below_dist(runner: RuleRunner, path: str, problem: str) -> None:
    runtime = 'venvstacks_runtime(name="py", python_implementation="cpython@3.11.13"{})'
    runner.write_files({"away/BUILD": runtime.format(f', output_path="{path}"')})
    request = output_folder_request(Address("away", target_name="py"), path, "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs cannot be written:\n"
        f"  * away:py: `output_path` is {path!r}, but {problem}. Name a folder below `dist`."
    )
