from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.small_repositories import (
    FRAMEWORK,
    LINUX,
    WINDOWS,
    SmallRepository,
    packages,
)
from tests.support.whole_repository import faults
from tests.support.wrapped_stores import WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import StackKey, blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.leases import prune_lock, publisher_lease
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import REMEDY, Store
from venvstacks_rules.repository.upkeep.pruning import Pruning, planned_pruning, pruned

OLD, HOUR = 1_000_000, 3600.0


def age(made: SmallRepository) -> None:
    """Everything is old; what was stored first is the oldest."""
    paths = [path for path in made.folder.rglob("*") if path.is_file()]
    for i, path in enumerate(sorted(paths, key=lambda path: path.stat().st_mtime_ns)):
        os.utime(path, (OLD + i, OLD + i))


def prune(
    made: SmallRepository, keep: int = 1, store: Store | None = None, grace: float = HOUR
) -> Pruning:
    with prune_lock(made.store) as held:
        return pruned(Repository(store or made.store), keep, grace, held)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[SmallRepository]:
    made = SmallRepository(tmp_path)
    yield made
    assert list(faults(tmp_path)) == []
    assert not [key for key in made.files() if key.startswith("locks/")]


def test_what_is_kept(made: SmallRepository) -> None:
    """What channels point at, the newest version, and what they share with others."""
    stacks = [made.stack(version) for version in ("1", "2", "3", "4")]
    windows = made.stack("1", platform=WINDOWS)
    made.point(stacks[1])
    made.put_blob(b"loose")
    age(made)
    before = made.files()
    plan = planned_pruning(made.reader, 1, HOUR)
    assert made.files() == before
    done = prune(made)
    assert (plan.keys, done.keys) == (done.keys, tuple(plan.keys))
    assert not plan.applied
    assert done.applied
    assert set(before) - set(made.files()) == set(done.keys)
    assert done.stacks == (stacks[0].key, stacks[2].key)
    assert done.layers == tuple(
        sorted((stacks[i].layer_keys[1] for i in (0, 2)), key=lambda key: key.sha256)
    )
    # Windows has the same packages as the first version.
    third = made.indexes[stacks[2].layer_keys[1]]
    assert set(done.blobs) == {
        *(blob_key(blob.sha256) for blob in third.blobs),
        blob_key(Reference.of(b"loose").sha256),
    }
    assert done.size == sum(len(before[key]) for key in done.keys)
    assert windows.key in dict(made.reader.stacks())
    assert list(done.lines())[-2:] == [
        "Removed 2 manifests, 2 layer versions, 0 files of archives, 3 blobs:"
        f" {done.size / 1000:.1f} kB.",
        f"Kept 3 manifests, 5 layer versions, 8 blobs with {done.kept_size} B, with all that is"
        " younger than 1h.",
    ]
    assert list(plan.lines())[-1] == "Nothing was removed; `--apply` does it."
    # There is nothing left to do.
    assert prune(made).keys == ()


def test_nothing_that_is_young_is_removed(made: SmallRepository) -> None:
    made.stack("1")
    age(made)
    old = set(made.files())
    blob = made.put_blob(b"of a publish that was killed")
    made.layer("framework-new", packages(rich="1"), kind="framework")
    made.layer("framework-new", packages(rich="2"), kind="framework")
    made.stack("2")
    made.stack("3")
    before = set(made.files())
    done = prune(made)
    assert done.stacks == (StackKey("release", "1", "linux_x86_64"),)
    assert blob_key(blob.sha256) in made.files()
    assert before - set(made.files()) == set(done.keys) <= old
    # The runtime is that of the new versions, too.
    assert len(done.layers) == 1


