"""What lies beside an archive."""

from __future__ import annotations

import hashlib
import json

import pytest
from pants.engine.fs import CreateDigest, Digest, DigestContents, FileContent
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segment_index import SegmentIndex, listing_json
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.outputs.metadata import LayerMetadata
from venvstacks_rules.model.outputs.names import ArchiveNames
from venvstacks_rules.pants_backend.build import descriptions
from venvstacks_rules.pants_backend.build.descriptions import (
    DescribedArchive,
    DescribedArchiveRequest,
)

METADATA = LayerMetadata(
    layer_name="framework-demo",
    install_target="framework-demo@2",
    requirements_hash="sha256:00",
    lock_version=2,
    locked_at="2024-01-01T00:00:00+00:00",
    target_platform="linux_x86_64",
    runtime_layer="cpython-3.11",
    python_implementation="cpython@3.11.13",
    bound_to_implementation=False,
    required_layers=(),
)
NAMES = ArchiveNames("a.tar.zst", "a.json", "a.segments.json")
SEGMENTS = [Segment("layer", "x", 7, "b" * 64, 512, (ArchivedFile("lib/ü.py", 3, "c" * 64),))]


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[*descriptions.rules(), QueryRule(DescribedArchive, [DescribedArchiveRequest])]
    )


def test_metadata_and_index_say_the_hash_of_the_archive(runner: RuleRunner) -> None:
    files = [
        FileContent("a.tar.zst", b"archive"),
        FileContent("a.listing", listing_json(SEGMENTS).encode()),
    ]
    digest = runner.request(Digest, [CreateDigest(files)])
    request = DescribedArchiveRequest(
        digest, NAMES, "a.listing", METADATA, Compression("tar.zst", 9)
    )
    described = runner.request(DescribedArchive, [request])
    sha256 = hashlib.sha256(b"archive").hexdigest()
    assert (described.size, described.sha256) == (7, sha256)
    found = {file.path: file.content for file in runner.request(DigestContents, [described.digest])}
    assert found.pop("a.tar.zst") == b"archive"
    assert found.pop("a.json").decode() == published_json(
        {
            **METADATA.to_dict(),
            "archive_build": 1,
            "archive_hashes": {"sha256": sha256},
            "archive_name": "a.tar.zst",
            "archive_size": 7,
        }
    )
    text = found.pop("a.segments.json").decode()
    assert found == {}
    index = SegmentIndex.from_dict(json.loads(text))
    assert (index.archive_sha256, index.archive_size) == (sha256, 7)
    assert text == index.index_json(listing_json(SEGMENTS))
    assert index.segments[0].files == SEGMENTS[0].files
