"""Times commands, and watches the memory of the processes that they start."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """One run of a command."""

    seconds: float
    output: str


def timed(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Timing:
    """Run a command and time it; its output is shown if it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=cwd,
        env=dict(os.environ, **(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} (in {cwd}) failed:\n{done.stdout}")
    return Timing(seconds, done.stdout)


@dataclass(frozen=True)
class Took:
    """What a command took, in seconds; its processes count, and those that they waited for."""

    wall: float
    processor: float


def took(
    command: Sequence[str],
    *,
    given: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Took:
    """Run a command, with `given` on its standard input; its errors are shown if it fails."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command,
        cwd=cwd,
        env=dict(os.environ, **(env or {})),
        input=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    print(f"  {wall:.2f} s, {user + system:.2f} s busy: {' '.join(command)[:100]}", file=sys.stderr)
    return Took(wall, user + system)


def daemons(place: Path) -> list[int]:
    """The process ids of the daemons of Pants that run in a build root."""
    return [int(file.read_text()) for file in place.glob(".pids/*/pantsd/pid")]


def stop_daemons(place: Path) -> None:
    """Stop them, and wait for their end."""
    for pid in daemons(place):
        try:
            os.kill(pid, signal.SIGTERM)
            while True:
                os.kill(pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            pass


class MemoryWatch:
    """The peak resident size of any one process whose command line has a word, by sampling.

    Linux only; the kernel keeps the high-water mark, so a sample late in a process's life is exact
    up to then.
    """

    def __init__(self, word: str) -> None:
        self._word = word
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peaks: dict[str, int] = {}
        """Megabytes by the verb of the action."""

    def __enter__(self) -> MemoryWatch:  # noqa: PYI034 - `Self` is newer than Python 3.9
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    words = (process / "cmdline").read_text().split("\0")
                    status = (process / "status").read_text()
                except OSError:
                    continue
                if self._word not in words:
                    continue
                verb = words[words.index(self._word) + 1]
                peak = next((x for x in status.splitlines() if x.startswith("VmHWM")), None)
                if peak is not None:
                    megabytes = int(peak.split()[1]) // 1024
                    self.peaks[verb] = max(megabytes, self.peaks.get(verb, 0))
