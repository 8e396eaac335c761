"""Headers that strangers made: refused as damage, whatever `tarfile` makes of them."""

from __future__ import annotations

import io
import random
import tarfile

import pytest

from venvstacks_rules.local.archives.tar_members import MOST_HEADER_BYTES, members, open_members
from venvstacks_rules.local.archives.tar_stream import open_tar_stream
from venvstacks_rules.local.files.streams import DamagedError

END = bytes(1024)


def header(
    name: str = "x/a", *, size: bytes | int = 0, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> bytes:
    """A block with any size, also with one that `tarfile` would not write."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    if isinstance(size, int):
        # The form for large and negative numbers.
        sign = 0xFF if size < 0 else 0x80
        size = bytes([sign]) + (size % 256**11).to_bytes(11, "big")
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(text: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("pax", size=len(text), kind=kind) + text + bytes(-len(text) % 512)


def record(key: str, value: str) -> bytes:
    line = f" {key}={value}\n".encode()
    size = len(line) + 2
    return str(size if len(str(size)) == 2 else size + 1).encode() + line


def read(data: bytes) -> list[str]:
    names = []
    with open_members(open_tar_stream(io.BytesIO(data), 10**8)) as archive:
        for member in members(archive):
            names.append(member.name)
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is not None:
                stream.read()
    return names


def refusal(data: bytes) -> str:
    with pytest.raises(DamagedError) as caught:
        read(data)
    return str(caught.value)


def test_members_are_read() -> None:
    data = header("x/a") + pax(record("path", "x/ü")) + header("x/b") + END
    assert read(data) == ["x/a", "x/ü"]
    assert read(END) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (header(size=-512), "`x/a` has -512 bytes"),
        (header(size=-(2**70)), "`x/a` has -1180591620717411303424 bytes"),
        (pax(record("size", "-512")) + header(), "`x/a` has -512 bytes"),
        (header("x", size=2**40, kind=tarfile.XHDTYPE), "a header has 1099511627776 bytes; "
         "1048576 are accepted"),
        (header("x", size=MOST_HEADER_BYTES + 1, kind=tarfile.GNUTYPE_LONGNAME),
         "a header has 1048577 bytes; 1048576 are accepted"),
        (pax(record("path", "x/a")) * 3000 + header(), "its headers are nested too deeply"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_headers_that_are_refused_in_words_of_our_own(data: bytes, message: str) -> None:
    assert refusal(data + END) == message


@pytest.mark.parametrize(
    ("data", "readable"),
    [
        (pax(b"999999999 path=x\n") + header(), True),
        (pax(b"0 path=x\n") + header(), False),
        (pax(b"no number path=x\n") + header(), True),
        (pax(record("size", "many")) + header(), True),
        (pax(record("mtime", "x" * 30)) + header(), True),
        (pax(b"12 path=\xff\xfe\n") + header(), False),
        (pax(record("GNU.sparse.map", "1,x")) + header(), False),
        (pax(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")) + header(), False),
        (pax(record("comment", "x"), tarfile.XGLTYPE) * 3000 + header(), False),
        (header(size=b"\xff" * 12), False),
        (header(size=b"9" * 12), False),
        (header(size=2**62) + b"x" * 512, False),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_headers_that_are_none(data: bytes, *, readable: bool) -> None:
    """Some are skipped as `tarfile` does it."""
    if readable:
        (name,) = read(data + END)
        assert name.startswith("x")
        return
    with pytest.raises((DamagedError, tarfile.TarError, EOFError)):
        read(data + END)


def test_any_bytes_are_a_refusal_or_an_archive() -> None:
    """The sizes of memory and time stay those of the bytes."""
    good = b"".join(
        (
            pax(record("path", "x/long") + record("size", "3")),
            header("x/a", size=3),
            b"abc" + bytes(509),
            header("x/l", kind=tarfile.SYMTYPE, link="a"),
            header("x", size=4, kind=tarfile.GNUTYPE_LONGNAME) + b"x/n\0" + bytes(508),
            header("x/b"),
            END,
        )
    )
    numbers = random.Random(7)
    refused = 0
    for _ in range(4000):
        data = bytearray(good)
        for _ in range(numbers.randint(1, 6)):
            at = numbers.randrange(len(data))
            data[at] = numbers.choice((0, 0x80, 0xFF, 0x20, numbers.randrange(256)))
        for at in range(0, len(data) - 511, 512):
            # Otherwise most changes would be wrong checksums, and nothing else.
            block = data[at : at + 512]
            if block[257:262] == b"ustar":
                block[148:156] = b" " * 8
                data[at + 148 : at + 156] = b"%06o\0 " % sum(block)
        try:
            read(bytes(data))
        except (DamagedError, tarfile.TarError, EOFError):
            refused += 1
    assert 100 < refused < 4000
