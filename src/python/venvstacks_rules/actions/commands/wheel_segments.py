"""Makes segments of wheels, from the files that an installer unpacks (``wheel-segments``).

The segments of a wheel are a function of its bytes, the install target, the Python version, the
operating system and the compression.
"""

from __future__ import annotations

from pathlib import Path

from venvstacks_rules.actions.archives.source_segments import SourceSegments, new_segments
from venvstacks_rules.actions.wheels.installed import of_each, write_wheel
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.segments import WheelInput, WheelSegments, WheelSegmentsRequest


def run(request_text: str) -> WheelSegments:
    """Make the segments of a WheelSegmentsRequest.

    Raises WheelError with the problems of all wheels of the request.
    """
    request = from_json(WheelSegmentsRequest, request_text)
    written: list[SourceSegments] = []
    try:
        made = of_each(request.wheels, lambda wheel: _segments(wheel, request, written))
    except BaseException:
        for segments in written:
            segments.remove()
        raise
    return WheelSegments(
        tuple(segment for segments, _ in made for segment in segments),
        tuple(remark for _, remarks in made for remark in remarks),
    )


def _segments(
    wheel: WheelInput, request: WheelSegmentsRequest, written: list[SourceSegments]
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """The segments and the remarks on the wheel; adds the writer of the files to `written`."""
    with new_segments(
        Path(wheel.output),
        source=wheel.file_name,
        install_target=request.install_target,
        compression=request.compression,
    ) as writer:
        layout = LayerLayout(request.python_version, request.os_name)
        remarks = write_wheel(wheel, layout, writer, byte_code=wheel.byte_code)
    written.append(writer)
    return writer.segments(), remarks
