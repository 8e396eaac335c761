"""Deltas in `prune`, `verify` and `mirror`."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.deltas import DeltaRepository
from tests.support.whole_repository import faults
from venvstacks_rules.model.repository.deltas import MOST_DELTA_BYTES, Delta
from venvstacks_rules.model.repository.keys import ChannelKey, blob_key
from venvstacks_rules.repository.publishing.leases import prune_lock, publisher_lease
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import Store, Stored, StoreError
from venvstacks_rules.repository.upkeep.comparison import comparison
from venvstacks_rules.repository.upkeep.mirroring import Mirroring, mirrored
from venvstacks_rules.repository.upkeep.promotion import promoted
from venvstacks_rules.repository.upkeep.pruning import Pruning, pruned
from venvstacks_rules.repository.upkeep.selection import find_version
from venvstacks_rules.repository.upkeep.verification import verification


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> DeltaRepository:
    """Three versions, and the deltas between them."""
    made = DeltaRepository(tmp_path_factory.mktemp("published"))
    for version in ("1.0", "1.1", "1.2"):
        made.publish(version)
    return made


@pytest.fixture
def folder(published: DeltaRepository, tmp_path: Path) -> Path:
    shutil.copytree(published.folder, tmp_path / "repository")
    return tmp_path / "repository"


def deltas(folder: Path) -> list[Delta]:
    """All of them: the one that makes the newest segment last."""
    reader = Repository(FileStore(folder))
    found = [reader.delta(key) for key, _ in reader.deltas()]
    known = [delta for delta in found if delta is not None]
    olds = {delta.old for delta in known}
    return sorted(known, key=lambda delta: delta.new not in olds)


def prune(folder: Path, *, young: bool = False) -> Pruning:
    for path in folder.rglob("*"):
        if path.is_file() and not young:
            os.utime(path, (1_000_000, 1_000_000))
    with prune_lock(FileStore(folder)) as held:
        done = pruned(Repository(FileStore(folder)), 1, 3600, held)
    assert list(faults(folder)) == []
    return done


def test_prune_keeps_what_makes_kept_segments(folder: Path) -> None:
    """What it is made of may be gone from the repository, and be there on the machines of users."""
    first, second = deltas(folder)
    done = prune(folder)
    assert done.deltas == (first.key,)
    assert str(first.key) in [
        line.split()[-1] for line in done.lines() if "to" in line or ":" in line
    ]
    assert deltas(folder) == [second]
    assert not (folder / blob_key(first.blob.sha256)).exists()
    assert not (folder / blob_key(second.old.sha256)).exists()
    assert (folder / blob_key(second.blob.sha256)).exists()
    assert done.to_dict()["removed"]["deltas"] == [str(first.key)]
    assert list(done.keys).index(str(first.key)) < list(done.keys).index(
        blob_key(first.blob.sha256)
    )


def test_prune_keeps_young_ones(folder: Path) -> None:
    before = deltas(folder)
    assert prune(folder, young=True).deltas == ()
    assert deltas(folder) == before


def test_prune_removes_what_nobody_can_read(folder: Path) -> None:
    _, second = deltas(folder)
    (folder / str(second.key)).write_text("{}")
    done = prune(folder)
    assert second.key in done.deltas
    assert blob_key(second.blob.sha256) in done.blobs


def test_prune_removes_what_is_too_large_to_be_read(folder: Path) -> None:
    _, second = deltas(folder)
    (folder / str(second.key)).write_bytes(bytes(MOST_DELTA_BYTES + 1))
    assert second.key in prune(folder).deltas


class _SilentAbout(FileStore):
    """Gives no deltas at the moment."""

    def get(self, key: str, *, limit: int) -> Stored | None:
        if key.startswith("deltas/"):
            raise StoreError(f"{self.url}: `{key}`: the server answers 503. Try again later.")
        return super().get(key, limit=limit)


def test_a_server_that_does_not_answer_is_no_damage(folder: Path) -> None:
    before = deltas(folder)
    found = verification(Repository(_SilentAbout(folder)), remove_damaged=True)
    assert [(defect.kind, defect.key) for defect in found.defects] == [
        ("unusable", str(key)) for key, _ in Repository(FileStore(folder)).deltas()
    ]
    assert found.removed == ()
    assert deltas(folder) == before


def test_verify_reads_them(folder: Path) -> None:
    found = verification(Repository(FileStore(folder)))
    assert (found.is_whole, found.deltas, found.unreferenced) == (True, 2, 0)
    assert ", 2 deltas, " in list(found.lines())[-1]
    assert found.to_dict()["deltas"] == 2


def test_verify_finds_what_is_of_no_use(folder: Path) -> None:
    first, second = deltas(folder)
    (folder / blob_key(first.blob.sha256)).unlink()
    (folder / str(second.key)).write_text("{}")
    found = verification(Repository(FileStore(folder)), remove_damaged=True)
    assert {(defect.key, defect.kind, defect.text) for defect in found.defects} == {
        (
            str(first.key),
            "damaged",
            f"{blob_key(first.blob.sha256)}, which it names, is not there",
        ),
        (str(second.key), "damaged", "`format_version`: missing"),
    }
    assert set(found.removed) == {str(first.key), str(second.key)}
    again = verification(Repository(FileStore(folder)))
    assert (again.is_whole, again.deltas, again.unreferenced) == (True, 0, 1)


def test_verify_reads_their_blobs(folder: Path) -> None:
    first, _ = deltas(folder)
    path = folder / blob_key(first.blob.sha256)
    path.write_bytes(path.read_bytes()[::-1])
    (defect,) = verification(Repository(FileStore(folder))).defects
    assert (defect.key, defect.kind, defect.needed_by) == (
        blob_key(first.blob.sha256),
        "damaged",
        str(first.key),
    )


def mirror(source: Store, target: Path, *channels: ChannelKey) -> Mirroring:
    with publisher_lease(FileStore(target)) as held:
        done = mirrored(Repository(source), Repository(FileStore(target)), held, channels)
    assert list(faults(target)) == []
    return done


def channel_key(folder: Path) -> ChannelKey:
    ((key, _),) = Repository(FileStore(folder)).channels()
    return key


def test_a_mirror_has_them(folder: Path, tmp_path: Path) -> None:
    done = mirror(FileStore(folder), tmp_path / "copy")
    assert done.deltas == 2
    assert ", 2 deltas; " in "".join(done.lines())
    assert done.to_dict()["copied"]["deltas"] == 2
    assert deltas(tmp_path / "copy") == deltas(folder)
    assert mirror(FileStore(folder), tmp_path / "copy").copied == 0


def test_a_mirror_of_a_channel_has_what_makes_its_segments(folder: Path, tmp_path: Path) -> None:
    mirror(FileStore(folder), tmp_path / "copy", channel_key(folder))
    assert deltas(tmp_path / "copy") == deltas(folder)[1:]


class _NoLists(FileStore):
    def list(self, prefix: str) -> object:  # type: ignore[override]
        raise StoreError(f"{prefix}: it cannot be listed")


def test_a_mirror_of_what_cannot_be_listed(folder: Path, tmp_path: Path) -> None:
    key = channel_key(folder)
    assert mirror(_NoLists(folder), tmp_path / "copy", key).deltas == 0


def test_a_mirror_leaves_out_what_is_of_no_use(folder: Path, tmp_path: Path) -> None:
    first, second = deltas(folder)
    (folder / blob_key(first.blob.sha256)).unlink()
    (folder / str(second.key)).write_text(replace(second, old=first.old).to_json())
    assert mirror(FileStore(folder), tmp_path / "copy").deltas == 0
    assert deltas(tmp_path / "copy") == []


def test_mirror_leaves_damaged_ones_behind(folder: Path, tmp_path: Path) -> None:
    first, second = deltas(folder)
    path = folder / blob_key(first.blob.sha256)
    path.write_bytes(bytes(len(path.read_bytes())))
    target = Repository(FileStore(tmp_path / "copy"))
    with publisher_lease(target.store) as held:
        done = mirrored(Repository(FileStore(folder)), target, held)
    assert deltas(tmp_path / "copy") == [second]
    assert (done.deltas, done.channels) == (1, 1)
    assert list(faults(tmp_path / "copy")) == []


def test_promote_makes_them_and_diff_counts_them(tmp_path: Path) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    made.publish("1.1", channels=("beta",))
    assert deltas(made.folder) == []
    before, after = (find_version(made.reader, [f"hello@{v}"]) for v in ("1.0", "1.1"))
    (whole,) = comparison(made.reader, before, after).changes
    assert (whole.moved.segments, whole.moved.deltas) == (2, 0)
    told: list[str] = []
    store = FileStore(made.folder)
    with publisher_lease(store) as held:
        done = promoted(made.reader, after, "stable", held, tell=told.append)
        # A channel that is there already needs none.
        assert promoted(made.reader, after, "stable", held, tell=told.append).deltas == ()
    (delta,) = deltas(made.folder)
    assert told == ["Making a delta of big-1.1-py3-none-any.whl from big-1.0-py3-none-any.whl."]
    assert list(done.lines()) == [
        "a delta of big-1.1-py3-none-any.whl for linux_x86_64: clients fetch"
        f" {delta.blob.size} B in place of 1.2 MB",
        "hello stable for linux_x86_64: 1.1, moved from 1.0 (record 2)",
    ]
    assert done.to_dict()["deltas"][0]["size"] == delta.blob.size
    assert list(faults(made.folder)) == []
    (change,) = comparison(made.reader, before, after).changes
    moved = change.moved
    document = (made.folder / str(delta.key)).stat().st_size
    assert (moved.segments, moved.deltas) == (1, 1)
    assert moved.delta_size == delta.blob.size + document
    assert moved.segment_size == whole.moved.segment_size - delta.new.size
    assert ", 1 delta with " in list(change.lines())[-1]


def test_promote_goes_on_without_them(tmp_path: Path) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    old = made.big
    made.publish("1.1", channels=("beta",))
    (made.folder / blob_key(old.sha256)).write_bytes(b"damaged")
    after = find_version(made.reader, ["hello@1.1"])
    with publisher_lease(FileStore(made.folder)) as held:
        done = promoted(made.reader, after, "stable", held, tell=lambda _: None)
    (news,) = done.deltas
    assert news.problem
    assert done.channels[0].after == "1.1"
