"""Makes the segments of a runtime's interpreter (verb ``interpreter-segments``)."""

from __future__ import annotations

from pathlib import Path

from venvstacks_rules.actions.archives.source_segments import new_segments
from venvstacks_rules.actions.compiling.stored import add_byte_code
from venvstacks_rules.actions.interpreters.files import write_interpreter
from venvstacks_rules.model.contents.segments import INTERPRETER
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.segments import InterpreterSegments, InterpreterSegmentsRequest


def run(request_text: str) -> InterpreterSegments:
    """Write the segments; raises InterpreterError if the archive is wrong, damaged or hostile."""
    request = from_json(InterpreterSegmentsRequest, request_text)
    with new_segments(
        Path(request.output),
        source=INTERPRETER,
        install_target=request.install_target,
        compression=request.compression,
    ) as writer:
        version = write_interpreter(
            request,
            writer,
            Path.cwd(),
            os_name=request.os_name,
            case_sensitive=request.case_sensitive,
        )
        add_byte_code(request.byte_code, "", writer)
    return InterpreterSegments(writer.segments(), version)
