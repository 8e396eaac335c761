"""Makes layers that are zip archives, of wheels made in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tests.support.wheels import METADATA, wheel_bytes
from venvstacks_rules.actions.commands import assemble_archive, wheel_segments
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest
from venvstacks_rules.model.requests.segments import WheelInput, WheelSegmentsRequest

TARGET = "framework-x"
SITE = f"{TARGET}/lib/python3.11/site-packages"
ZIP = Compression("zip", 6)
SOURCE = "".join(f"def f{n}():\n    return {n * n}\n" for n in range(500)).encode()


def segments(folder: Path, wheels: dict[str, bytes], compression: Compression = ZIP) -> str:
    """Make the segments of wheels; the path of their result."""
    inputs = []
    (folder / "out").mkdir(parents=True)
    for name, data in wheels.items():
        (folder / name).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        output = str(folder / "out" / f"{name}.segment")
        inputs.append(WheelInput(output, str(folder / name), name, sha256, len(data)))
    request = WheelSegmentsRequest(
        wheels=tuple(inputs),
        python_version="3.11",
        os_name="posix",
        install_target=TARGET,
        compression=compression,
    )
    result = wheel_segments.run(to_json(request))
    (folder / "out/result.json").write_text(to_json(result))
    return str(folder / "out/result.json")


def request_of(
    folder: Path, results: Sequence[str], compression: Compression = ZIP
) -> AssembleArchiveRequest:
    return AssembleArchiveRequest(
        target="//x:x",
        install_target=TARGET,
        results=tuple(results),
        files=(OwnFile("share/note.txt", text="Grüße\n" * 99), OwnFile("run", "#!", None, True)),
        links=(OwnLink("bin/python", "../../cpython/bin/python3.11"), OwnLink("lib64", "lib")),
        compression=compression,
        metadata={},
        os_name="posix",
        case_sensitive=True,
        archive=str(folder / f"{TARGET}.{compression.archive_format}"),
        metadata_file=str(folder / "metadata.json"),
        segments_file=str(folder / "segments.json"),
    )


def assemble(request: AssembleArchiveRequest) -> Path:
    assemble_archive.run(to_json(request))
    return Path(request.archive)


def wheel(files: dict[str, bytes], name: str = "demo") -> bytes:
    metadata = METADATA.replace("demo", name)
    return wheel_bytes(files, metadata=metadata, dist_info=f"{name}-1.0.dist-info")


def name_of(distribution: str) -> str:
    return f"{distribution}-1.0-py3-none-any.whl"
