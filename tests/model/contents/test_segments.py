"""What a layer's archive unpacks to."""

from __future__ import annotations

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import Segment, unpacked_size

FILES = (
    ArchivedFile("a.py", 100, "1" * 64),
    ArchivedFile("bin/python", 0, "", link_target="../../cpython/bin/python"),
    ArchivedFile("bin/é", 0, "", link_target="ä"),
)


def segment(tar_size: int | None) -> Segment:
    return Segment("layer", "s", 50, "2" * 64, tar_size, FILES)


def test_of_a_tar_archive_it_is_the_stream() -> None:
    assert unpacked_size([segment(2560), segment(1024)]) == 3584


def test_of_a_zip_archive_it_is_all_entries_with_the_targets_of_links() -> None:
    assert unpacked_size([segment(None)]) == 100 + len("../../cpython/bin/python") + 2
