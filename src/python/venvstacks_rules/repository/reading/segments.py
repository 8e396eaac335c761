"""Reads the files of one segment, as its blob has them."""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.archives.tar_members import members, open_members
from venvstacks_rules.local.archives.tar_stream import open_tar_stream
from venvstacks_rules.local.files.streams import DamagedError, Inflated, exactly
from venvstacks_rules.model.contents.compression import ZIP
from venvstacks_rules.model.repository.indexes import PublishedSegment

_MOST_HEADER_BYTES = zip_headers.LOCAL_HEADER.size + 2 * 0xFFFF


@dataclass(frozen=True)
class Member:
    """A file of a segment; its content has to be read before the next one."""

    path: str
    """Relative to the layer's folder."""
    content: Iterator[bytes]


def segment_members(
    stream: BinaryIO, segment: PublishedSegment, archive_format: str, install_target: str
) -> Iterator[Member]:
    """The files in the blob of a segment, without folders and links.

    Raises DamagedError and EOFError for anything that is not as the format wants it.
    """
    if archive_format == ZIP:
        found = zip_members(stream, segment.blob.size)
    else:
        found = _tar_members(stream, segment)
    for name, content in found:
        yield Member(path_in_layer(name, install_target), content)


def path_in_layer(name: str, install_target: str) -> str:
    """The path of an entry below the layer's folder; DamagedError if it is elsewhere."""
    top = f"{install_target}/"
    if not name.startswith(top):
        raise DamagedError(f"it has {name!a}, which is not below `{top}`")
    return name[len(top) :]


def _tar_members(
    stream: BinaryIO, segment: PublishedSegment
) -> Iterator[tuple[str, Iterator[bytes]]]:
    assert segment.tar_size is not None  # only zip archives have none
    tar = open_tar_stream(stream, segment.tar_size)
    try:
        with open_members(tar) as archive:
            for member in members(archive):
                if member.isreg() and not member.issparse():
                    content = archive.extractfile(member)
                    assert content is not None  # it is a regular file
                    yield member.name, exactly(content, member.size, member.name)
                elif not member.isdir() and not member.issym():
                    raise DamagedError(f"{member.name!a} is neither a file, a folder nor a link")
    except tarfile.TarError as e:
        # An empty stream, for one.
        raise DamagedError(str(e)) from None


def zip_members(stream: BinaryIO, size: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The entries of a zip archive, or of a piece of one, by their names; without folders."""
    at = 0
    while at < size:
        stream.seek(at)
        head = stream.read(_MOST_HEADER_BYTES)
        if not head.startswith(zip_headers.LOCAL):
            # The central directory.
            return
        try:
            entry, start = zip_headers.read_local_header(head, 0)
        except (ValueError, struct.error) as e:
            raise DamagedError(f"a header cannot be read: {e}") from None
        at += start
        if not entry.path.endswith("/"):
            stream.seek(at)
            content = exactly(stream, entry.compressed_size, entry.path)
            yield entry.path, _inflated(content, entry.method)
        at += entry.compressed_size


def _inflated(content: Iterator[bytes], method: int) -> Iterator[bytes]:
    if method == zip_headers.STORED:
        yield from content
    elif method == zip_headers.DEFLATED:
        try:
            yield from Inflated(content)
        except zlib.error as e:
            raise DamagedError(f"it cannot be unpacked: {e}") from None
    else:
        raise DamagedError(f"the compression method {method} is not known")
