"""Wheels made in memory, sound ones and hostile ones, and readers of what is made of them."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import zstandard

from venvstacks_rules.actions.wheels.dist_info_files import RecordEntry, record_entries

METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FILE_NAME = "demo-1.0-py3-none-any.whl"


def record_hash(content: bytes, algorithm: str = "sha256") -> str:
    """The hash of `content` as RECORD spells it."""
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def record_row(path: str, content: bytes) -> str:
    """The row of RECORD for a file."""
    quoted = f'"{path}"' if "," in path else path
    return f"{quoted},{record_hash(content)},{len(content)}"


def regular(mode: int) -> int:
    """External attributes of a regular file with these permissions."""
    return (0o100000 | mode) << 16


def wheel_bytes(
    files: Mapping[str, bytes],
    *,
    attributes: Mapping[str, int] | None = None,
    metadata: str | None = METADATA,
    wheel: str | None = WHEEL,
    record: str | None = "",
    extra_rows: Sequence[str] = (),
    unlisted: Mapping[str, bytes] | None = None,
    dist_info: str = "demo-1.0.dist-info",
) -> bytes:
    """A wheel of `files`; `record` replaces RECORD, None leaves a metadata file out."""
    listed = dict(files)
    if metadata is not None:
        listed[f"{dist_info}/METADATA"] = metadata.encode()
    if wheel is not None:
        listed[f"{dist_info}/WHEEL"] = wheel.encode()
    rows = [record_row(path, content) for path, content in listed.items()]
    rows += [*extra_rows, f"{dist_info}/RECORD,,"]
    everything = {**listed, **(unlisted or {})}
    if record is not None:
        everything[f"{dist_info}/RECORD"] = (record or "\n".join(rows) + "\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in everything.items():
            info = zipfile.ZipInfo(path)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (attributes or {}).get(path, regular(0o644))
            archive.writestr(info, content)
    return buffer.getvalue()


def archive_of(contents: dict[str, bytes], method: int) -> zipfile.ZipFile:
    """A zip archive of files, open."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return zipfile.ZipFile(buffer)


def expected_hash(data: bytes, algorithm: str = "sha256") -> RecordEntry:
    """What RECORD says of a file."""
    (entry,), _ = record_entries(f"x,{record_hash(data, algorithm)},\n")
    return entry


@dataclass(frozen=True)
class Member:
    """An entry of a tar stream."""

    name: str
    content: bytes
    mode: int
    link: str


def decompressed(path: Path) -> bytes:
    """The tar stream of a ``.tar.zst`` or of a segment of one."""
    with path.open("rb") as raw:
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return reader.read()


def members(tar: bytes) -> list[Member]:
    """The entries of a tar stream, as the standard library reads them."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isfile() else None
            content = stream.read() if stream is not None else b""
            found.append(Member(info.name, content, info.mode, info.linkname))
    return found
