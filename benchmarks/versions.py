"""Ten monthly versions of a stack in a repository, beside ten sets of archives.

Each version has what an index had on the first of a month, by uv's `exclude-newer`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from benchmarks.kept import Kept, kept
from benchmarks.ours import Ours
from benchmarks.stack import write_stack

MONTHS = tuple(f"2025-{month:02}-01" for month in range(9, 13))
MONTHS += tuple(f"2026-{month:02}-01" for month in range(1, 7))

_RELEASE = """
venvstacks_release(
    name="release",
    layers=[":classify", ":report"],
    version="{month}",
    channel="stable",
    repositories=["{url}"],
)
"""


def measure(
    root: Path, folder: Path, archive: Path, version: str
) -> tuple[list[tuple[str, float, float, float]], float, tuple[Kept, Kept]]:
    """For each month the MB of its archives, of what publishing it sent, and of the repository.

    And those of its deltas; of an installation that keeps nine versions, and of the newest three
    of them.
    """
    stack, repository = folder / "stack", folder / "repository"
    write_stack(stack, root / "examples/sklearn", archive=archive, version=version)
    plain = (stack / "BUILD").read_text()
    ours = Ours(root, folder, stack)
    found: list[tuple[str, float, float, float]] = []
    try:
        for month in MONTHS:
            release = _RELEASE.format(month=month, url=repository.as_uri())
            (stack / "BUILD").write_text(plain + release)
            (stack / "uv.toml").write_text(f'[tool.uv]\nexclude-newer = "{month}T00:00:00Z"\n')
            # Otherwise locking keeps the versions that it can.
            shutil.rmtree(stack / "requirements", ignore_errors=True)
            if not found:
                ours.set_up()
                with (stack / "pants.toml").open("a") as options:
                    options.write('uv_config = "uv.toml"\n')
            ours.relock()
            shutil.rmtree(stack / "dist", ignore_errors=True)
            ours.package()
            archives = sum(path.stat().st_size for path in ours.archives())
            before = _size(repository)
            ours.pants("publish", "//:release")
            after = _size(repository)
            found.append((month, archives / 1e6, (after - before) / 1e6, after / 1e6))
            print("  {}: archives {:.1f} MB, {:.1f} MB sent".format(*found[-1]), file=sys.stderr)
    finally:
        ours.stop()
    return found, _deltas(repository) / 1e6, kept(repository, folder, MONTHS)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _deltas(repository: Path) -> int:
    documents = [path.read_bytes() for path in repository.glob("deltas/*/*.json")]
    return sum(len(data) + int(json.loads(data)["blob"]["size"]) for data in documents)
