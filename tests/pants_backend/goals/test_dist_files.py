"""What is read from, and written to, the dist folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.summary.built import ExpectedBuild
from venvstacks_rules.pants_backend.goals.dist_files import find_build, is_written, write_whole

EXPECTED = ExpectedBuild("framework-x", "linux_x86_64", "sha256:1")
A = "a" * 64


def publish(folder: Path, stem: str = "framework-x", **changes: Any) -> None:
    """Write what `package` writes of a layer; `changes` are of its metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = f"{stem}.tar.zst"
    metadata = {
        "archive_name": archive,
        "install_target": "framework-x",
        "target_platform": "linux_x86_64",
        "requirements_hash": "sha256:1",
        **changes,
    }
    segment = {"source": "layer", "offset": 0, "size": 10, "sha256": A, "tar_size": 512}
    index = {
        "format_version": 1,
        "install_target": "framework-x",
        "archive_name": archive,
        "archive_size": 10,
        "archive_sha256": A,
        "archive_format": "tar.zst",
        "compression_level": 9,
        "segments": [{**segment, "files": [{"path": "a", "size": 7, "sha256": A}]}],
    }
    (folder / archive).write_bytes(b"x" * 10)
    (folder / f"{stem}.json").write_text(json.dumps(metadata))
    (folder / f"{stem}.segments.json").write_text(json.dumps(index))


@pytest.mark.parametrize("stem", ["framework-x", "framework-x-linux_x86_64-1"])
def test_a_build_is_found_by_either_name(tmp_path: Path, stem: str) -> None:
    publish(tmp_path / "src/linux_x86_64", stem)
    built, notes = find_build(tmp_path, ["src/linux_x86_64"], EXPECTED)
    assert built is not None
    assert (built.archive_name, built.archive_size, built.unpacked_size) == (
        f"{stem}.tar.zst",
        10,
        7,
    )
    assert notes == ()


def test_documents_count_if_they_are_of_the_archive(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    publish(folder)
    sbom, provenance = (folder / f"framework-x.{end}" for end in ("cdx.json", "provenance.json"))
    sbom.write_text("{}")
    for content, expected in (
        ({"subject": [{"digest": {"sha256": A}}]}, True),
        ({"subject": [{"digest": {"sha256": "b" * 64}}]}, False),
        ({"subject": [7]}, False),
        ([], False),
    ):
        provenance.write_text(json.dumps(content))
        built, notes = find_build(tmp_path, ["src"], EXPECTED)
        assert built is not None
        found = (("sbom", str(sbom)), ("provenance", str(provenance)))
        assert built.documents == (found if expected else ())
        assert notes == ()
    provenance.write_text("{")
    built, _ = find_build(tmp_path, ["src"], EXPECTED)
    assert built is not None
    assert built.documents == ()


def test_nothing_there(tmp_path: Path) -> None:
    assert find_build(tmp_path / "dist", ["src"], EXPECTED) == (None, ())
    publish(tmp_path / "src")
    assert find_build(tmp_path, ["src"], None) == (None, ())
    (tmp_path / "other" / "framework-x.json").mkdir(parents=True)
    assert find_build(tmp_path, ["other"], EXPECTED) == (None, ())


def test_the_first_folder_that_counts_is_taken(tmp_path: Path) -> None:
    publish(tmp_path / "old", requirements_hash="sha256:0")
    publish(tmp_path / "new")
    built, notes = find_build(tmp_path, ["old", "new"], EXPECTED)
    assert built is not None
    assert notes == ()


def test_what_does_not_count_is_noted(tmp_path: Path) -> None:
    publish(tmp_path / "old", requirements_hash="sha256:0", target_platform="win_amd64")
    publish(tmp_path / "cut")
    (tmp_path / "cut" / "framework-x.tar.zst").write_bytes(b"x")
    publish(tmp_path / "gone")
    (tmp_path / "gone" / "framework-x.tar.zst").unlink()
    publish(tmp_path / "bare")
    (tmp_path / "bare" / "framework-x.segments.json").unlink()
    publish(tmp_path / "junk")
    (tmp_path / "junk" / "framework-x.json").write_bytes(b"\xff")
    publish(tmp_path / "huge")
    (tmp_path / "huge" / "framework-x.json").write_bytes(b" " * 1_000_001)
    built, notes = find_build(
        tmp_path, ["old", "cut", "gone", "bare", "junk", "huge", "none"], EXPECTED
    )
    assert built is None
    assert notes == (
        "old/framework-x.json is ignored: `target_platform`: `win_amd64` is not "
        "`linux_x86_64`; `requirements_hash`: `sha256:0` is not `sha256:1`",
        "cut/framework-x.json is ignored: framework-x.tar.zst beside it is missing or has another "
        "size",
        "gone/framework-x.json is ignored: framework-x.tar.zst beside it is missing or has another "
        "size",
        "bare/framework-x.json is ignored: there is no framework-x.segments.json beside it",
        "junk/framework-x.json is ignored: it is not JSON",
        "huge/framework-x.json is ignored: framework-x.json has more than 1000000 bytes",
    )


def test_a_file_of_this_run(tmp_path: Path) -> None:
    file = tmp_path / "a.tar.zst"
    assert not is_written(file, 3, since=0)
    file.write_bytes(b"abc")
    os.utime(file, (1000.0, 1000.0))
    assert is_written(file, 3, since=999)
    # The system took the time from the last tick of its clock, the run from the clock itself.
    assert is_written(file, 3, since=1000.01)
    assert not is_written(file, 3, since=1001)
    assert not is_written(file, 4, since=999)


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "page.html"
    for text in ("first ✓", "second"):
        write_whole(file, text, option="--html", written="a/b/page.html")
        assert file.read_text(encoding="utf-8") == text
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("written", "reason"),
    [("folder", "it is a folder"), ("file/page.html", "File exists")],
)
def test_where_no_page_can_be(tmp_path: Path, written: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(VenvstacksError) as caught:
        write_whole(tmp_path / written, "", option="--venvstacks-show-html", written=written)
    assert str(caught.value) == (
        f"`--venvstacks-show-html` is '{written}', which cannot be written: {reason}. "
        "Name a file in a folder that you may write to."
    )
    assert {path.name for path in tmp_path.rglob("*")} == {"folder", "file"}
