from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.zips import with_directory
from venvstacks_rules.actions.archives.zip_directory import directory_of
from venvstacks_rules.actions.archives.zip_writer import ZipSegmentWriter
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.errors import ArchiveError

TARGET = "layer"


def segment(folder: Path, name: str, files: dict[str, bytes]) -> Segment:
    with ZipSegmentWriter(
        folder / name,
        source=f"{name}.whl",
        install_target=TARGET,
        compression=Compression("zip", 6),
    ) as writer:
        for path, content in files.items():
            writer.add_file(path, [content], len(content))
        writer.add_link(f"link-{name}", "a")
    return replace(writer.segment(), path=str(folder / name))


def refusal(segments: list[Segment]) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(ArchiveError) as caught:
        directory_of(segments, TARGET)
    return caught.value.summary, caught.value.problems


def test_entries_are_listed_in_the_order_of_the_archive(tmp_path: Path) -> None:
    made = [segment(tmp_path, "1", {"z": b"z" * 99, "ü": b""}), segment(tmp_path, "2", {"a": b"a"})]
    data = b"".join(Path(s.path).read_bytes() for s in made) + directory_of(made, TARGET)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert archive.read("layer/link-2") == b"a"
    assert names == ["layer/z", "layer/ü", "layer/link-1", "layer/a", "layer/link-2"]


def test_no_segments_at_all() -> None:
    with zipfile.ZipFile(io.BytesIO(directory_of([], TARGET))) as archive:
        assert archive.namelist() == []


def test_a_segment_without_files(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    empty = Segment("empty.whl", str(tmp_path / "empty"), 0, "", None, ())
    assert directory_of([empty], TARGET) == directory_of([], TARGET)


def test_offsets_beyond_4_gib(tmp_path: Path) -> None:
    """A segment whose size is said to be large moves what follows; nobody looks at its end."""
    first = segment(tmp_path, "1", {})
    second = segment(tmp_path, "2", {"a": b"a"})
    near = directory_of([first, second], TARGET)
    (tmp_path / "far").write_bytes((tmp_path / "1").read_bytes())
    with (tmp_path / "far").open("r+b") as stream:
        stream.truncate(2**32)
    large = ArchivedFile("x", 2**32 - 37, "")
    header = b"PK\3\4\x14\0\0\0\0\0\0\0\x21\0" + bytes(4)
    sizes = (2**32 - 37).to_bytes(4, "little") * 2 + b"\7\0\0\0"
    with (tmp_path / "far").open("r+b") as stream:
        stream.write(header + sizes + b"layer/x")
    far = Segment("far.whl", str(tmp_path / "far"), 2**32, "", None, (large,))
    directory = directory_of([far, second], TARGET)
    assert len(directory) == len(near) - len("link-1") + len("x") + 2 * 12 + 56 + 20
    assert directory.count(b"PK\6\6") == 1
    # Both entries of the second segment say so, in a field of ZIP64.
    assert directory.count(b"\1\0\x08\0" + (2**32).to_bytes(8, "little")) == 1
    assert directory.count(b"\1\0\x08\0") == 2


def test_segments_that_are_not_their_files_are_refused(tmp_path: Path) -> None:
    good = segment(tmp_path, "good", {"a": b"content", "b": b"b"})
    summary = "The segment of `good.whl` does not consist of its files."
    a, b, link = good.files
    assert refusal([replace(good, files=(a, link, b))]) == (
        summary,
        ("expected the entry of `link-good` at 44",),
    )
    assert refusal([replace(good, files=(a, replace(b, size=2), link))]) == (
        summary,
        ("expected the entry of `b` at 44",),
    )
    assert refusal([replace(good, files=(a, b))]) == (
        summary,
        (f"its files end at 82 of {good.size} bytes",),
    )
    assert refusal([replace(good, files=(*good.files, a))]) == (
        summary,
        (f"expected the entry of `a` at {good.size}",),
    )
    with pytest.raises(ArchiveError, match="does not consist of its files"):
        directory_of([good], "another")


def test_a_directory_is_read_by_zipfile(tmp_path: Path) -> None:
    made = segment(tmp_path, "1", {"a": b"a" * 1000})
    data = with_directory(tmp_path / "1", made, TARGET)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("layer/a") == b"a" * 1000
