"""``benchmarks/run``: what it compares, in parts; tables of medians and ratios."""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from benchmarks import (
    action_start,
    app_start,
    before,
    deltas,
    installing,
    monorepo,
    places,
    platforms,
    pruning,
    publish,
    uploads,
    versions,
    zips,
)
from benchmarks.first_command import first_command
from benchmarks.measure import MemoryWatch
from benchmarks.ours import Ours
from benchmarks.peer import Peer
from benchmarks.stack import ADDED_REQUIREMENT, PYTHON, edit_launch_module, write_stack

ROOT = Path(__file__).resolve().parent.parent
RELEASE_LEVEL = 19
_STARTS = 100

Figures = dict[str, Any]
"""What goes to the file of option ``--json``."""

GOALS = {
    "build and publish, nothing cached (tar.zst)": 0.15,
    "build and publish, nothing cached (tar.xz)": 0.6,
    "nothing changed": 0.15,
    "launch module edited": 0.03,
    "one small package added, lock and package": 0.12,
    "deploy": 0.6,
    "total size (tar.zst, default level)": 1.25,
    f"total size (tar.zst, level {RELEASE_LEVEL})": 1.08,
    "total size (tar.xz)": 1.03,
}

MONOREPO_GOALS = {
    "package ::, nothing changed": "< 3 s",
    "package ::, one library file edited": "< 2 s",
    "check ::": "< 5 s",
    "memory of the daemon, MB": "< 1000 MB",
}


def action(folder: Path, verb: str, request: dict[str, object]) -> dict[str, Any]:
    """Run one of our actions in `folder`."""
    path = folder / f"{verb}.json"
    path.write_text(json.dumps(request))
    command = [sys.executable, "-m", "venvstacks_rules.actions", verb, "--request", str(path)]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def find(folder: Path, version: str) -> dict[str, Any]:
    """A CPython X.Y of this machine."""
    return action(
        folder, "find-interpreter", {"target": "the benchmark", "python_version": version}
    )


def interpreter(folder: Path) -> tuple[Path, str]:
    """A CPython of this machine as an archive that both tools can read, and its version."""
    found = find(folder, PYTHON)
    packed = folder / "interpreter.tar.zst"
    packed.unlink(missing_ok=True)
    action(folder, "pack-interpreter", {"found": found, "output": packed.name})
    archive = folder / f"cpython-{found['python_version']}-install_only.tar.gz"
    with zstandard.open(packed, "rb") as tar, gzip.open(archive, "wb", 6) as out:
        shutil.copyfileobj(tar, out)
    return archive, str(found["python_version"])


class Series:
    """Alternating runs, and what they measured."""

    def __init__(self, runs: int) -> None:
        self.runs = runs
        self.rows: dict[str, dict[str, list[float]]] = {}

    def add(self, name: str, ours: float | None, peer: float | None) -> None:
        """One pair of values; None where a tool was not run this time."""
        row = self.rows.setdefault(name, {"ours": [], "peer": []})
        for side, value in (("ours", ours), ("peer", peer)):
            if value is not None:
                row[side].append(value)
                print(f"  {name}: {side} {value:.2f}", file=sys.stderr, flush=True)


def total_megabytes(archives: list[Path]) -> float:
    """The size of all archives."""
    return sum(archive.stat().st_size for archive in archives) / 1e6


