"""Publishers and prunes of one repository at the same time, and processes that are killed."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.publications import small_release
from tests.support.whole_repository import channel, faults, files
from venvstacks_rules.repository.publishing.leases import prune_lock
from venvstacks_rules.repository.publishing.upload import Settings, published
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.upkeep.pruning import pruned

ROOT = Path(__file__).resolve().parents[3]
WORKER = Path(__file__).with_name("race_worker.py")
GRACE = 2.0
"""Of leases, in seconds: that long others wait for a process that was killed."""


class Worker:
    """A process that is started again when it was killed."""

    def __init__(self, verb: str, folder: Path, log: Path) -> None:
        self.verb, self.folder, self.log = verb, folder, log
        self.starts = 0
        self.start()

    def start(self) -> None:
        self.starts += 1
        name = f"{self.log.stem}.{self.starts}"
        path = os.pathsep.join(map(str, (ROOT, ROOT / "src/python")))
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(WORKER), self.verb, str(self.folder), str(GRACE), name],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": path},
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def workers(folder: Path, logs: Path) -> Iterator[list[Worker]]:
    logs.mkdir()
    verbs = ("publish", "publish", "prune")
    running = [Worker(verb, folder, logs / f"{verb}{i}.log") for i, verb in enumerate(verbs)]
    try:
        yield running
    finally:
        for worker in running:
            worker.kill()


def missing(folder: Path) -> str | None:
    """What the channel leads to and is not there, or None. Reads the files as `curl` does."""
    while True:
        record = channel(folder)
        if record is None:
            return None
        try:
            (target,) = record["targets"]
            for layer in json.loads((folder / target).read_bytes())["layers"]:
                place = folder / "layers" / layer["layer_name"] / "linux_x86_64"
                index = json.loads((place / f"{layer['index']['sha256']}.json").read_bytes())
                for segment in index["segments"]:
                    for sha256 in (segment["sha256"], segment["files"]["sha256"]):
                        (folder / "blobs/sha256" / sha256[:2] / sha256).stat()
        except FileNotFoundError as e:
            if channel(folder) == record:
                return f"{record['current']['version']}: {e.filename} is missing"
        else:
            return None


def enough(logs: Path) -> bool:
    """Whether there were more than a few publishes, and blobs that a prune removed."""
    lines = [line for path in logs.iterdir() for line in path.read_text().splitlines()]
    removed = sum(int(line.split()[1]) for line in lines if re.fullmatch(r"pruned \d+", line))
    return lines.count("published") > 5 and removed > 5


def race(tmp_path: Path, seconds: float, *, kill_every: float) -> None:
    folder = tmp_path / "store"
    chance = random.Random(kill_every)
    looks = 0
    with workers(folder, tmp_path / "logs") as running:
        end, next_kill = time.monotonic() + seconds, time.monotonic() + 1
        # On a busy machine they need longer to get in each other's way.
        while time.monotonic() < end or not (looks > 50 and enough(tmp_path / "logs")):
            assert missing(folder) is None
            looks += 1
            for worker in running:
                assert worker.process.poll() is None, worker.log.read_text()
            if kill_every and time.monotonic() > next_kill:
                victim = chance.choice(running)
                victim.kill()
                assert missing(folder) is None
                victim.start()
                next_kill = time.monotonic() + chance.uniform(0.1, 2 * kill_every)
            time.sleep(0.002)
    assert list(faults(folder)) == []
    # Whatever was killed last: when its lease has ended, the next ones do their work.
    time.sleep(1.2 * GRACE)
    repository = Repository(FileStore(folder))
    release = small_release(tmp_path / "last", "last")
    published(release, repository, Settings(grace=GRACE))
    with prune_lock(repository.store, grace=GRACE) as held:
        pruned(repository, 1, 0, held)
    assert list(faults(folder)) == []
    last = channel(folder)
    assert last is not None
    assert last["current"]["version"] == "last"
    assert not files(folder, "locks")
    # An index that a killed process left is that of a layer in no stack: the newest is kept.
    indexes = dict(repository.layers())
    assert len(indexes) <= len(release.layers) + 1
    named = {blob.sha256 for key in indexes for blob in repository.index(key).blobs}
    assert {path.name for path in files(folder, "blobs")} == named


def test_publishers_and_a_prune(tmp_path: Path) -> None:
    race(tmp_path, 3, kill_every=0)


def test_with_kills(tmp_path: Path) -> None:
    race(tmp_path, 7, kill_every=1)


@pytest.mark.slow
def test_with_kills_for_long(tmp_path: Path) -> None:
    race(tmp_path, 120, kill_every=0.5)
