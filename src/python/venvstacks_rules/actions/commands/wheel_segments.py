"""Makes segments of wheels, from the files that an installer unpacks (``wheel-segments``).

A wheel's segment is a function of its bytes, the install target, the Python version, the operating
system and the compression.
"""

from __future__ import annotations

from pathlib import Path

from venvstacks_rules.actions.archives.formats import new_segment
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
    written: list[Path] = []
    try:
        made = of_each(request.wheels, lambda wheel: _segment(wheel, request, written))
    except BaseException:
        for path in written:
            path.unlink()
        raise
    return WheelSegments(
        tuple(segment for segment, _ in made),
        tuple(remark for _, remarks in made for remark in remarks),
    )


def _segment(
    wheel: WheelInput, request: WheelSegmentsRequest, written: list[Path]
) -> tuple[Segment, tuple[str, ...]]:
    """The segment and the remarks on the wheel; adds the output to `written`."""
    output = Path(wheel.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with new_segment(
        output,
        source=wheel.file_name,
        install_target=request.install_target,
        compression=request.compression,
    ) as writer:
        layout = LayerLayout(request.python_version, request.os_name)
        remarks = write_wheel(wheel, layout, writer, byte_code=wheel.byte_code)
    written.append(output)
    return writer.segment(), remarks