def test_what_a_killed_publish_left_half(made: SmallRepository) -> None:
    made.point(made.stack("1"))
    files = [made.folder / f"blobs/sha256/ab/.part-{name}" for name in ("old", "young")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"half")
    hours_ago = time.time() - 2 * HOUR
    os.utime(files[0], (hours_ago, hours_ago))
    # However short the grace period is: who signs a record writes without a lease.
    done = prune(made, grace=0)
    assert done.incomplete == ("blobs/sha256/ab/.part-old",)
    assert [file.exists() for file in files] == [False, True]
    assert "0 files of archives, 0 blobs, 1 incomplete file: 4 B." in list(done.lines())[-2]
    assert done.to_dict()["removed"]["incomplete"] == list(done.incomplete)


def test_layers_of_no_stack(made: SmallRepository) -> None:
    for version in ("1", "2", "3"):
        made.layer(FRAMEWORK, packages(numpy=version), kind="framework")
    age(made)
    keys = list(made.indexes)
    done = prune(made, keep=2)
    assert done.layers == (keys[0],)
    assert len(done.blobs) == 2


def test_archives_of_versions_that_are_gone(made: SmallRepository) -> None:
    windows = made.stack("1", platform=WINDOWS)
    made.point(windows)
    for version in ("1", "2"):
        made.stack(version)
        for name in ("a.tar.zst", "__venvstacks__/venvstacks.json"):
            for platform in (LINUX, WINDOWS):
                made.put(f"archives/release/{version}/{platform}/{name}", b"x")
    made.put("archives/release/0.9/x", b"x")
    age(made)
    assert prune(made).archives == (
        "archives/release/1/linux_x86_64/__venvstacks__/venvstacks.json",
        "archives/release/0.9/x",
        "archives/release/1/linux_x86_64/a.tar.zst",
    )


def test_while_a_publish_runs_nothing_is_removed(made: SmallRepository) -> None:
    made.put_blob(b"loose")
    age(made)
    with publisher_lease(made.store), pytest.raises(RepositoryError, match="a publish is running"):
        prune(made)
    assert prune(made).blobs == (blob_key(Reference.of(b"loose").sha256),)


@pytest.mark.parametrize("stop", range(5))
def test_a_prune_that_dies_leaves_a_whole_repository(made: SmallRepository, stop: int) -> None:
    """Names go before what they name; the next prune ends the work."""
    made.point(made.stack("2", name="other"))
    for version in ("1", "2", "3"):
        made.stack(version)
    age(made)
    count = 0

    class Dies(WrappedStore):
        def delete(self, keys: Iterable[str]) -> None:
            nonlocal count
            for key in keys:
                if count == stop:
                    raise MemoryError
                count += 1
                made.store.delete([key])

    with pytest.raises(MemoryError):
        prune(made, store=Dies(made.store, lambda *_: None))
    assert list(faults(made.folder)) == []
    prune(made)
    assert list(faults(made.folder)) == []
    assert [key.version for key, _ in made.reader.stacks("release")] == ["3"]


def test_a_repository_that_is_not_whole_is_left_alone(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    stack = made.stack("1")
    made.point(stack)
    made.put_blob(b"loose")
    age(made)
    (tmp_path / str(stack.layer_keys[0])).unlink()
    before = made.files()
    with pytest.raises(RepositoryError) as caught:
        prune(made)
    assert str(caught.value) == (
        f"{made.url}: nothing is removed, because the repository is not whole.\n"
        f"  * `{stack.layer_keys[0]}` is missing, and a stack names it\n"
        f"  * {REMEDY}"
    )
    (tmp_path / str(stack.key)).unlink()
    with pytest.raises(RepositoryError, match="is missing, and a channel points at it"):
        prune(made)
    assert made.files() == {key: before[key] for key in before if key != str(stack.key)}


def test_a_record_that_nobody_can_read_keeps_everything(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    made.point(made.stack("1"))
    made.stack("2")
    age(made)
    (tmp_path / "channels/release/stable/linux_x86_64.json").write_text("{}")
    before = made.files()
    with pytest.raises(RepositoryError, match=r"`channels/.*` cannot be used"):
        prune(made)
    assert made.files() == before
