"""Deltas of real patch releases: their size beside the wheel, and the time that they take."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.client.fetching.deltas import PatchedFiles
from venvstacks_rules.client.fetching.plan import UsableDelta
from venvstacks_rules.local.files.streams import sha256_of_chunks
from venvstacks_rules.model.contents.compression import compression
from venvstacks_rules.model.repository.indexes import PublishedSegment, listing_bytes
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.patching import SegmentFiles, write_delta

LINUX = ("manylinux_2_17_x86_64", "manylinux2014_x86_64")
MAC = ("macosx_11_0_arm64",)
PAIRS = (
    ("torch", "2.5.0", "2.5.1", MAC),
    ("torch", "2.4.0", "2.4.1", MAC),
    ("numpy", "1.26.3", "1.26.4", LINUX),
    ("numpy", "2.1.2", "2.1.3", LINUX),
    ("scipy", "1.11.3", "1.11.4", LINUX),
)
HEAD = """\
| package | from | to | wheel | segment | delta | of the wheel | made in | applied in | goal |
|---|---|---|---|---|---|---|---|---|---|"""
GOAL = "<= 15 %"


@dataclass(frozen=True)
class Row:
    """One release; sizes in bytes, processor time in seconds."""

    name: str
    before: str
    after: str
    wheel: int
    segment: int
    delta: int
    """With its document."""
    made: float
    applied: float

    def text(self) -> str:
        """As in the table."""
        sizes = " | ".join(
            f"{size / 1e6:.2f} MB" for size in (self.wheel, self.segment, self.delta)
        )
        share = f"{100 * self.delta / self.wheel:.2f} %"
        goal = GOAL if self.name == "torch" else ""
        times = f"{self.made:.1f} s | {self.applied:.1f} s"
        cells = f"{self.name} | {self.before} | {self.after} | {sizes} | {share} | {times}"
        return f"| {cells} | {goal} |"


def measure(uv: str, folder: Path) -> list[Row]:
    """All releases."""
    return [_row(uv, folder / f"{pair[0]}-{pair[2]}", pair) for pair in PAIRS]


def _row(uv: str, folder: Path, pair: tuple[str, str, str, tuple[str, ...]]) -> Row:
    name, before, after, platforms = pair
    old_wheel, new_wheel = (
        _fetched(uv, folder / version, f"{name}=={version}", platforms)
        for version in (before, after)
    )
    old, new = _segment(old_wheel, folder / "old"), _segment(new_wheel, folder / "new")
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    start = time.process_time()
    found = write_delta(old, new, work, new.segment.blob.size)
    made = time.process_time() - start
    if found is None:
        raise ValueError(f"there is no delta of {new_wheel.name}")
    delta, frames = found
    bases = {i: str(work / base.sha256) for i, base in enumerate(delta.bases)}
    start = time.process_time()
    with frames.open("rb") as stream:
        patched = PatchedFiles(UsableDelta(delta, bases), stream)
        for file in delta.files:
            if sha256_of_chunks(patched.content(file)) != (file.sha256, file.size):
                raise ValueError(f"a file of {new_wheel.name} is another one")
    applied = time.process_time() - start
    size = delta.blob.size + len(delta.to_json())
    wheel = new_wheel.stat().st_size
    return Row(name, before, after, wheel, new.segment.blob.size, size, made, applied)


def _fetched(uv: str, folder: Path, requirement: str, platforms: Sequence[str]) -> Path:
    if not folder.exists():
        pip = [uv, "tool", "run", "--quiet", f"--python={sys.executable}", "pip", "download"]
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.11"]
        options += [f"--platform={tag}" for tag in platforms]
        subprocess.run([*pip, *options, f"--dest={folder}", requirement], check=True)
    return next(folder.glob("*.whl"))


def _segment(wheel: Path, path: Path) -> SegmentFiles:
    """A segment with the files of a wheel, at the default level."""
    path.unlink(missing_ok=True)
    with (
        zipfile.ZipFile(wheel) as archive,
        new_segment(
            path, source=wheel.name, install_target="layer", compression=compression("tar.zst")
        ) as writer,
    ):
        for entry in archive.infolist():
            if not entry.is_dir():
                content = [archive.read(entry)]
                writer.add_file(f"site-packages/{entry.filename}", content, entry.file_size)
    made = writer.segment()
    data = path.read_bytes()
    segment = PublishedSegment(
        wheel.name,
        Reference.of(data),
        Reference.of(listing_bytes(made.files)),
        sum(file.size for file in made.files),
        made.tar_size,
    )
    return SegmentFiles(segment, "tar.zst", "layer", made.files, lambda: path.open("rb"))
