"""Looks at a layer's archive as a layer of a container image (``image-layer``).

The archive's own bytes are the layer. What an image says of them besides their hash is that of the
tar stream, which takes one pass over it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from venvstacks_rules.local.archives.tar_stream import open_tar_stream
from venvstacks_rules.local.files.streams import DamagedError, naming
from venvstacks_rules.model.contents.segment_index import SegmentIndex
from venvstacks_rules.model.errors import ArchiveError, ImageError, first_problems
from venvstacks_rules.model.json_codec import from_json, parsed_json
from venvstacks_rules.model.requests.images import FoundImageLayer, ImageLayerRequest

_WHITEOUT = ".wh."
"""The beginning of names by which a layer of an image removes files of those below."""


def run(request_text: str) -> FoundImageLayer:
    """Do what an ImageLayerRequest asks for.

    Raises ArchiveError for an archive that its index does not describe, and ImageError for files
    that an image cannot have.
    """
    request = from_json(ImageLayerRequest, request_text)
    path, index_path = Path(request.archive), Path(request.index)
    with naming(index_path):
        index = SegmentIndex.from_dict(parsed_json(index_path.read_bytes()), index_path.name)
    _refuse_whiteouts(index)
    size = sum(segment.tar_size or 0 for segment in index.segments)
    hasher, found = hashlib.sha256(), 0
    try:
        with naming(path), path.open("rb") as archive:
            stream = open_tar_stream(archive, size)
            while piece := stream.read():
                hasher.update(piece)
                found += len(piece)
    except DamagedError as e:
        raise ArchiveError(f"`{path.name}` is damaged:", [f"{e}."]) from None
    if found != size:
        problem = f"it unpacks to {found} bytes; its index says {size}."
        raise ArchiveError(f"`{path.name}` is damaged:", [problem])
    return FoundImageLayer(f"sha256:{hasher.hexdigest()}", found)


def _refuse_whiteouts(index: SegmentIndex) -> None:
    found = [
        f"{segment.source}: `{file.path}` would remove a file of the layers below. Leave it out "
        "by `exclude_files`."
        for segment in index.segments
        for file in segment.files
        if any(part.startswith(_WHITEOUT) for part in PurePosixPath(file.path).parts)
    ]
    if found:
        raise ImageError(
            f"`{index.install_target}` cannot be a layer of an image:", first_problems(found)
        )
