"""Lists the files of a whole archive, for which there is no list that can be believed."""

from __future__ import annotations

import io
import itertools
import stat
import struct
import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.archives.tar_members import members, open_members
from venvstacks_rules.local.archives.tar_stream import TarStream, open_tar_stream
from venvstacks_rules.local.files.streams import (
    DamagedError,
    exactly,
    expansion_limit,
    sha256_of_chunks,
)
from venvstacks_rules.model.contents.compression import ZIP
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.indexes import MOST_LISTING_BYTES
from venvstacks_rules.model.repository.packaged import PackagedLayer, most_tar_size
from venvstacks_rules.repository.reading.segments import path_in_layer, zip_members

_ENTRY = 150
"""About so many bytes of a list are not the path."""
_MOST_TARGET = 4096


def archive_files(
    stream: BinaryIO, layer: PackagedLayer
) -> tuple[tuple[ArchivedFile, ...], int | None]:
    """The files in an archive whose hash was checked, and the size of its tar stream, if it is one.

    Of two with one path, the later one counts. RepositoryError for what no layer archive has.
    """
    limit = most_tar_size(expansion_limit(layer.archive.size))
    is_zip = layer.archive_format == ZIP
    try:
        if is_zip:
            found = _zip_files(stream, layer, limit)
        else:
            found = _tar_files(open_tar_stream(stream, limit), layer)
        files: dict[str, ArchivedFile] = {}
        size = 0
        for file in found:
            size += len(file.path) + len(file.link_target or "") + _ENTRY
            if size > MOST_LISTING_BYTES:
                raise DamagedError("it has too many files")
            # In the place of the later one.
            files.pop(file.path, None)
            files[file.path] = file
    except (DamagedError, EOFError, tarfile.TarError) as e:
        raise RepositoryError(
            f"The archive `{layer.archive_name}` cannot be used.", [str(e), "build it again"]
        ) from None
    return tuple(files.values()), None if is_zip else limit


def _tar_files(tar: TarStream, layer: PackagedLayer) -> Iterator[ArchivedFile]:
    with open_members(tar) as archive:
        for member in members(archive):
            if member.isdir():
                continue
            path = path_in_layer(member.name, layer.install_target)
            if member.issym():
                yield ArchivedFile(path, 0, "", link_target=member.linkname)
            elif member.isreg() and not member.issparse():
                content = archive.extractfile(member)
                assert content is not None  # it is a regular file
                pieces = exactly(content, member.size, member.name)
                yield _file(path, pieces, executable=bool(member.mode & 0o100))
            else:
                raise DamagedError(f"{member.name!a} is neither a file, a folder nor a link")
    tar.finish()


def _zip_files(stream: BinaryIO, layer: PackagedLayer, limit: int) -> Iterator[ArchivedFile]:
    modes = _modes(stream, layer)
    for name, content in zip_members(stream, layer.archive.size):
        path, mode = path_in_layer(name, layer.install_target), modes.get(name)
        if mode is None:
            raise DamagedError(f"{name!a} is not in its directory")
        if stat.S_ISLNK(mode):
            target = b"".join(_bounded(content, _MOST_TARGET)).decode("utf-8", "replace")
            yield ArchivedFile(path, 0, "", link_target=target)
            continue
        file = _file(path, _bounded(content, limit), executable=bool(mode & 0o100))
        limit -= file.size
        yield file


def _modes(stream: BinaryIO, layer: PackagedLayer) -> dict[str, int]:
    """The modes of the entries, by their names: only the directory at the end has them."""
    end = layer.archive.size - zip_headers.END_RECORD.size
    if end < 0:
        raise DamagedError("it has no directory")
    try:
        stream.seek(end)
        signature, *_, at, _ = zip_headers.END_RECORD.unpack(stream.read())
        if signature != zip_headers.END or at == zip_headers.MAX32:
            raise DamagedError("it has no directory, or one beyond 4 GiB")
        stream.seek(at)
        # A stranger's directory may have more than there is.
        most = MOST_LISTING_BYTES // _ENTRY
        return dict(itertools.islice(_directory(stream), most))
    except (ValueError, struct.error) as e:
        raise DamagedError(f"its directory cannot be read: {e}") from None


def _directory(stream: BinaryIO) -> Iterator[tuple[str, int]]:
    while True:
        head = stream.read(zip_headers.CENTRAL_HEADER.size)
        if not head.startswith(zip_headers.CENTRAL):
            return
        fields = zip_headers.CENTRAL_HEADER.unpack(head)
        flags, (name_size, extra_size, comment_size), attributes = (
            fields[3],
            fields[10:13],
            fields[15],
        )
        name = stream.read(name_size)
        stream.seek(extra_size + comment_size, io.SEEK_CUR)
        yield zip_headers.decoded(name, flags), attributes >> 16


def _bounded(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    for piece in pieces:
        limit -= len(piece)
        if limit < 0:
            raise DamagedError("it unpacks to more than is accepted")
        yield piece


def _file(path: str, pieces: Iterable[bytes], *, executable: bool) -> ArchivedFile:
    sha256, size = sha256_of_chunks(pieces)
    return ArchivedFile(path, size, sha256, executable)
