"""Times the README's first command, by its parts, on a machine without anything of this project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import stop_daemons

# Each part ends with the first line that has this text: one of Pants' own lines for processes.
_PARTS = (
    ("install Pants", "installed in"),
    ("start the daemon", "Scheduler initialized"),
    ("find the interpreter of the actions, compile them", "Starting: Find CPython"),
    ("get their libraries, capture the interpreter of the layers", "Completed: Capture CPython"),
    ("fetch the wheels and build all layers", None),
)
_LINES_FOR_PROCESSES = "--log-levels-by-target={'workunit_store': 'debug'}"


def first_command(root: Path, folder: Path) -> dict[str, float]:
    """Run ``./pants package examples/::`` in a fresh clone with empty caches; seconds by part."""
    home, clone = folder / "home", folder / "clone"
    home.mkdir(parents=True)
    git = shutil.which("git") or "git"
    subprocess.run([git, "clone", "--quiet", str(root), str(clone)], check=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    env["HOME"] = str(home)
    start = last = time.perf_counter()
    parts: dict[str, float] = {}
    waiting = list(_PARTS)
    output: list[str] = []
    process = subprocess.Popen(
        ["./pants", _LINES_FOR_PROCESSES, "package", "examples/::"],
        cwd=clone,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        output.append(line)
        name, end = waiting[0]
        if end is not None and end in line:
            now = time.perf_counter()
            parts[name], last = now - last, now
            waiting.pop(0)
    if process.wait() != 0:
        sys.exit(f"./pants package examples/:: failed:\n{''.join(output)}")
    now = time.perf_counter()
    parts[waiting[0][0]] = now - last
    parts["in all"] = now - start
    stop_daemons(clone)
    return parts
