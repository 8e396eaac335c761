"""Publishing the stack of examples/sklearn, beside copies of the peer's archives."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Timing
from benchmarks.ours import Ours
from benchmarks.peer import Peer
from benchmarks.places import Bucket, Folder, Place, Registry, started
from benchmarks.stack import write_stack

ADDED = {Folder: "sortedcontainers", Bucket: "tenacity", Registry: "colorama"}
"""Packages of 25 to 30 KB, one for each place, so that nothing of it is known there or here."""

_RELEASE = """
venvstacks_release(
    name="release",
    layers=[":classify", ":report"],
    version="{version}",
    channel="stable",
    repositories=["{url}"],
)
"""


@dataclass
class Row:
    """One comparison: values of this tool and of the peer with a copier."""

    name: str
    unit: str = "s"
    goal: float | None = None
    """Of the ratio."""
    goal_text: str = ""
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    def add(self, ours: float, peer: float) -> None:
        """One pair."""
        self.ours.append(ours)
        self.peer.append(peer)
        print(
            f"  {self.name}: {ours:.2f}, peer {peer:.2f} {self.unit}", file=sys.stderr, flush=True
        )

    def text(self) -> str:
        """The row of a table of Markdown."""
        ours, peer = statistics.median(self.ours), statistics.median(self.peer)
        digits = 2 if self.unit == "s" else 0
        goal = self.goal_text or (f"<= {self.goal}" if self.goal else "")
        cells = (f"{value:.{digits}f} {self.unit}" for value in (ours, peer))
        return f"| {self.name} | {' | '.join(cells)} | {ours / peer:.3f} | {goal} |"


@dataclass(frozen=True)
class PeerTimes:
    """What the peer takes before anything is copied, and what there is to copy."""

    publish: float
    """The archives of what is built."""
    idle: float
    """The same again."""
    added: float
    """Lock, build and archives, after a package was added."""
    archives: Path
    archives_after: Path


class Stack:
    """The stack as both tools have it."""

    def __init__(self, root: Path, folder: Path, archive: Path, version: str) -> None:
        self.sources = root / "examples/sklearn"
        self.archive, self.version = archive, version
        self.ours = Ours(root, folder / "ours", folder / "ours/stack")
        self.peer = Peer(folder / "peer", folder / "peer/stack", archive, version)
        self.added: list[str] = []
        self._releases = 0

    def write(self, stack: Path) -> None:
        """The files of the stack, with all that was added."""
        write_stack(
            stack, self.sources, archive=self.archive, version=self.version, added=self.added
        )

    def release(self, url: str, *, add: str | None = None) -> None:
        """Write our stack, with a release of a new version to a repository."""
        self.added += [add] if add else []
        self._releases += 1
        self.write(self.ours.stack)
        with (self.ours.stack / "BUILD").open("a") as build:
            build.write(_RELEASE.format(version=self._releases, url=url))

    def publish(self, place: Place) -> Timing:
        """Publish our release."""
        return self.ours.pants("publish", "//:release", env=place.environment)

    def run_peer(self, uv: str, root: Path, python: str, kept: Path) -> PeerTimes:
        """Build and publish with the peer, before and after a package is added."""
        peer = self.peer
        self.write(peer.stack)
        peer.set_up(uv, root / "benchmarks/peer-requirements.txt", python)
        peer.run("lock")
        peer.run("build")
        publish = peer.run("publish").seconds
        idle = peer.run("publish").seconds
        artifacts = peer.stack / "_artifacts"
        before, after = kept / "before", kept / "after"
        shutil.copytree(artifacts, before)
        self.added = [ADDED[Folder]]
        self.write(peer.stack)
        added = sum(peer.run(*verb).seconds for verb in (("lock",), ("build", "--publish")))
        shutil.copytree(artifacts, after)
        self.added = []
        return PeerTimes(publish, idle, added, before, after)


def measure(stack: Stack, times: PeerTimes, place: Place, noop: float, runs: int) -> list[Row]:
    """All rows of one place."""
    name, copier = place.name, place.copier
    first = Row(f"{name}: first publish; {copier} of archives that are there", goal=1.3)
    whole = Row(f"{name}: the same; `venvstacks publish` and {copier}")
    idle = Row(f"{name}: nothing changed", goal_text=f"< 0.5 s over {noop:.2f} s")
    added = Row(f"{name}: 30 KB package added: lock, build, publish", goal=0.05)
    sent = Row(f"{name}: sent for that", unit="KB", goal_text="< 100 KB")
    label = ""
    for run in range(runs):
        label = f"r{run}"
        stack.release(place.url(label))
        ours = stack.publish(place).seconds
        copied = place.copy(times.archives, label)
        first.add(ours, copied)
        whole.add(ours, times.publish + copied)
        unchanged = stack.publish(place).seconds
        idle.add(unchanged, times.idle + place.copy(times.archives, label))
    with place.counted() as count:
        stack.release(place.url(label), add=ADDED[type(place)])
        ours = stack.ours.lock().seconds + stack.publish(place).seconds
    ours_sent = count.sent
    # ORAS was seen to wait forever behind the relay; files say the same, without headers.
    copied = place.copy(times.archives_after, label)
    copied_size = _new_size(times.archives, times.archives_after)
    added.add(ours, times.added + copied)
    sent.add(ours_sent / 1000, copied_size / 1000)
    return [first, whole, idle, added, sent]


def _new_size(before: Path, after: Path) -> int:
    """The size of the files that differ."""
    files = [path.relative_to(after) for path in after.rglob("*") if path.is_file()]
    old = {file: (before / file).read_bytes() for file in files if (before / file).exists()}
    contents = {file: (after / file).read_bytes() for file in files}
    return sum(len(data) for file, data in contents.items() if old.get(file) != data)


def compare(
    root: Path,
    folder: Path,
    tools: tuple[str, str, Path],
    interpreter: tuple[Path, str],
    runs: int,
) -> tuple[list[Row], float]:
    """All rows of all places, and the seconds of a run of Pants that does nothing.

    `tools` are uv, the peer's Python, and the folder of the programs that copy.
    """
    uv, python, copiers = tools
    stack = Stack(root, folder, *interpreter)
    print(f"The load is {load()}. The peer builds ...", file=sys.stderr)
    times = stack.run_peer(uv, root, python, folder / "archives")
    stack.release((folder / "nowhere").as_uri())
    stack.ours.set_up()
    rows = []
    try:
        stack.ours.start()
        stack.ours.pants("package", "//:release")
        noop = statistics.median(stack.ours.pants("list", "//:").seconds for _ in range(5))
        for kind in (Folder, Bucket, Registry):
            with started(kind, folder / kind.__name__.lower(), copiers) as place:
                rows += measure(stack, times, place, noop, runs)
    finally:
        stack.ours.stop()
    return rows, noop


def table(rows: Sequence[Row]) -> str:
    """The table, as Markdown."""
    lines = [
        "| what | ours | venvstacks 0.7.0 and a copy | ratio | goal |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(row.text() for row in rows)])


def load() -> str:
    """How busy the machine is."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
