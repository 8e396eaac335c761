from __future__ import annotations

import itertools
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.forked import FORKED, in_processes
from tests.support.publications import files_below, small_release
from tests.support.whole_repository import channel
from tests.support.wrapped_stores import WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.publishing.leases import (
    PRUNE,
    Held,
    prune_lock,
    publisher_lease,
)
from venvstacks_rules.repository.publishing.upload import Settings, published
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import Content, StoreError

ANSWERS = (StoreError("not reached"), RepositoryError("no answer that makes sense", []))


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "store")


def locks(tmp_path: Path) -> list[str]:
    return [
        name
        for name in files_below(tmp_path / "store")
        if name.startswith("locks") and ".part-" not in name
    ]


def grow_old(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_prune_fails_while_a_publish_runs(store: FileStore, tmp_path: Path) -> None:
    with publisher_lease(store) as held:
        assert locks(tmp_path) == [held.key]
        with pytest.raises(RepositoryError) as caught, prune_lock(store):
            pass
        assert str(caught.value) == (
            f"{store.url}: a publish is running; its lease is `{held.key}`.\n"
            "  * Run this again when it has ended. The lease of a publish that was killed ends by"
            " itself, 60 min 0 s after its last renewal."
        )
        # It withdrew its lock, and other publishers go on.
        with publisher_lease(store) as other:
            assert locks(tmp_path) == sorted([held.key, other.key])
        held.check()
    assert locks(tmp_path) == []


def test_a_publish_waits_for_a_prune(store: FileStore, tmp_path: Path) -> None:
    waited: list[str] = []
    with prune_lock(store):
        waiting = publisher_lease(store, patience=0.2, waiting=waited.append)
        with pytest.raises(RepositoryError) as caught, waiting:
            pass
    assert waited == [f"{store.url}: waiting for a prune to end"]
    assert str(caught.value) == (
        f"{store.url}: a prune is running.\n"
        "  * Wait until it ends, and run this again. If it was killed, its lock `locks/prune.json`"
        " counts for 60 min 0 s at most."
    )
    assert locks(tmp_path) == []

    def prune() -> None:
        with prune_lock(store):
            (tmp_path / "pruned").touch()
            time.sleep(0.5)
            (tmp_path / "pruned").unlink()

    process = FORKED.Process(target=prune)
    process.start()
    while not (tmp_path / "pruned").exists():
        time.sleep(0.01)
    with publisher_lease(store, patience=30):
        assert not (tmp_path / "pruned").exists()
    process.join()


def test_prunes_exclude_each_other(store: FileStore, tmp_path: Path) -> None:
    with prune_lock(store):
        with pytest.raises(RepositoryError) as caught, prune_lock(store):
            pass
        assert str(caught.value).splitlines()[0] == (
            f"{store.url}: another prune is running; its lock was renewed 0.0 s ago."
        )
        assert locks(tmp_path) == [PRUNE]
    assert locks(tmp_path) == []


def test_what_a_killed_process_leaves_ends_by_itself(store: FileStore, tmp_path: Path) -> None:
    lease, lock = tmp_path / "store/locks/publish/killed.json", tmp_path / "store" / PRUNE
    for path in (lease, lock):
        store.put_if_absent(
            path.relative_to(tmp_path / "store").as_posix(),
            Content.of(json.dumps({"id": "killed", "grace": 600}).encode()),
        )
        grow_old(path, 590)
    with pytest.raises(RepositoryError, match="another prune is running"), prune_lock(store):
        pass
    # Who asks has a longer grace period of its own.
    for path in (lease, lock):
        grow_old(path, 1000)
    with pytest.raises(RepositoryError, match="another prune is running"), prune_lock(store):
        pass
    # So has the process that was killed.
    grow_old(lock, 590)
    waiting = publisher_lease(store, grace=60, patience=0.1)
    with pytest.raises(RepositoryError, match="a prune is running"), waiting:
        pass
    clock = tmp_path / "store/locks/clock-killed.json"
    clock.write_text("{}")
    grow_old(clock, 610)
    grow_old(lock, 610)
    with publisher_lease(store, grace=60, patience=0.1):
        pass
    with prune_lock(store, grace=60):
        assert locks(tmp_path) == [PRUNE]
    assert locks(tmp_path) == []


def test_a_lease_is_renewed(store: FileStore, tmp_path: Path) -> None:
    with publisher_lease(store, grace=2) as held:
        begin = (tmp_path / "store" / held.key).stat().st_mtime
        time.sleep(2.4)
        assert (tmp_path / "store" / held.key).stat().st_mtime - begin > 1
        held.check()
        refused = pytest.raises(RepositoryError, match="a publish is running")
        with refused, prune_lock(store, grace=2):
            pass


def test_a_lease_that_somebody_removed_is_lost(store: FileStore, tmp_path: Path) -> None:
    with publisher_lease(store, grace=4) as held:
        (tmp_path / "store" / held.key).unlink()
        end = time.monotonic() + 30
        while not held.is_lost and time.monotonic() < end:
            time.sleep(0.05)
        with pytest.raises(RepositoryError) as caught:
            held.check()
        assert str(caught.value) == (
            f"{store.url}: the lease `{held.key}` may have ended: somebody removed it.\n"
            "  * A prune may have removed what this publish relies on. Run it again, and then"
            " `venvstacks-repository verify`."
        )


@pytest.mark.parametrize("error", ANSWERS)
def test_one_answer_without_sense_ends_no_lease(
    store: FileStore, tmp_path: Path, error: Exception
) -> None:
    answers = [error, error]

    def answer(verb: str, key: str) -> None:
        if verb == "get" and answers:
            raise answers.pop()

    with publisher_lease(WrappedStore(store, answer), grace=4) as held:
        time.sleep(2.6)
        held.check()
    assert (answers, locks(tmp_path)) == ([], [])


@pytest.mark.parametrize("error", ANSWERS)
def test_a_lease_that_cannot_be_removed_ends_by_itself(
    store: FileStore, tmp_path: Path, error: Exception
) -> None:
    def answer(verb: str, key: str) -> None:
        if verb == "delete":
            raise error

    with publisher_lease(WrappedStore(store, answer)) as held:
        pass
    assert locks(tmp_path) == [held.key]


def test_a_lease_that_is_not_renewed_is_lost(store: FileStore) -> None:
    held = Held(store, "locks/publish/x.json", 0.2)
    held.check()
    time.sleep(0.15)
    with pytest.raises(RepositoryError, match="it was not renewed for 0.[12] s"):
        held.check()


def test_a_publisher_that_slept_moves_no_channel(store: FileStore, tmp_path: Path) -> None:
    grace = 1.0
    slept = itertools.count()

    def sleep_once(verb: str, key: str) -> None:
        if verb == "put_if_absent" and key.startswith("blobs") and next(slept) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)

    def publish() -> None:
        repository = Repository(WrappedStore(store, sleep_once))
        try:
            published(small_release(tmp_path / "files"), repository, Settings(grace=grace))
        except RepositoryError as e:
            (tmp_path / "error").write_text(str(e))

    process = FORKED.Process(target=publish)
    process.start()
    assert process.pid is not None
    try:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        time.sleep(grace + 0.1)
        with prune_lock(store, grace=grace):
            assert locks(tmp_path) == [PRUNE]
        os.kill(process.pid, signal.SIGCONT)
        process.join(60)
    finally:
        process.kill()
    assert "may have ended: " in (tmp_path / "error").read_text()
    assert channel(tmp_path / "store") is None
    assert not list((tmp_path / "store").glob("stacks/**/*.json"))


def test_publish_and_prune_never_overlap(store: FileStore, tmp_path: Path) -> None:
    publishing, pruning = tmp_path / "publishing", tmp_path / "pruning"

    def publish() -> None:
        for _ in range(60):
            with publisher_lease(store, patience=30):
                publishing.touch()
                assert not pruning.exists()
                publishing.unlink()

    def prune() -> None:
        end = time.monotonic() + 60
        done = 0
        while done < 20 and time.monotonic() < end:
            with suppress(RepositoryError), prune_lock(store):
                pruning.touch()
                assert not publishing.exists()
                pruning.unlink()
                done += 1
        assert done == 20

    assert in_processes(publish, prune) == [0, 0]
