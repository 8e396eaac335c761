"""Makes the index of a layer version for a repository (``index-layer``).

It describes the archive that ``assemble-archive`` joins of the same segments, without joining them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from venvstacks_rules.actions.archives.layer_parts import (
    directory_segment,
    listed_segments,
    refuse_clashes,
    write_own_segment,
)
from venvstacks_rules.local.files.streams import naming
from venvstacks_rules.model.contents.segments import Segment, large_file
from venvstacks_rules.model.documents.subjects import segment_subject, with_subjects
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment, listing_bytes
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.requests.index_layer import (
    PROVENANCE,
    IndexedLayer,
    IndexedSegmentFile,
    IndexLayerRequest,
    LayerDocument,
)


def run(request_text: str) -> IndexedLayer:
    """Make the index of an IndexLayerRequest.

    Raises ArchiveError for segments that their results do not describe, and for files of the layer
    that clash; it leaves no files then.
    """
    request = from_json(IndexLayerRequest, request_text)
    output = Path(request.output)
    with naming(output):
        output.mkdir(parents=True, exist_ok=True)
    try:
        return _written(request, output)
    except BaseException:
        shutil.rmtree(output)
        raise


def _written(request: IndexLayerRequest, output: Path) -> IndexedLayer:
    segments = list(listed_segments(request))
    refuse_clashes(segments, request)
    part = output / "own-segment"
    segments.append(write_own_segment(part, request, request.byte_code))
    own, directory = directory_segment(segments, request)
    if directory:
        with part.open("ab") as out:
            out.write(directory)
    os.rename(part, output / own.sha256)
    index = LayerIndex(
        kind=request.kind,
        metadata=request.metadata,
        archive_name=request.archive_name,
        archive_format=request.compression.archive_format,
        compression_level=request.compression.level,
        segments=_published([*segments[:-1], own], output),
        documents={
            document.name: _stored(_content(document, request, [*segments[:-1], own]), output)
            for document in request.documents
        },
    )
    content = index.to_json().encode("utf-8")
    (output / "index.json").write_bytes(content)
    return IndexedLayer(
        hashlib.sha256(content).hexdigest(),
        len(content),
        index.archive_size,
        index.unpacked_size,
        tuple(IndexedSegmentFile(s.path, s.sha256, s.size) for s in segments[:-1]),
    )


def _content(
    document: LayerDocument, request: IndexLayerRequest, segments: Sequence[Segment]
) -> bytes:
    """The document; the provenance is of the segments, which are all known only here."""
    content = Path(document.path).read_bytes()
    if document.name != PROVENANCE:
        return content
    subjects = (
        (
            segment_subject(request.archive_name, segment.source, large_file(segment.files)),
            segment.sha256,
        )
        for segment in segments
    )
    return with_subjects(content, subjects).encode("utf-8")


def _published(segments: Sequence[Segment], output: Path) -> tuple[PublishedSegment, ...]:
    return tuple(
        PublishedSegment(
            source=segment.source,
            blob=Reference(segment.sha256, segment.size),
            files=_stored(listing_bytes(segment.files), output),
            unpacked_size=sum(file.size for file in segment.files),
            tar_size=segment.tar_size,
            large_file=large_file(segment.files),
        )
        for segment in segments
    )


def _stored(content: bytes, output: Path) -> Reference:
    reference = Reference.of(content)
    # Two segments may have the same list.
    (output / reference.sha256).write_bytes(content)
    return reference
