"""The parts of a small layer, as the actions see them that join or index them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.support.wheels import FILE_NAME, wheel_bytes
from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.actions.commands import wheel_segments
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.segments import (
    InterpreterSegments,
    WheelInput,
    WheelSegmentsRequest,
)

LEVELS = {"tar.zst": 3, "tar.xz": 0, "tar.gz": 1, "zip": 1}
TARGET = "framework-demo"


def make_segments(folder: Path, compression: Compression) -> tuple[str, ...]:
    """An interpreter's result and that of a wheel, in folders of their own."""
    for name in ("python", "wheels"):
        (folder / name).mkdir(parents=True)
    with new_segment(
        folder / "python/python.seg",
        source="interpreter",
        install_target=TARGET,
        compression=compression,
    ) as writer:
        writer.add_file("bin/python3.11", [b"elf"], 3, executable=True)
        writer.add_link("bin/python3", "python3.11")
    interpreter = InterpreterSegments((writer.segment(),), "3.11.13")
    (folder / "python/result.json").write_text(to_json(interpreter))
    wheel = wheel_bytes({"demo.py": b"import rich\n"})
    (folder / FILE_NAME).write_bytes(wheel)
    wheel_input = WheelInput(
        str(folder / "wheels/demo.seg"),
        str(folder / FILE_NAME),
        FILE_NAME,
        hashlib.sha256(wheel).hexdigest(),
        len(wheel),
    )
    request = WheelSegmentsRequest((wheel_input,), "3.11", "posix", TARGET, compression)
    (folder / "wheels/result.json").write_text(to_json(wheel_segments.run(to_json(request))))
    return str(folder / "python/result.json"), str(folder / "wheels/result.json")


def layer_parts(folder: Path, archive_format: str = "tar.zst") -> dict[str, Any]:
    """The fields of a LayerPartsRequest; `folder` gets the files."""
    compression = Compression(archive_format, LEVELS[archive_format])
    folder.mkdir(exist_ok=True)
    (folder / "own.py").write_bytes(b"print()\n")
    (folder / "own.py").chmod(0o777)
    return {
        "target": "//demo:demo",
        "install_target": TARGET,
        "results": make_segments(folder, compression),
        "files": (
            OwnFile("postinstall.py", source=str(folder / "own.py")),
            OwnFile("bin/python_w", text="#!/bin/bash\nü\n", executable=True),
        ),
        "os_name": "posix",
        "case_sensitive": True,
        "links": (OwnLink("bin/python", "../../cpython/bin/python3.11"),),
        "compression": compression,
        "metadata": {
            "layer_name": TARGET,
            "install_target": TARGET,
            "runtime_layer": "cpython",
            "target_platform": "linux_x86_64",
        },
    }
