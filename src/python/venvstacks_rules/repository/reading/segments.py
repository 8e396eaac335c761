"""Reads the files of one segment, as its blob has them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.archives.plain_tar import plain_files
from venvstacks_rules.local.archives.tar_stream import open_tar_stream
from venvstacks_rules.local.files.streams import DamagedError, Inflated, exactly
from venvstacks_rules.model.contents.compression import ZIP
from venvstacks_rules.model.repository.indexes import PublishedSegment

_MOST_HEADER_BYTES = zip_headers.LOCAL_HEADER.size + 2 * 0xFFFF


class Member(NamedTuple):
    """A file of a segment; its content has to be read before the next one.

    A piece of it is gone when the next one is asked for.
    """

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
    top = len(install_target) + 1
    for name, content in found:
        if name[:top] != f"{install_target}/":
            raise _elsewhere(name, install_target)
        yield Member(name[top:], content)


def path_in_layer(name: str, install_target: str) -> str:
    """The path of an entry below the layer's folder; DamagedError if it is elsewhere."""
    top = f"{install_target}/"
    if not name.startswith(top):
        raise _elsewhere(name, install_target)
    return name[len(top) :]


def _elsewhere(name: str, install_target: str) -> DamagedError:
    return DamagedError(f"it has {name!a}, which is not below `{install_target}/`")


def _tar_members(
    stream: BinaryIO, segment: PublishedSegment
) -> Iterator[tuple[str, Iterator[bytes]]]:
    assert segment.tar_size is not None  # only zip archives have none
    for file in plain_files(open_tar_stream(stream, segment.tar_size)):
        yield file.path, file.pieces()


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
