"""A process of the race: publishes, or prunes, until it is killed.

Usage: race_worker.py publish|prune FOLDER GRACE NAME
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from tests.support.publications import RUNTIME, Layer, release
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.publishing.leases import prune_lock
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.publishing.upload import Settings, published
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.upkeep.pruning import pruned


def publish(repository: Repository, grace: float, name: str) -> None:
    """Versions with segments that others have, had, and will have again."""
    for number in count(1):
        sources = random.sample(range(12), 4)
        segments = {f"p{i}.whl": b"segment %d" % i for i in sources}
        layers = [Layer.of("cpython", RUNTIME), Layer.of("app-demo", segments)]
        with tempfile.TemporaryDirectory() as folder:
            files = release(Path(folder), layers, f"{name}.{number}")
            settings = Settings(grace=grace, patience=10 * grace)
            try:
                published(Publication.read(files), repository, settings)
            except RepositoryError as e:
                # On a busy machine it may not run for longer than its lease: it says so.
                if "may have ended" not in str(e):
                    raise
                continue
        print("published", flush=True)
        time.sleep(random.uniform(0, 0.1))


def prune(repository: Repository, grace: float) -> None:
    """Without any grace period for files: what nothing names goes at once."""
    while True:
        try:
            with prune_lock(repository.store, grace=grace) as held:
                done = pruned(repository, 1, 0, held)
            print("pruned", len(done.blobs), flush=True)
        except RepositoryError as e:
            if "is running" not in str(e) and "may have ended" not in str(e):
                raise
        else:
            time.sleep(random.uniform(0, 0.3))


def main() -> None:
    """Run until it is killed."""
    verb, folder, grace, name = sys.argv[1:]
    repository = Repository(FileStore(Path(folder)))
    if verb == "publish":
        publish(repository, float(grace), name)
    else:
        prune(repository, float(grace))


if __name__ == "__main__":
    main()
