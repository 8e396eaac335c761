"""Headers are compared, byte by byte, with those that ``zipfile`` writes."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.archives.zip_headers import ZipEntry

GIB = 1024**3
ENTRIES = {
    "deflated": ZipEntry("x/a.py", zip_headers.DEFLATED, 0x12345678, 10, 100),
    "stored": ZipEntry("x/empty", zip_headers.STORED, 0, 0, 0),
    "not ASCII": ZipEntry("x/ü✓.py", zip_headers.DEFLATED, 1, 2, 3),
    "large": ZipEntry("x/large", zip_headers.STORED, 7, 5 * GIB, 5 * GIB),
    "large, deflated": ZipEntry("x/zeros", zip_headers.DEFLATED, 7, 5_000_000, 5 * GIB),
}


def info_of(entry: ZipEntry, mode: int = zip_headers.FILE_MODE, offset: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(entry.path, (1980, 1, 2, 0, 0, 0))
    info.create_system = 3
    info.compress_type, info.CRC = entry.method, entry.crc
    info.compress_size, info.file_size = entry.compressed_size, entry.size
    info.external_attr = mode << 16
    info.header_offset = offset
    return info


class FarFile(io.BytesIO):
    """A file whose first bytes are not there."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def tell(self) -> int:
        return self._start + super().tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return super().seek(offset - self._start if whence == 0 else offset, whence)


def directory(infos: list[zipfile.ZipInfo], start: int) -> bytes:
    """What ``zipfile`` writes behind entries that end at `start`."""
    file = FarFile(start)
    with zipfile.ZipFile(file, "w") as archive:
        archive.filelist += infos
        archive.start_dir = start
        vars(archive)["_didModify"] = True
    return file.getvalue()


@pytest.mark.parametrize("name", ENTRIES)
def test_local_headers(name: str) -> None:
    entry = ENTRIES[name]
    assert zip_headers.local_header(entry) == info_of(entry).FileHeader()


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize(
    "mode", [zip_headers.FILE_MODE, zip_headers.EXECUTABLE_MODE, zip_headers.LINK_MODE]
)
@pytest.mark.parametrize("offset", [0, 5 * GIB])
def test_the_directory(name: str, mode: int, offset: int) -> None:
    entry = ENTRIES[name]
    start = offset + 5 * GIB if entry.size else offset
    header = zip_headers.central_header(entry, mode, offset)
    expected = directory([info_of(entry, mode, offset)], start)
    assert header + zip_headers.end_of_archive(1, len(header), start) == expected


@pytest.mark.parametrize("count", [65536, 70000])
def test_more_entries_than_a_record_can_count(count: int) -> None:
    entry = ENTRIES["stored"]
    header = zip_headers.central_header(entry, zip_headers.FILE_MODE, 0)
    end = zip_headers.end_of_archive(count, len(header) * count, 1000)
    expected = directory([info_of(entry)] * count, 1000)
    assert expected == header * count + end


def test_the_number_that_says_look_elsewhere_is_never_a_count() -> None:
    # Here `zipfile` writes the marker as if it were a number.
    end = zip_headers.end_of_archive(65535, 1, 1)
    assert end[:4] == b"PK\6\6"
    assert struct.unpack_from("<Q", end, 32) == (65535,)
    assert zip_headers.end_of_archive(65534, 1, 1)[:4] == b"PK\5\6"


@pytest.mark.parametrize("name", ["deflated", "stored", "not ASCII"])
def test_most_headers_are_the_same_in_the_directory(name: str) -> None:
    entry = ENTRIES[name]
    local = zip_headers.local_header(entry)
    header = zip_headers.same_central_header(
        local[:30], entry.path.encode(), zip_headers.LINK_MODE, 77
    )
    assert header == zip_headers.central_header(entry, zip_headers.LINK_MODE, 77)


@pytest.mark.parametrize("name", ENTRIES)
def test_what_was_written_is_read(name: str) -> None:
    entry = ENTRIES[name]
    local = zip_headers.local_header(entry)
    assert zip_headers.read_local_header(b"before" + local + b"behind", 6) == (
        entry,
        6 + len(local),
    )


def test_headers_that_are_none() -> None:
    local = zip_headers.local_header(ENTRIES["deflated"])
    with pytest.raises(ValueError, match="^no local header$"):
        zip_headers.read_local_header(b"PK\1\2" + local[4:], 0)
    with pytest.raises(struct.error):
        zip_headers.read_local_header(local[:20], 0)
    large = zip_headers.local_header(ENTRIES["large"])
    with pytest.raises(ValueError, match="^a number does not fit, and there is no ZIP64 field"):
        zip_headers.read_local_header(large[:-20] + b"\2" + large[-19:], 0)
    # A field that holds one number of the two that are elsewhere.
    with pytest.raises(ValueError, match="^a number does not fit"):
        zip_headers.zip64_numbers(
            struct.pack("<2HQ", 1, 8, 5), zip_headers.MAX32, zip_headers.MAX32
        )
    with pytest.raises(ValueError, match="^a number does not fit"):
        zip_headers.zip64_numbers(struct.pack("<2H", 1, 16), zip_headers.MAX32)


def test_names_are_ascii_or_marked() -> None:
    assert zip_headers.decoded("ü".encode(), zip_headers.UTF8) == "ü"
    for name, flags in (("ü".encode(), 0), (b"\xff", zip_headers.UTF8)):
        with pytest.raises(ValueError, match="decode byte"):
            zip_headers.decoded(name, flags)