def measure(series: Series, ours: Ours, peer: Peer, write: Callable[..., None]) -> dict[str, int]:
    """All runs; the peaks of memory by action."""
    scratch = ours.stack.parent
    zst = "build and publish, nothing cached (tar.zst)"
    with MemoryWatch("_actions/__main__.py") as memory:
        for run in range(series.runs):
            peer.forget_wheels()
            peer.forget_builds()
            cold_peer = peer.run("build", "--publish").seconds
            ours.forget_builds()
            cold_ours = ours.package().seconds
            series.add(zst, cold_ours, cold_peer)
            series.add(
                "total size (tar.zst, default level)",
                total_megabytes(ours.archives()),
                total_megabytes(peer.archives()),
            )
            idle = peer.run("build", "--publish").seconds
            series.add("nothing changed", ours.package().seconds, idle)
            series.add(
                "deploy", ours.deploy(scratch / "deployed"), peer.deploy(scratch / "deployed")
            )
            for folder in (ours.stack, peer.stack):
                edit_launch_module(folder, run)
            edited = peer.run("build", "--clean", "--publish").seconds
            series.add("launch module edited", ours.package().seconds, edited)

            write(added=True)
            added = peer.run("lock").seconds + peer.run("build", "--publish").seconds
            series.add(
                "one small package added, lock and package",
                ours.lock().seconds + ours.package().seconds,
                added,
            )
            write(added=False)
            peer.run("lock")
            ours.lock()

            ours.forget_builds()
            series.add(
                "build and publish, nothing cached (tar.xz)",
                ours.package("tar.xz").seconds,
                cold_peer,
            )
            series.add(
                "total size (tar.xz)",
                total_megabytes(ours.archives()),
                series.rows["total size (tar.zst, default level)"]["peer"][-1],
            )
        ours.forget_builds()
        ours.package("tar.zst", RELEASE_LEVEL)
        series.add(
            f"total size (tar.zst, level {RELEASE_LEVEL})",
            total_megabytes(ours.archives()),
            series.rows["total size (tar.zst, default level)"]["peer"][-1],
        )
    return memory.peaks


def report(series: Series, peaks: dict[str, int]) -> str:
    """The table, as Markdown."""
    lines = ["| what | ours | venvstacks 0.7.0 | ratio | goal |", "|---|---|---|---|---|"]
    for name, goal in GOALS.items():
        row = series.rows[name]
        ours, peer = statistics.median(row["ours"]), statistics.median(row["peer"])
        unit = "MB" if "size" in name else "s"
        lines.append(
            f"| {name} | {ours:.2f} {unit} | {peer:.2f} {unit} | {ours / peer:.3f} | <= {goal} |"
        )
    worst = max(peaks, key=lambda verb: peaks[verb], default="none")
    lines += ["", f"Peak memory of one process: {peaks.get(worst, 0)} MB (`{worst}`)."]
    return "\n".join(lines)


def compare(folder: Path, archive: Path, version: str, options: argparse.Namespace) -> Figures:
    """The part ``peer``: both tools on the same stack."""
    stacks = {"ours": folder / "ours/stack", "peer": folder / "peer/stack"}

    def write(added: bool) -> None:
        for stack in stacks.values():
            write_stack(
                stack,
                ROOT / "examples/sklearn",
                archive=archive,
                version=version,
                added=(ADDED_REQUIREMENT,) if added else (),
            )

    write(added=False)
    ours = Ours(ROOT, folder / "ours", stacks["ours"])
    peer = Peer(folder / "peer", stacks["peer"], archive, version)
    print("Setting both tools up ...", file=sys.stderr)
    peer_python = str(find(folder, "3.12")["executable"])
    peer.set_up(options.uv, ROOT / "benchmarks/peer-requirements.txt", peer_python)
    peer.run("lock")
    ours.set_up()
    series = Series(options.runs)
    try:
        peaks = measure(series, ours, peer, write)
    finally:
        ours.stop()
    print(report(series, peaks))
    return {"runs": series.rows, "goals": GOALS, "peak_memory_mb": peaks}


def every_platform(
    folder: Path, archive: Path, version: str, options: argparse.Namespace
) -> Figures:
    """The part ``platforms``: all target platforms from one machine."""
    print("Fetching the wheels of all platforms ...", file=sys.stderr)
    pairs = platforms.measure(ROOT, folder, archive, version, options.runs)
    every, native = (statistics.median(values) for values in zip(*pairs))
    count = len(platforms.PLATFORMS)
    print(f"\n| what | {count} platforms | one | ratio | goal |\n|---|---|---|---|---|")
    ratio = every / native
    print(f"| package, wheels fetched | {every:.1f} s | {native:.1f} s | {ratio:.2f} | <= 5 |")
    return {"every_platform_s": pairs}


