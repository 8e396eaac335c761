from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.layer_parts import LEVELS, TARGET, layer_parts
from venvstacks_rules.actions.commands import assemble_archive, index_layer
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.segment_index import SegmentIndex
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.indexes import LayerIndex, read_listing
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest
from venvstacks_rules.model.requests.index_layer import (
    PROVENANCE,
    SBOM,
    IndexLayerRequest,
    LayerDocument,
)


def make_request(folder: Path, archive_format: str = "tar.zst") -> IndexLayerRequest:
    parts = layer_parts(folder, archive_format)
    (folder / "sbom.json").write_text("{}\n")
    (folder / "provenance.json").write_text('{"_type": "x", "subject": []}\n')
    return IndexLayerRequest(
        **parts,
        kind="framework",
        archive_name=f"{TARGET}.{archive_format}",
        documents=(
            LayerDocument(SBOM, str(folder / "sbom.json")),
            LayerDocument(PROVENANCE, str(folder / "provenance.json")),
        ),
        output=str(folder / "out"),
    )


@pytest.mark.parametrize("archive_format", LEVELS)
def test_the_blobs_are_the_archive(tmp_path: Path, archive_format: str) -> None:
    request = make_request(tmp_path, archive_format)
    made = index_layer.run(to_json(request))
    content = (tmp_path / "out/index.json").read_bytes()
    assert (made.sha256, made.size) == (hashlib.sha256(content).hexdigest(), len(content))
    index = LayerIndex.from_json(content)
    assert index.install_target == TARGET
    assert index.required_layers == ("cpython",)
    # The archive of the same parts, and its own index.
    archive = tmp_path / "dist" / index.archive_name
    parts = {name: getattr(request, name) for name in layer_parts(tmp_path / "again")}
    assemble_archive.run(
        to_json(
            AssembleArchiveRequest(
                **parts, archive=str(archive), segments_file=str(tmp_path / "segments.json")
            )
        )
    )
    joined = SegmentIndex.from_dict(json.loads((tmp_path / "segments.json").read_text()))
    blobs = {path.name: path for path in (tmp_path / "out").iterdir()}
    del blobs["index.json"]
    blobs |= {segment.sha256: Path(segment.path) for segment in made.segments}
    assert b"".join(blobs[s.blob.sha256].read_bytes() for s in index.segments) == (
        archive.read_bytes()
    )
    assert index.archive_size == made.archive_size == archive.stat().st_size
    assert [read_listing(blobs[s.files.sha256].read_bytes()) for s in index.segments] == [
        segment.files for segment in joined.segments
    ]
    assert [(s.source, s.tar_size) for s in index.segments] == [
        (segment.source, segment.tar_size) for segment in joined.segments
    ]
    assert blobs[index.documents[SBOM].sha256].read_text() == "{}\n"
    statement = json.loads(blobs[index.documents[PROVENANCE].sha256].read_text())
    assert statement == {
        "_type": "x",
        "subject": [
            {"name": f"{index.archive_name}#{s.source}", "digest": {"sha256": s.blob.sha256}}
            for s in index.segments
        ],
    }
    assert [s.source for s in index.segments][-1] == "layer"
    for name, path in blobs.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == name


def test_a_segment_of_a_tar_archive_is_not_read(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    made = index_layer.run(to_json(request))
    for segment in made.segments:
        Path(segment.path).unlink()
    (tmp_path / "out").rename(tmp_path / "before")
    assert index_layer.run(to_json(request)) == made


def test_clashing_files_leave_nothing(tmp_path: Path) -> None:
    parts = layer_parts(tmp_path)
    request = IndexLayerRequest(
        **{**parts, "files": (OwnFile("bin/Python3", text=""),), "case_sensitive": False},
        kind="framework",
        archive_name="x",
        documents=(),
        output=str(tmp_path / "out"),
    )
    with pytest.raises(ArchiveError) as caught:
        index_layer.run(to_json(request))
    assert "it could not be unpacked" in caught.value.summary
    assert not (tmp_path / "out").exists()
