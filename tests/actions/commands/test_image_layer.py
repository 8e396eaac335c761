from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import zstandard

from tests.support.layer_parts import TARGET, layer_parts
from venvstacks_rules.actions.commands import assemble_archive, image_layer
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.errors import ArchiveError, ImageError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest
from venvstacks_rules.model.requests.images import ImageLayerRequest


def made(folder: Path, archive_format: str, *more: OwnFile) -> ImageLayerRequest:
    parts = layer_parts(folder, archive_format)
    archive, index = folder / f"{TARGET}.{archive_format}", folder / "segments.json"
    request = AssembleArchiveRequest(
        **{**parts, "files": (*parts["files"], *more)},
        archive=str(archive),
        segments_file=str(index),
    )
    assemble_archive.run(to_json(request))
    return ImageLayerRequest(str(archive), str(index))


@pytest.mark.parametrize("archive_format", ["tar.gz", "tar.zst"])
def test_the_hash_of_the_stream(tmp_path: Path, archive_format: str) -> None:
    request = made(tmp_path, archive_format)
    content = Path(request.archive).read_bytes()
    stream = (
        gzip.decompress(content)
        if archive_format == "tar.gz"
        else zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).readall()
    )
    found = image_layer.run(to_json(request))
    assert found.diff_id == f"sha256:{hashlib.sha256(stream).hexdigest()}"
    assert found.size == len(stream)


def test_files_that_would_remove_others(tmp_path: Path) -> None:
    request = made(tmp_path, "tar.gz", OwnFile("lib/.wh.x/a", text=""), OwnFile("b.wh.", text=""))
    with pytest.raises(ImageError) as raised:
        image_layer.run(to_json(request))
    assert str(raised.value) == (
        f"`{TARGET}` cannot be a layer of an image:\n"
        "  * layer: `lib/.wh.x/a` would remove a file of the layers below. Leave it out by "
        "`exclude_files`."
    )


def test_damage(tmp_path: Path) -> None:
    request = made(tmp_path, "tar.gz")
    archive = Path(request.archive)
    content = archive.read_bytes()
    archive.write_bytes(content[:-30])
    with pytest.raises(ArchiveError, match=f"`{TARGET}.tar.gz` is damaged:"):
        image_layer.run(to_json(request))
    archive.write_bytes(content)
    index = json.loads(Path(request.index).read_text())
    index["segments"][0]["tar_size"] += 512
    Path(request.index).write_text(json.dumps(index))
    with pytest.raises(ArchiveError, match=r"it unpacks to \d+ bytes; its index says \d+\."):
        image_layer.run(to_json(request))
