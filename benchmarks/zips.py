"""A zip archive spliced from large wheels, compared with ``cp`` of the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import timed

# 354 MB: one wheel with ten thousand files, others with a few large libraries.
WHEELS = (
    "tensorflow-cpu==2.18.0",
    "pyarrow==17.0.0",
    "scipy==1.14.1",
    "polars==1.9.0",
    "pandas==2.2.3",
    "scikit-learn==1.5.2",
)
GOAL = 0.5
_TARGET = "framework-large"
_COMPRESSION = {"archive_format": "zip", "level": 5}


@dataclass(frozen=True)
class Row:
    """Something that was measured beside ``cp`` of what it wrote."""

    name: str
    seconds: tuple[float, ...]
    copies: tuple[float, ...]
    goal: float | None = None

    def text(self) -> str:
        """As in the table; the ratio is that of the speeds."""
        ours, copy = statistics.median(self.seconds), statistics.median(self.copies)
        goal = "" if self.goal is None else f">= {self.goal}"
        return f"| {self.name} | {ours:.2f} s | {copy:.2f} s | {copy / ours:.2f} | {goal} |"


def fetch(uv: str, folder: Path) -> list[Path]:
    """Download the wheels, of Linux x86_64 whatever this machine is."""
    if not folder.exists():
        tags = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
        pip = [uv, "tool", "run", "--quiet", f"--python={sys.executable}", "pip", "download"]
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.11"]
        options += [f"--platform={tag}" for tag in tags]
        subprocess.run([*pip, *options, f"--dest={folder}", *WHEELS], check=True)
    return sorted(folder.glob("*.whl"))


class Archive:
    """A layer of the wheels, made in `folder` by the actions, each in a process of its own."""

    def __init__(self, folder: Path, wheels: Sequence[Path]) -> None:
        self._folder = folder
        self.wheels = list(wheels)
        self._results = [f"segments/{path.stem}" for path in wheels]
        self.path = folder / "archive.zip"

    def make_segments(self) -> float:
        """Check and splice all wheels, each in a process of its own as large ones are; seconds."""
        shutil.rmtree(self._folder / "segments", ignore_errors=True)
        return sum(map(self._make_segment, self.wheels, self._results))

    def _make_segment(self, path: Path, result: str) -> float:
        wheel = {
            "path": str(path),
            "file_name": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
            "output": f"{result}/segment",
        }
        request: dict[str, object] = {
            "wheels": [wheel],
            "python_version": "3.11",
            "os_name": "posix",
            "install_target": _TARGET,
            "compression": _COMPRESSION,
        }
        seconds, output = self._action("wheel-segments", request)
        (self._folder / result / "result.json").write_text(output)
        return seconds

    def assemble(self, *, hashed: bool = False, empty: bool = False) -> float:
        """Join the segments, or none of them; seconds. As `package` does, unless it is `hashed`."""
        names = {"archive": self.path.name}
        if hashed:
            names.update(metadata_file="m.json", segments_file="s.json")
        else:
            names["listing_file"] = "s.json"
        for name in names.values():
            (self._folder / name).unlink(missing_ok=True)
        request: dict[str, object] = {
            "target": "the benchmark",
            "install_target": _TARGET,
            "results": [] if empty else [f"{result}/result.json" for result in self._results],
            "files": [],
            "links": [],
            "compression": _COMPRESSION,
            "metadata": {},
            "os_name": "posix",
            "case_sensitive": True,
            "segments_are_checked": not hashed,
            **names,
        }
        return self._action("assemble-archive", request)[0]

    def copy(self, sources: Sequence[Path]) -> float:
        """``cp`` the files into a folder of the same file system; seconds."""
        destination = self._folder / "copies"
        shutil.rmtree(destination, ignore_errors=True)
        destination.mkdir()
        # What was written before is not to be written to the disk at the cost of what is measured.
        os.sync()
        return timed(["cp", *map(str, sources), str(destination)], cwd=self._folder).seconds

    def copy_to_disk(self) -> float:
        """``cp`` the archive, and wait until the disk has it; seconds."""
        return self.copy([self.path]) + _flush(self._folder / "copies" / self.path.name)

    def assemble_to_disk(self) -> float:
        """Join the segments, and wait until the disk has the archive; seconds."""
        return self.assemble() + _flush(self.path)

    def _action(self, verb: str, request: dict[str, object]) -> tuple[float, str]:
        path = self._folder / f"{verb}.json"
        path.write_text(json.dumps(request))
        command = [sys.executable, "-m", "venvstacks_rules.actions", verb, "--request", str(path)]
        os.sync()
        start = time.perf_counter()
        done = subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.PIPE)
        return time.perf_counter() - start, done.stdout.decode()


def _flush(path: Path) -> float:
    start = time.perf_counter()
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    return time.perf_counter() - start


def measure(uv: str, folder: Path, runs: int) -> tuple[list[Row], int]:
    """The rows of the table, and the size of the archive in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = Archive(folder, fetch(uv, folder / "wheels"))
    archive.make_segments()
    archive.assemble()
    size = archive.path.stat().st_size
    measured: dict[str, list[float]] = {}

    def note(name: str, what: Callable[[], float]) -> None:
        measured.setdefault(name, []).append(what())
        print(f"  {name}: {measured[name][-1]:.2f}", file=sys.stderr, flush=True)

    for _ in range(runs):
        note("start", lambda: archive.assemble(empty=True))
        note("assemble", archive.assemble)
        note("copy", lambda: archive.copy([archive.path]))
        note("assemble to disk", archive.assemble_to_disk)
        note("copy to disk", archive.copy_to_disk)
        note("assemble, hashed", lambda: archive.assemble(hashed=True))
        note("segments", archive.make_segments)
        note("copy of wheels", lambda: archive.copy(archive.wheels))
    start = statistics.median(measured["start"])
    copies = tuple(measured["copy"])
    writing = tuple(seconds - start for seconds in measured["assemble"])
    return [
        Row("write the archive", writing, copies, GOAL),
        Row("the same, with the start of the process", tuple(measured["assemble"]), copies),
        Row(
            "the same, until the disk has it",
            tuple(measured["assemble to disk"]),
            tuple(measured["copy to disk"]),
        ),
        Row("with everything hashed", tuple(measured["assemble, hashed"]), copies),
        Row("splice the wheels", tuple(measured["segments"]), tuple(measured["copy of wheels"])),
    ], size