def spliced_zip(folder: Path, archive: Path, version: str, options: argparse.Namespace) -> Figures:
    """The part ``zip``: a zip archive of large wheels."""
    del archive, version
    rows, size = zips.measure(options.uv, folder / "zip", options.runs)
    print(f"\n| zip archive, {size / 1e6:.0f} MB | ours | cp | speed of cp | goal |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(row.text())
    figures = {row.name: {"ours": row.seconds, "cp": row.copies} for row in rows}
    return {"zip_s": figures, "zip_bytes": size}


def fresh_machine(
    folder: Path, archive: Path, version: str, options: argparse.Namespace
) -> Figures:
    """The part ``first``: the README's first command on a fresh machine."""
    del archive, version, options
    parts = first_command(ROOT, folder / "fresh")
    print("\n| first command on a fresh machine | s |\n|---|---|")
    for name, seconds in parts.items():
        print(f"| {name} | {seconds:.1f} |")
    return {"first_command_s": parts}


def first_before(folder: Path, archive: Path, version: str, options: argparse.Namespace) -> Figures:
    """The part ``before``: the first archives now, and before the actions' own environment."""
    del archive, version
    rows = before.first_archives(ROOT, folder / "before", options.runs)
    print(f"\n{before.table(rows)}\n\nLoad: {publish.load()}.")
    return {"before": {name: [list(map(vars, side)) for side in row] for name, row in rows.items()}}


def start_of_actions(
    folder: Path, archive: Path, version: str, options: argparse.Namespace
) -> Figures:
    """The part ``start``: how long each action takes to start."""
    del archive, version
    found = action_start.measure(ROOT, folder / "start", options.rules_python, 20)
    print(f"\n{action_start.table(found)}")
    return {"action_start_ms": found}


def start_of_applications(
    folder: Path, archive: Path, version: str, options: argparse.Namespace
) -> Figures:
    """The part ``launch``: the start of Python in sealed layers, and in the peer's."""
    stack = folder / "launch/stack"
    write_stack(stack, ROOT / "examples/sklearn", archive=archive, version=version)
    build = (stack / "BUILD").read_text()
    kinds = ("runtime", "framework", "application")
    for kind in kinds:
        build = build.replace(f"venvstacks_{kind}(", f"venvstacks_{kind}(sealed=True, ")
    (stack / "BUILD").write_text(build)
    ours = Ours(ROOT, folder / "launch", stack)
    peer = Peer(folder / "launch/peer", folder / "launch/peer/stack", archive, version)
    (folder / "launch/peer").mkdir(parents=True)
    peer_python = str(find(folder, "3.12")["executable"])
    peer.set_up(options.uv, ROOT / "benchmarks/peer-requirements.txt", peer_python)
    try:
        ours.set_up()
        ours.package()
    finally:
        ours.stop()
    found = app_start.measure(folder / "launch", ours, peer, _STARTS)
    print(f"\n{app_start.HEAD}")
    for start, base in found:
        print(start.row(base))
    return {"app_start_s": {start.name: start.processor for start, _ in found}}


def many_layers(folder: Path, archive: Path, version: str, options: argparse.Namespace) -> Figures:
    """The part ``monorepo``: many small layers with first-party code, and a third of that."""
    del archive, version
    few, many = options.layers // 3, options.layers
    found = {n: monorepo.measure(ROOT, folder / f"repo{n}", n, options.runs) for n in (few, many)}
    print(f"\n| monorepo | {few} layers | {many} layers | goal |\n|---|---|---|---|")
    for name, values in found[many].items():
        unit = "MB" if name.endswith("MB") else "s"
        cells = [f"{statistics.median(rows):.2f} {unit}" for rows in (found[few][name], values)]
        print(f"| {name} | {' | '.join(cells)} | {MONOREPO_GOALS.get(name, '')} |")
    return {"monorepo": found}


def publishing(folder: Path, archive: Path, version: str, options: argparse.Namespace) -> Figures:
    """The part ``publish``: repositories beside copies of archives."""
    python = str(find(folder, "3.12")["executable"])
    requirements = ROOT / "benchmarks/copiers-requirements.txt"
    copiers = places.install_copiers(options.uv, requirements, folder / "copiers", python)
    tools = (options.uv, python, copiers)
    rows, noop = publish.compare(ROOT, folder / "publish", tools, (archive, version), options.runs)
    print(f"\n{publish.table(rows)}\n\nPants alone: {noop:.2f} s. Load: {publish.load()}.")
    bare = uploads.measure(ROOT, folder / "uploads", options.runs)
    print(f"\n{uploads.table(bare)}")
    pruned = pruning.measure(ROOT, folder / "prune")
    released = monorepo.measure_release(ROOT, folder / "release", options.layers, options.runs)
    print("\n| what | s |\n|---|---|")
    for name, seconds in pruned.items():
        print(f"| {name}, {pruning.BLOBS} blobs | {seconds:.2f} |")
    for name, values in released.items():
        print(f"| release of {options.layers} layers: {name} | {statistics.median(values):.2f} |")
    compared = {row.name: {"ours": row.ours, "peer": row.peer} for row in rows}
    both = {"ours": bare.ours, "rsync": bare.copies}
    stored = {name: [vars(one) for one in each] for name, each in both.items()}
    return {"publish": compared, "uploads": stored, "prune": pruned, "release": released}


def installed(folder: Path, archive: Path, version: str, options: argparse.Namespace) -> Figures:
    """The part ``install``: the client beside the peer's deployment and uv."""
    tools = (options.uv, str(find(folder, "3.12")["executable"]))
    place, interpreter = folder / "install", (archive, version)
    rows = installing.measure(ROOT, place, interpreter, tools, options.runs)
    print(f"\n{installing.table(rows)}\n\nLoad: {publish.load()}.")
    return {"install": {row.name: {"values": row.values, "base": row.base} for row in rows}}


def monthly(folder: Path, archive: Path, version: str, options: argparse.Namespace) -> Figures:
    """The part ``versions``: what ten versions weigh in a repository."""
    del options
    found, of_deltas, (nine, three) = versions.measure(ROOT, folder / "versions", archive, version)
    print("\n| month | archives | sent | repository |\n|---|---|---|---|")
    for month, *sizes in found:
        print(f"| {month} | {' | '.join(f'{size:.1f} MB' for size in sizes)} |")
    archives, stored = sum(row[1] for row in found), found[-1][3]
    print(f"\nIn all {stored:.0f} MB of {archives:.0f} MB: {stored / archives:.3f}; without deltas "
          f"{(stored - of_deltas) / archives:.3f} (goal: <= 0.40).")  # fmt: skip
    print(f"\n{nine.beside(three)}")
    kept_mb = {"nine": vars(nine), "three": vars(three)}
    return {"versions_mb": found, "deltas_mb": of_deltas, "kept_mb": kept_mb}


def patch_releases(
    folder: Path, archive: Path, version: str, options: argparse.Namespace
) -> Figures:
    """The part ``deltas``: what patch releases of large packages move."""
    del archive, version
    rows = deltas.measure(options.uv, folder / "deltas")
    print("\n".join(["", deltas.HEAD, *(row.text() for row in rows)]))
    return {"deltas": [vars(row) for row in rows]}


PARTS = {
    "peer": compare,
    "platforms": every_platform,
    "zip": spliced_zip,
    "first": fresh_machine,
    "before": first_before,
    "start": start_of_actions,
    "launch": start_of_applications,
    "monorepo": many_layers,
    "publish": publishing,
    "install": installed,
    "versions": monthly,
    "deltas": patch_releases,
}
ON_DEMAND = ("versions", "deltas", "before")


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each measurement (default: 3)")
    parser.add_argument("--layers", type=int, default=300, help="of the monorepo (default: 300)")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part (default: most)")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--folder", type=Path, help="scratch space to keep (default: temporary)")
    parser.add_argument("--uv", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rules-python", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    machine = {"system": platform.platform(), "python": platform.python_version()}
    figures: Figures = {"machine": machine}
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        archive, version = interpreter(folder)
        for name, part in PARTS.items():
            if name in (options.only or set(PARTS) - set(ON_DEMAND)):
                figures.update(part(folder, archive, version, options))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
