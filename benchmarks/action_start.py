"""Times the start of each action: it imports what it needs, and refuses an empty request.

Compared are the way that the rules start an action (isolated, a tree of its own with byte code) and
the way before: the sources of then, which Python compiles each time, and an environment with all
libraries. An action that was not there then is compared with the same sources, started that way.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.before import COMMIT, check_out
from venvstacks_rules.actions.cli import VERBS

_FLAGS = ("-I", "-S", "-B", "-X", "utf8")


def _milliseconds(command: list[str], env: Mapping[str, str]) -> float:
    """The time of the processor: what runs beside it hardly matters."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        quiet = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        pid = os.posix_spawn(command[0], command, env, file_actions=quiet)
        _, _, usage = os.wait4(pid, 0)
    finally:
        os.close(null)
    return 1000 * (usage.ru_utime + usage.ru_stime)


def measure(
    root: Path, folder: Path, rules_python: str, runs: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds by verb: as the rules start it, and the way before."""
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    trees = folder / "trees"
    subprocess.run(
        [rules_python, "-m", "benchmarks.action_trees", str(trees), site_packages],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}/src/python:{root}"},
        check=True,
    )
    plain = folder / "sources"
    for path in (root / "src/python").rglob("*.py"):
        target = plain / path.relative_to(root / "src/python")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    request = folder / "empty.json"
    request.write_text("{}")
    rest = ["--request", str(request), "--result", str(folder / "result.json")]
    base_python = os.path.realpath(sys.executable)
    then = check_out(root, folder / "then", COMMIT) / "src/python"
    before = [sys.executable, "-s", "-m", "venvstacks_rules.actions"]
    found = {}
    for verb in sorted(VERBS):
        start = [base_python, *_FLAGS, f"{trees}/{verb}/__main__.py", verb, *rest]
        old = (then / f"venvstacks_rules/actions/commands/{VERBS[verb]}.py").exists()
        before_env = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(then if old else plain)}
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(_milliseconds(start, {}))
            theirs.append(_milliseconds([*before, verb, *rest], before_env))
        found[verb] = (ours, theirs)
    return found


def table(found: Mapping[str, tuple[list[float], list[float]]]) -> str:
    """Medians, as Markdown."""
    lines = ["| start of | now | before | ratio |", "|---|---|---|---|"]
    for verb, pair in found.items():
        ours, theirs = (statistics.median(values) for values in pair)
        lines.append(f"| `{verb}` | {ours:.0f} ms | {theirs:.0f} ms | {ours / theirs:.2f} |")
    return "\n".join(lines)
