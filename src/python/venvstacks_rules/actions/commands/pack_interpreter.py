"""Captures an installed CPython as a relocatable archive (verb ``pack-interpreter``).

The bytes of the archive depend on the content of the installation only.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from venvstacks_rules.actions.archives.tar_writer import SegmentWriter
from venvstacks_rules.actions.interpreters.capture import Capture, CapturedFile, capture_of
from venvstacks_rules.actions.interpreters.probe import Installation, not_captured, probe
from venvstacks_rules.actions.interpreters.relocation import changed_files
from venvstacks_rules.local.files.streams import chunks
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.segments import INTERPRETER
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.interpreters import (
    FoundInterpreter,
    PackedInterpreter,
    PackInterpreterRequest,
)

# The archive is read once, on the same machine: speed matters more than size.
_COMPRESSION = Compression("tar.zst", 1)


def run(request_text: str) -> PackedInterpreter:
    """Write the archive; raises InterpreterError if the installation cannot be captured."""
    request = from_json(PackInterpreterRequest, request_text)
    found, capture = _checked(request.found)
    output = Path(request.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        changed = changed_files(found, capture, Path(folder))
        with SegmentWriter(
            output,
            source=INTERPRETER,
            install_target="python",
            compression=_COMPRESSION,
            end_of_archive=True,
        ) as writer:
            for file in capture.files:
                _add(writer, file, changed.get(file.path))
    segment = writer.segment()
    return PackedInterpreter(request.output, segment.sha256, segment.size)


def _checked(announced: FoundInterpreter) -> tuple[Installation, Capture]:
    """The installation and its capture; raises InterpreterError if it changed."""
    found = probe(announced.executable)
    if found is not None and found.python_version == announced.python_version:
        planned, fingerprint = capture_of(found)
        if fingerprint == announced.fingerprint:
            return found, planned
    raise not_captured(
        announced, "the installation changed after it was found; start the build again"
    )


def _add(writer: SegmentWriter, file: CapturedFile, changed: Path | None) -> None:
    if file.link_target is not None:
        writer.add_link(file.path, file.link_target)
        return
    if file.text is not None:
        content = file.text.encode("utf-8")
        writer.add_file(file.path, [content], len(content), executable=file.executable)
        return
    source = changed if changed is not None else Path(file.source or "")
    with source.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        writer.add_file(file.path, chunks(stream), size, executable=file.executable)
