"""The project before the actions had an environment of their own: what goals of it compare with."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Took, took

COMMIT = "1feb27d174986b02fa25a3938c05c9dac2a40eda"
"""The last one with a PEX for the actions."""

_KEPT = ("PATH", "LANG", "PYENV_ROOT", "PANTS_CA_CERTS_PATH")
_FIRST = "archives of examples/hello, Pants installed"
_FRESH = "the same on a fresh machine"


def check_out(root: Path, folder: Path, commit: str) -> Path:
    """A clone of the repository in `folder`, at `commit`."""
    git = shutil.which("git") or "git"
    subprocess.run([git, "clone", "--quiet", "--no-checkout", str(root), str(folder)], check=True)
    subprocess.run([git, "-C", str(folder), "checkout", "--quiet", commit], check=True)
    return folder


def _package(clone: Path, home: Path) -> Took:
    """``./pants package examples/hello::``, without a daemon, so that all processes count."""
    places = {"HOME": home, "XDG_CACHE_HOME": home / "cache", "XDG_DATA_HOME": home / "data"}
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env = {"PYENV_ROOT": str(Path.home() / ".pyenv"), **kept}
    env.update({name: str(place) for name, place in places.items()})
    alone = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in env.items())]
    shutil.rmtree(clone / "dist", ignore_errors=True)
    return took([*alone, "./pants", "--no-pantsd", "package", "examples/hello::"], cwd=clone)


def first_archives(root: Path, folder: Path, runs: int) -> dict[str, tuple[list[Took], list[Took]]]:
    """By row: what it took now, and before, in turn; each run has an empty home folder."""
    rows: dict[str, tuple[list[Took], list[Took]]] = {_FIRST: ([], []), _FRESH: ([], [])}
    clones = [
        check_out(root, folder / name, commit)
        for name, commit in (("now", "HEAD"), ("before", COMMIT))
    ]
    for run in range(runs):
        for side, clone in enumerate(clones):
            home = folder / f"home-{run}-{clone.name}"
            home.mkdir()
            rows[_FRESH][side].append(_package(clone, home))
            for place in (home / "cache/pants", home / "data"):
                shutil.rmtree(place, ignore_errors=True)
            rows[_FIRST][side].append(_package(clone, home))
            shutil.rmtree(home)
    return rows


def table(rows: Mapping[str, tuple[list[Took], list[Took]]]) -> str:
    """Medians, as Markdown."""
    lines = ["| first command | now | before | ratio | processor |", "|---|---|---|---|---|"]
    for name, pair in rows.items():
        now, then = (statistics.median(took.wall for took in side) for side in pair)
        ours, theirs = (statistics.median(took.processor for took in side) for side in pair)
        lines.append(
            f"| {name} | {now:.1f} s | {then:.1f} s | {now / then:.2f} "
            f"| {ours:.1f} s, {theirs:.1f} s: {ours / theirs:.2f} |"
        )
    return "\n".join(lines)
