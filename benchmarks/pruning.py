"""``prune`` of a repository with many blobs, most of which no version needs any more."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.measure import timed
from tests.support.small_repositories import FRAMEWORK, SmallRepository, packages

VERSIONS = 10
_SEGMENTS = 500
"""Of a version; each is two blobs: its bytes, and the list of its files."""
BLOBS = VERSIONS * _SEGMENTS * 2


class _Written(SmallRepository):
    """A repository as a copy of files is: nobody waits for the disk."""

    def put(self, key: str, data: bytes) -> None:
        """Write a file."""
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _repository(folder: Path) -> SmallRepository:
    """Versions that share nothing but a runtime; the channel points at the last."""
    repository = _Written(folder)
    for version in range(VERSIONS):
        segments = {f"package{number}": str(version) for number in range(_SEGMENTS)}
        layers = (
            repository.layer(segments={}),
            repository.layer(FRAMEWORK, packages(**segments), kind="framework"),
        )
        repository.point(repository.stack(str(version), layers))
    return repository


def measure(root: Path, folder: Path) -> dict[str, float]:
    """Seconds of a look and of a removal."""
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Writing {BLOBS} blobs ...", file=sys.stderr)
    repository = _repository(folder)
    command = [sys.executable, "-m", "venvstacks_rules.repository", "prune", "--keep", "1"]
    command += ["--grace", "0s", "--repository", repository.url]
    environment = {"PYTHONPATH": str(root / "src/python")}
    looked = timed(command, cwd=root, env=environment)
    pruned = timed([*command, "--apply"], cwd=root, env=environment)
    left = sum(1 for path in (folder / "blobs").rglob("*") if path.is_file())
    if left != BLOBS // VERSIONS:
        sys.exit(f"prune left {left} blobs:\n{pruned.output}")
    return {"prune, a dry run": looked.seconds, "prune": pruned.seconds}
