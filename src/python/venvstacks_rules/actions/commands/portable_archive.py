"""Makes the archive of a layer that the tools of every machine unpack (``portable-archive``).

The segments are joined as they are if the layer's archive is one already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.actions.bundling.streams import Hashed
from venvstacks_rules.local.archives.tar_stream import open_tar_stream
from venvstacks_rules.local.files.streams import DamagedError, chunks, naming
from venvstacks_rules.model.contents.compression import ZIP, compression
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment
from venvstacks_rules.model.requests.bundle import PortableArchive, PortableArchiveRequest

_GZIP = "tar.gz"


def run(request_text: str) -> PortableArchive:
    """Do what a PortableArchiveRequest asks for; it leaves no file if that is impossible.

    Raises ArchiveError for a segment that its index does not describe, and for an archive for
    Windows that is no zip archive.
    """
    request = from_json(PortableArchiveRequest, request_text)
    path, output = Path(request.index), Path(request.output)
    with naming(path):
        index = LayerIndex.from_json(path.read_bytes(), path.name)
    windows = index.platform.startswith("win")
    if windows and index.archive_format != ZIP:
        raise ArchiveError(
            f"`{index.install_target}` cannot start an installer for Windows:",
            [f"its archive is a `{index.archive_format}`. Let it be a `{ZIP}`."],
        )
    segments = [(Path(name), segment) for name, segment in zip(request.segments, index.segments)]
    try:
        with naming(output), output.open("xb") as out:
            hashed = Hashed(out)
            if index.archive_format in (_GZIP, ZIP):
                _join(hashed, segments)
            else:
                _compress(hashed, segments)
        return PortableArchive(hashed.size, hashed.sha256)
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _join(out: Hashed, segments: list[tuple[Path, PublishedSegment]]) -> None:
    for path, segment in segments:
        _check_size(path, segment)
        with naming(path), path.open("rb") as stream:
            for piece in chunks(stream):
                out.write(piece)


def _compress(out: Hashed, segments: list[tuple[Path, PublishedSegment]]) -> None:
    # Not for layers whose archive can be joined.
    from venvstacks_rules.actions.archives.tar_writer import frame_bytes, frame_compressor

    chosen = compression(_GZIP)
    compressor, size, frame = frame_compressor(chosen), frame_bytes(chosen), bytearray()
    for piece in _unpacked(segments):
        frame += piece
        while len(frame) >= size:
            out.write(compressor(frame[:size]))
            del frame[:size]
    if frame:
        out.write(compressor(frame))


def _unpacked(segments: list[tuple[Path, PublishedSegment]]) -> Iterator[bytes]:
    for path, segment in segments:
        _check_size(path, segment)
        found, expected = 0, segment.tar_size or 0
        try:
            with naming(path), path.open("rb") as stream:
                tar = open_tar_stream(stream, expected)
                while piece := tar.read():
                    found += len(piece)
                    yield piece
        except DamagedError as e:
            raise _damaged(segment, str(e)) from None
        if found != expected:
            raise _damaged(segment, f"it unpacks to {found} bytes; its index says {expected}")


def _check_size(path: Path, segment: PublishedSegment) -> None:
    with naming(path):
        size = path.stat().st_size
    if size != segment.blob.size:
        raise _damaged(segment, f"it has {size} bytes; its index says {segment.blob.size}")


def _damaged(segment: PublishedSegment, problem: str) -> ArchiveError:
    return ArchiveError(f"The segment of `{segment.source}` is damaged:", [f"{problem}."])
