"""The start of Python in an application with three layers below it: sealed layers, and the peer's.

The same wheels and the same interpreter for both; the peer's layers are ours with what it would
have written into them: its `sitecustomize.py` and `pyvenv.cfg`, by its own `postinstall.py`, and
its script in place of the link to the interpreter.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ours import Ours
from benchmarks.peer import Peer

APPLICATION, RUNTIME = "app-report", "cpython"
_LAYERS = (RUNTIME, "framework-sklearn", "framework-http", APPLICATION)
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}

# What the peer does when it links an environment, with its own text.
_WRAP = """\
import sys
from pathlib import Path
from venvstacks.stacks import LayeredEnvBase
layers, application, *lower = map(Path, sys.argv[1:])
python = layers / application / "bin/python"
target = python.readlink()
python.with_name("python_").symlink_to(target)
python.unlink()
folders = [layers / below / "share/venv/dynlib" for below in lower]
python.write_text(LayeredEnvBase._generate_python_sh(python, "python_", folders))
python.chmod(0o755)
"""


@dataclass
class Start:
    """One way to start Python, and what it takes."""

    name: str
    command: list[str]
    wall: list[float]
    processor: list[float]
    calls: Mapping[str, int]
    """System calls of the whole start, by name."""

    def row(self, base: Start | None) -> str:
        """A row of the table."""
        cpu, wall = (min(values) * 1e3 for values in (self.processor, self.wall))
        more = ""
        if base is not None:
            middle = (statistics.median(x.processor) for x in (self, base))
            more = f"{next(middle) * 1e3 - next(middle) * 1e3:+.2f}"
        stats = sum(count for name, count in self.calls.items() if "stat" in name)
        calls = self.calls["total"], stats, self.calls.get("openat", 0)
        shown = " | ".join(str(count) for count in calls)
        return f"| {self.name} | {cpu:.1f} ms | {more} | {wall:.1f} ms | {shown} |"


HEAD = (
    "| `python -c pass` | processor | more than its own interpreter, ms | wall | calls | stat "
    "| open |\n|---|---|---|---|---|---|---|"
)


def measure(folder: Path, ours: Ours, peer: Peer, runs: int) -> list[tuple[Start, Start | None]]:
    """Each start, and the bare interpreter to compare it with."""
    sealed, theirs = folder / "sealed", folder / "peer-layers"
    for place in (sealed, theirs):
        place.mkdir(parents=True)
        for archive in ours.archives():
            if archive.name.split(".tar.")[0] in _LAYERS:
                command = ["tar", "--zstd", "-xf", str(archive), "-C", str(place)]
                subprocess.run(command, check=True)
    _make_peers(theirs, peer)
    chain_only = theirs / APPLICATION / "bin/python_"
    starts = {
        name: Start(name, [str(python), "-c", "pass"], [], [], {})
        for name, python in (
            ("bare interpreter", sealed / RUNTIME / "bin/python"),
            ("sealed layers", sealed / APPLICATION / "bin/python"),
            ("the peer's interpreter", theirs / RUNTIME / "bin/python"),
            ("the peer's layers", theirs / APPLICATION / "bin/python"),
            ("the same without its script", chain_only),
        )
    }
    # Alternating, so that what else the machine does concerns all.
    for _ in range(runs):
        for start in starts.values():
            _time(start)
    for start in starts.values():
        start.calls = _calls(start.command)
    bare, own, base, whole, chain = starts.values()
    return [(bare, None), (own, bare), (base, None), (whole, base), (chain, base)]


def _make_peers(layers: Path, peer: Peer) -> None:
    """Make of sealed layers what the peer deploys."""
    for name in _LAYERS:
        (site,) = (layers / name).glob("lib/python*/site-packages")
        for file in (*site.glob("0000_venvstacks_chain*"), *site.glob("_venvstacks_chain_*")):
            file.unlink()
        for cache in sorted((layers / name).rglob("__pycache__")):
            shutil.rmtree(cache)
        (layers / name / "pyvenv.cfg").unlink(missing_ok=True)
    peer.write_layer(layers, _WRAP, [APPLICATION, *_LAYERS[:-1]])
    python = str(layers / RUNTIME / "bin/python")
    for name in _LAYERS:
        shutil.copy(peer.postinstall, layers / name / "postinstall.py")
        command = [python, "-I", str(layers / name / "postinstall.py")]
        # It says what does not compile, and fails for it.
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


def _time(start: Start) -> None:
    began = time.perf_counter()
    pid = os.posix_spawn(start.command[0], start.command, _ENVIRONMENT)
    _, status, usage = os.wait4(pid, 0)
    start.wall.append(time.perf_counter() - began)
    start.processor.append(usage.ru_utime + usage.ru_stime)
    if status != 0:
        raise SystemExit(f"{' '.join(start.command)} failed")


def _calls(command: Sequence[str]) -> dict[str, int]:
    # It is where the machine has it.
    done = subprocess.run(
        ["/usr/bin/env", "strace", "-f", "-c", *command],
        env=_ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    rows = (line.split() for line in done.stderr.splitlines() if re.match(r" *[\d.]+ ", line))
    return {row[-1]: int(row[3]) for row in rows}
