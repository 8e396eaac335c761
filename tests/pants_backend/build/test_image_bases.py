"""Bases that are files of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from pants.core.target_types import FilesGeneratorTarget, FileTarget
from pants.core.target_types import rules as core_target_rules
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import refused
from tests.support.images import Layout
from venvstacks_rules.model.images.documents import Descriptor, ImagePlatform
from venvstacks_rules.pants_backend.build.image_bases import (
    BaseFiles,
    Blob,
    BlobRequest,
    LayoutFilesRequest,
)
from venvstacks_rules.pants_backend.build.image_bases import rules as base_rules

AMD, ARM = ImagePlatform("linux_x86_64", "amd64"), ImagePlatform("linux_aarch64", "arm64")
TARGET = Address("s", target_name="base")


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *base_rules(),
            *core_target_rules(),  # type: ignore[no-untyped-call]
            QueryRule(BaseFiles, [LayoutFilesRequest]),
            QueryRule(Blob, [BlobRequest]),
        ],
        target_types=[FilesGeneratorTarget, FileTarget],
    )


def made(runner: RuleRunner) -> Layout:
    runner.write_files({"s/BUILD": 'files(name="base", sources=["layout/**"])\n'})
    return Layout(Path(runner.build_root, "s/layout"))


def found(runner: RuleRunner, platform: ImagePlatform) -> BaseFiles:
    return runner.request(BaseFiles, [LayoutFilesRequest(TARGET, platform)])


def test_the_platform_is_found_below_an_index(runner: RuleRunner) -> None:
    layout = made(runner)
    manifests = {arch: layout.add_image({"a": arch.encode()}, arch) for arch in ("amd64", "arm64")}
    layout.name(layout.add_index(**manifests))
    for platform in (AMD, ARM):
        files = found(runner, platform)
        assert f"sha256:{files.manifest}" == manifests[platform.architecture]["digest"]
        assert (files.folder, files.called) == ("s/layout", "s:base")


def test_a_folder_that_is_no_layout(runner: RuleRunner) -> None:
    made(runner)
    assert refused(runner, BaseFiles, LayoutFilesRequest(TARGET, AMD)) == (
        "ImageError: s:base cannot be a base:\n"
        "  * its files have 0 folders in OCI layout, with `oci-layout` and `index.json`. `skopeo "
        "copy docker://NAME oci:FOLDER` writes one; name a `files` target with all that is in it."
    )
    runner.write_files({"s/layout/index.json": "{}"})
    assert refused(runner, BaseFiles, LayoutFilesRequest(TARGET, AMD)) == (
        "ImageError: s:base cannot be a base:\n  * `index.json` names no image."
    )


def test_blobs_that_are_missing_or_others(runner: RuleRunner) -> None:
    layout = made(runner)
    image = layout.add_image({"a": b""})
    layout.name(image)
    files = found(runner, AMD)
    config = layout.read(image["digest"])["config"]
    sha256 = config["digest"].partition(":")[2]
    wanted = Descriptor(config["mediaType"], sha256, config["size"])
    assert runner.request(Blob, [BlobRequest(files, wanted)]).content.startswith(b'{"os"')
    runner.write_files({f"s/layout/blobs/sha256/{sha256}": "{}"})
    files = found(runner, AMD)
    assert refused(runner, Blob, BlobRequest(files, wanted)) == (
        "ImageError: s:base cannot be a base:\n"
        f"  * `blobs/sha256/{sha256}` has 2 bytes with the hash sha256:44136fa355b3678a1146ad16f7e8"
        f"649e94fb4fc21fe77e8310c060f61caaff8a; {config['size']} bytes were expected. Fetch it "
        "again."
    )
    other = Descriptor("", "0" * 64, 1)
    assert refused(runner, Blob, BlobRequest(files, other)) == (
        "ImageError: s:base cannot be a base:\n"
        f"  * `blobs/sha256/{'0' * 64}` is missing. Fetch it again."
    )
