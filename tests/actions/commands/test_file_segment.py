"""The segment of a large file of a layer's own code."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.wheels import decompressed, members
from venvstacks_rules.actions.commands import file_segment
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile, OwnFile
from venvstacks_rules.model.errors import RequestError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.segments import FileSegmentRequest

CONTENT = b"weights" * 1000


def request(file: OwnFile) -> str:
    return to_json(
        FileSegmentRequest(file, "app-demo", Compression("tar.zst", 3), "out/model.segment")
    )


def test_it_has_the_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.bin").write_bytes(CONTENT)
    file = OwnFile("lib/model.bin", source="model.bin", executable=True)
    (segment,) = file_segment.run(request(file)).segments
    assert (segment.source, segment.path) == ("layer", "out/model.segment")
    assert segment.files == (
        ArchivedFile("lib/model.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), True),
    )
    assert segment.sha256 == hashlib.sha256(Path(segment.path).read_bytes()).hexdigest()
    (member,) = members(decompressed(Path(segment.path)))
    assert (member.name, member.content) == ("app-demo/lib/model.bin", CONTENT)
    assert member.mode == 0o755


def test_text_has_no_segment() -> None:
    with pytest.raises(RequestError) as caught:
        file_segment.run(request(OwnFile("a", text="x")))
    assert str(caught.value) == "`a`: set `source`"
