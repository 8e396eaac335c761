"""Segments are read as `tarfile` reads them; whatever their writer does not write is refused."""

from __future__ import annotations

import gzip
import io
import random
import tarfile

import pytest

from tests.local.archives.test_tar_members import END, header, pax, record
from venvstacks_rules.local.archives.plain_tar import MOST_RECORD_BYTES, WINDOW, plain_files
from venvstacks_rules.local.archives.tar_stream import open_tar_stream
from venvstacks_rules.local.files.streams import DamagedError

LONG = "/".join(["folder"] * 20) + "/name"
LONGER = "/".join(["folder"] * 60) + "/name"
FILES = {
    "x/a": b"abc",
    "x/empty": b"",
    f"x/{LONG}": b"1" * 512,
    f"x/{LONGER}": b"2" * 513,
    "x/ü.py": b"3" * 511,
    "x/large": bytes(range(256)) * (WINDOW // 100),
    "x/z": b"z",
}


def written(form: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for name, content in FILES.items():
            if form == tarfile.PAX_FORMAT or (name.isascii() and len(name) < 250):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo(f"x/{LONG}-link" if form == tarfile.PAX_FORMAT else "x/link")
        link.type, link.linkname = tarfile.SYMTYPE, "a" if form == tarfile.USTAR_FORMAT else LONGER
        tar.addfile(link)
    return stream.getvalue()


def read(data: bytes, *, skipped: bool = False, limit: int = 10**8) -> dict[str, bytes]:
    found = {}
    for number, file in enumerate(plain_files(open_tar_stream(io.BytesIO(data), limit))):
        wanted = not (skipped and number % 2)
        # A piece is gone with the next one.
        found[file.path] = b"".join(bytes(piece) for piece in file.pieces()) if wanted else b""
    return found


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_files_are_read(form: int) -> None:
    data = written(form)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        real = [(info, tar.extractfile(info)) for info in tar if info.isreg()]
        expected = {info.name: stream.read() for info, stream in real if stream is not None}
    assert len(expected) > 4
    assert read(data) == expected
    assert read(gzip.compress(data)) == expected
    # Segments have no end; only the last one of an archive has.
    end = len(data.rstrip(b"\0"))
    assert read(data[: end + -end % 512]) == expected
    assert read(END) == read(b"") == {}


def test_what_is_not_asked_for_is_skipped() -> None:
    found = read(written(tarfile.PAX_FORMAT), skipped=True)
    assert found == {
        name: b"" if number % 2 else content for number, (name, content) in enumerate(FILES.items())
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (header(kind=tarfile.DIRTYPE), "a header has no size"),
        (header(size=b"00000000000\0", kind=tarfile.DIRTYPE),
         "'x/a/' is neither a file nor a link"),
        (header(size=b"00000000000\0", kind=tarfile.LNKTYPE, link="b"),
         "'x/a' is neither a file nor a link"),
        (header(size=b"00000000001\0", kind=tarfile.SYMTYPE, link="b"),
         "'x/a' is neither a file nor a link"),
        (header(size=-1), "a header is not that of a segment"),
        (header(size=b"00000000009\0"), "a header has no size"),
        (header(size=b"00000000000\0").replace(b"ustar\x0000", b"ustar  \0"),
         "a header is not that of a segment"),
        (b"x" * 512, "a header is not that of a segment"),
        (pax(record("mtime", "1.5")), "a header has the record mtime"),
        (pax(record("path", "x/a") + record("path", "x/b")), "a header has the record path"),
        (pax(record("size", "-512")) + header(), "a header has the size -512"),
        (pax(record("size", "9" * 19)) + header(), f"a header has the size {'9' * 19}"),
        (pax(b"12 path=\xff\xfe\xfd\n") + header(), "a header has a name that is not UTF-8"),
        (pax(b"99 path=x\n"), "a header has records that cannot be read"),
        (pax(b"0 path=x\n"), "a header has records that cannot be read"),
        (pax(b"path=x\n"), "a header has records that cannot be read"),
        (pax(b"x" * (MOST_RECORD_BYTES + 1)), "a header has 65537 bytes; 65536 are accepted"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_headers_that_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(DamagedError) as caught:
        read(plain(data) + END)
    assert str(caught.value) == message


def plain(data: bytes) -> bytes:
    """With sizes of headers as the writer has them, where they are small numbers."""
    blocks = bytearray(data)
    for at in range(0, len(data), 512):
        size = bytes(blocks[at + 124 : at + 136])
        if blocks[at + 156] in b"x0" and size[0] == 0x80:
            blocks[at + 124 : at + 136] = b"%011o\0" % int.from_bytes(size[1:], "big")
    return bytes(blocks)


def test_a_stream_that_ends_or_grows() -> None:
    data = written(tarfile.PAX_FORMAT)
    at = data.index(FILES["x/large"])
    with pytest.raises(EOFError, match=r"^it ends within `x/large`$"):
        read(data[: at + 5000])
    with pytest.raises(EOFError, match=r"^it ends within an entry$"):
        read(data[: at - 512 + 100])
    with pytest.raises(DamagedError, match="unpacks to more than the 1024 bytes"):
        read(data, limit=1024)


def test_any_bytes_are_a_refusal_or_files() -> None:
    good = plain(
        pax(record("path", "x/long") + record("size", "3"))
        + header("x/a", size=3)
        + b"abc"
        + bytes(509)
        + header("x/b", size=0)
    )
    assert read(good) == {"x/long": b"abc", "x/b": b""}
    numbers = random.Random(16)
    refused = 0
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(numbers.randint(1, 4)):
            at = numbers.randrange(len(data))
            data[at] = numbers.choice((0, 0x80, 0xFF, 0x20, 0x31, numbers.randrange(256)))
        try:
            read(bytes(data))
        except (DamagedError, EOFError):
            refused += 1
    assert 100 < refused < 2900
