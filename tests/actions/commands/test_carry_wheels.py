"""Wheels that installers carry, and what becomes of them on the machine of a user."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from tests.support.wheel_segments import SITE, run
from tests.support.wheels import FILE_NAME, decompressed, members, wheel_bytes
from venvstacks_rules.actions.commands import carry_wheels
from venvstacks_rules.client.fetching.carried import wheel_files
from venvstacks_rules.client.fetching.plan import CarriedFiles
from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import LARGE_FILE, Segment, large_file
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.carried import IN_REST, CarriedWheel
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment, listing_bytes
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.requests.bundle import (
    CarriedSegment,
    CarryWheelsRequest,
    SegmentedWheel,
    SegmentOfWheel,
)

FILES = {
    "demo/__init__.py": b"",
    "demo/empty.py": b"",
    "demo/module.py": b"x = 1\n" * 1000,
    "demo-1.0.data/scripts/start": b"#!python\nprint(1)\n",
}


def published(segment: Segment, listing: bytes) -> PublishedSegment:
    return PublishedSegment(
        FILE_NAME,
        Reference(segment.sha256, segment.size),
        Reference.of(listing),
        sum(file.size for file in segment.files),
        segment.tar_size,
        large_file(segment.files),
    )


def index_of(*segments: PublishedSegment) -> LayerIndex:
    return LayerIndex(
        "framework",
        {
            "layer_name": "framework-demo",
            "install_target": "framework-demo",
            "target_platform": "linux_x86_64",
            "runtime_layer": "cpython",
        },
        "framework-demo.tar.zst",
        "tar.zst",
        3,
        segments,
    )


def request(folder: Path, wheel: bytes) -> tuple[CarryWheelsRequest, Segment]:
    """A request for the wheel, and the segment that was made of it."""
    (segment,) = run(folder, wheel, scripts=("start",)).segments
    listing = listing_bytes(segment.files)
    (folder / "listing").write_bytes(listing)
    index = index_of(published(segment, listing))
    (folder / "index.json").write_text(index.to_json(), encoding="utf-8")
    of_wheel = SegmentedWheel(
        str(folder / FILE_NAME),
        FILE_NAME,
        hashlib.sha256(wheel).hexdigest(),
        len(wheel),
        (
            SegmentOfWheel(
                segment.sha256,
                str(folder / f"out/{FILE_NAME}.seg"),
                str(folder / "listing"),
            ),
        ),
    )
    made = CarryWheelsRequest(str(folder / "index.json"), (of_wheel,), str(folder / "carried"))
    return made, segment


def carried(folder: Path, made: CarryWheelsRequest) -> tuple[CarriedSegment, CarriedWheel]:
    """What becomes of it."""
    (one,) = carry_wheels.run(to_json(made)).segments
    return one, CarriedWheel.from_json((folder / "carried" / one.document).read_bytes())


def test_a_wheel_and_the_rest_are_the_segment(tmp_path: Path) -> None:
    wheel = wheel_bytes(FILES)
    made, segment = request(tmp_path, wheel)
    one, found = carried(tmp_path, made)
    assert (one.segment, found.segment.sha256) == (segment.sha256, segment.sha256)
    assert found.wheel == Reference.of(wheel)
    in_rest = {file.path: file for file, n in zip(segment.files, found.entries) if n == IN_REST}
    info = f"{SITE}/demo-1.0.dist-info"
    assert set(in_rest) == {f"{info}/INSTALLER", f"{info}/RECORD", "bin/start"}
    rest = tmp_path / "carried" / one.rest
    assert hashlib.sha256(rest.read_bytes()).hexdigest() == found.rest.sha256
    of_rest = {member.name: member for member in members(decompressed(rest))}
    assert set(of_rest) == {f"framework-demo/{path}" for path in in_rest}
    assert of_rest["framework-demo/bin/start"].mode == 0o755
    # The script's text is that of the wheel, wherever it lies; empty files are one entry.
    entries = [(n, file) for n, file in zip(found.entries, segment.files) if n != IN_REST]
    parts = CarriedFiles(found, tuple(entries), ())
    for file, pieces in wheel_files(io.BytesIO(wheel), parts):
        assert hashlib.sha256(b"".join(pieces)).hexdigest() == file.sha256
    empty = {n for n, file in entries if file.path.endswith(("__init__.py", "empty.py"))}
    assert len(empty) == 1


def test_a_large_file_comes_from_the_wheel_or_has_its_segment(tmp_path: Path) -> None:
    large = b"\0" * LARGE_FILE
    wheel = wheel_bytes({**FILES, "demo/large.so": large, "demo/made.so": large + b"1"})
    made = run(tmp_path, wheel).segments
    assert [len(segment.files) for segment in made[1:]] == [1, 1]
    listings = [listing_bytes(segment.files) for segment in made]
    for number, listing in enumerate(listings):
        (tmp_path / f"listing-{number}").write_bytes(listing)
    index = index_of(*map(published, made, listings))
    (tmp_path / "index.json").write_text(index.to_json(), encoding="utf-8")
    # As if a tool had made the last file for the layer.
    less = wheel_bytes({**FILES, "demo/large.so": large})
    (tmp_path / "less.whl").write_bytes(less)
    of_wheel = SegmentedWheel(
        str(tmp_path / "less.whl"),
        FILE_NAME,
        hashlib.sha256(less).hexdigest(),
        len(less),
        tuple(
            SegmentOfWheel(segment.sha256, segment.path, str(tmp_path / f"listing-{number}"))
            for number, segment in enumerate(made)
        ),
    )
    given = CarryWheelsRequest(str(tmp_path / "index.json"), (of_wheel,), str(tmp_path / "carried"))
    found = carry_wheels.run(to_json(given)).segments
    assert [each.segment for each in found] == [segment.sha256 for segment in made[:2]]
    document = (tmp_path / "carried" / found[1].document).read_bytes()
    carried_large = CarriedWheel.from_json(document)
    assert IN_REST not in carried_large.entries
    assert not (tmp_path / "carried" / found[1].rest).read_bytes()


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    made, _ = request(tmp_path, wheel_bytes(FILES))
    (tmp_path / FILE_NAME).write_bytes(wheel_bytes({**FILES, "demo/module.py": b"x = 2\n"}))
    with pytest.raises(ArchiveError) as caught:
        carried(tmp_path, made)
    assert str(caught.value) == (
        f"An installer cannot carry `{FILE_NAME}`:\n  * the wheel is not the one that was locked."
    )


def test_so_is_a_damaged_segment(tmp_path: Path) -> None:
    made, _ = request(tmp_path, wheel_bytes(FILES))
    path = Path(made.wheels[0].segments[0].path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArchiveError, match="its segment is damaged: "):
        carried(tmp_path, made)
    assert not list((tmp_path / "carried").iterdir())


def test_entries_of_a_rare_method_are_the_rest(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(wheel_bytes(FILES))) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    made, segment = request(tmp_path, buffer.getvalue())
    _, found = carried(tmp_path, made)
    assert found.entries == (IN_REST,) * len(segment.files)


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        (99, "its wheel has no entry 99, which is to be 'a.py'"),
        (-7, "its wheel has no entry -7, which is to be 'a.py'"),
        (0, "its wheel cannot be unpacked: Bad CRC-32 for file 'a.py'"),
        (None, "its wheel cannot be unpacked: File is not a zip file"),
    ],
)
def test_a_client_believes_no_wheel(number: int | None, problem: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "z" * 20)
    data = buffer.getvalue().replace(b"z" * 20, b"x" * 20)
    if number is None:
        data = data[: -len("PK..") - 18]
    nothing = Reference.of(b"")
    document = CarriedWheel(FILE_NAME, nothing, nothing, nothing, None, ())
    parts = CarriedFiles(document, ((number or 0, ArchivedFile("a.py", 20, "")),), ())
    with pytest.raises(DamagedError) as caught:
        b"".join(piece for _, pieces in wheel_files(io.BytesIO(data), parts) for piece in pieces)
    assert str(caught.value) == problem
