"""Makes the segment of a large file of a layer's own code (``file-segment``).

All other files of the layer itself have one segment together, which is made with the archive.
"""

from __future__ import annotations

import os
from pathlib import Path

from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.local.files.streams import chunks
from venvstacks_rules.model.contents.segments import OWN_FILES
from venvstacks_rules.model.errors import RequestError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.segments import FileSegment, FileSegmentRequest
from venvstacks_rules.model.values import replace


def run(request_text: str) -> FileSegment:
    """Make the segment of a FileSegmentRequest."""
    request = from_json(FileSegmentRequest, request_text)
    file, output = request.file, Path(request.output)
    if file.source is None:
        raise RequestError(f"`{file.path}`: set `source`")
    with Path(file.source).open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        output.parent.mkdir(parents=True, exist_ok=True)
        with new_segment(
            output,
            source=OWN_FILES,
            install_target=request.install_target,
            compression=request.compression,
        ) as writer:
            writer.add_file(file.path, chunks(stream), size, executable=file.executable)
    return FileSegment((replace(writer.segment(), path=output.as_posix()),))
