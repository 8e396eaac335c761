from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.small_repositories import SmallRepository, packages, wheel
from tests.support.whole_repository import faults
from tests.support.wrapped_stores import CountingStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.repository.publishing.leases import publisher_lease
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import Store
from venvstacks_rules.repository.upkeep import mirroring
from venvstacks_rules.repository.upkeep.mirroring import Mirroring, mirrored


@pytest.fixture
def made(tmp_path: Path) -> SmallRepository:
    made = SmallRepository(tmp_path / "from")
    for version in ("1.0", "0.9"):
        made.point(made.stack(version))
    made.layer("framework-alone", packages(rich="13"), kind="framework")
    made.put("archives/release/1.0/x.tar.zst", b"archive")
    made.put("trust/1.root.json", b"{}")
    path = made.folder / "channels/release/stable/linux_x86_64.json"
    # As some other program signs it.
    content = made.record().to_json(({"keyid": "a", "sig": "b"},)).replace("  ", " ")
    path.write_text(content)
    return made


@pytest.fixture
def copy(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "to")


def mirror(made: SmallRepository, copy: Store, source: Store | None = None) -> Mirroring:
    with publisher_lease(copy) as held:
        return mirrored(Repository(source or made.store), Repository(copy), held)


def stored(store: FileStore) -> dict[str, bytes]:
    return {
        entry.key: found.data
        for entry in store.list("")
        for found in [store.get(entry.key, limit=10**6)]
        if found is not None
    }


def test_everything_is_copied_as_bytes(made: SmallRepository, copy: FileStore) -> None:
    done = mirror(made, copy)
    assert stored(copy) == made.files()
    assert list(done.lines()) == [
        f"{copy.url}: copied 8 blobs, 4 layer versions, 2 manifests, 1 record, 2 other files;"
        f" {done.size / 1000:.1f} kB in all.",
    ]
    assert done.size == sum(map(len, made.files().values()))
    counting = CountingStore(copy)
    again = mirror(made, counting)
    assert list(again.lines()) == [f"{copy.url} has everything that {made.url} has."]
    assert again.size == 0
    assert not [key for verb, key in counting.requests if verb == "replace"]


def test_only_what_is_missing_is_read(made: SmallRepository, copy: FileStore) -> None:
    mirror(made, copy)
    stack = made.stack("1.1")
    made.point(stack)
    counting = CountingStore(made.store)
    done = mirror(made, copy, counting)
    assert (done.blobs, done.layers, done.stacks, done.channels) == (2, 1, 1, 1)
    assert done.shared_blobs == 8
    read = {key for verb, key in counting.requests if verb == "read" and key[:6] == "blobs/"}
    assert read == {blob_key(blob.sha256) for blob in made.indexes[stack.layer_keys[1]].blobs}
    assert stored(copy) == made.files()


def test_what_names_something_comes_after_it(made: SmallRepository, copy: FileStore) -> None:
    counting = CountingStore(copy)
    mirror(made, counting)
    order = [
        key.split("/")[0]
        for verb, key in counting.requests
        if verb in ("put_if_absent", "replace") and not key.startswith("locks/")
    ]
    assert list(dict.fromkeys(order)) == [
        *("repository.json", "blobs", "layers", "stacks", "archives", "trust", "channels")
    ]
    # The order of versions stays.
    stacks = [
        key for verb, key in counting.requests if verb == "put_if_absent" and "stacks/" in key
    ]
    assert [key.split("/")[2] for key in stacks] == ["1.0", "0.9"]


def test_a_copy_that_lost_something_gets_it_back(made: SmallRepository, copy: FileStore) -> None:
    mirror(made, copy)
    keys = [key for key in made.files() if key.startswith(("blobs/", "layers/"))]
    copy.delete(keys[::2])
    mirror(made, copy)
    assert stored(copy) == made.files()


def test_large_blobs_go_through_the_disk(
    made: SmallRepository, copy: FileStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mirroring, "MOST_IN_MEMORY", 10)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    mirror(made, copy)
    assert stored(copy) == made.files()
    assert not list((tmp_path / "temporary").iterdir())


def test_damaged_blobs_are_not_copied(made: SmallRepository, copy: FileStore) -> None:
    blob = next(iter(made.indexes.values())).segments[0].blob
    path = made.folder / blob_key(blob.sha256)
    path.write_bytes(path.read_bytes().upper())
    with pytest.raises(RepositoryError, match="is damaged"):
        mirror(made, copy)
    assert list(faults(made.folder.parent / "to")) == []
    assert not [key for key in stored(copy) if key.startswith(("stacks/", "channels/"))]


def _other_manifest(made: SmallRepository, other: SmallRepository) -> str:
    other.stack("1.0", [other.layer(segments={wheel("x", "1"): {"x.py": b"x"}})])
    return "`stacks/release/1.0/linux_x86_64.json` is another there; a version never changes"


def _other_root(made: SmallRepository, other: SmallRepository) -> str:
    other.put("trust/1.root.json", b"[]")
    return "`trust/1.root.json` is another there; a root never changes"


@pytest.mark.parametrize("prepare", [_other_manifest, _other_root])
def test_a_copy_that_is_something_else_stays_as_it_is(
    made: SmallRepository,
    copy: FileStore,
    prepare: Callable[[SmallRepository, SmallRepository], str],
) -> None:
    other = SmallRepository(made.folder.parent / "to")
    problem = prepare(made, other)
    before = stored(copy)
    with pytest.raises(RepositoryError) as caught:
        mirror(made, copy)
    assert str(caught.value) == (
        f"{copy.url}: it cannot become a copy of {made.url}.\n  * {problem}"
    )
    assert stored(copy) == before


def test_a_newer_record_stays(made: SmallRepository, copy: FileStore) -> None:
    """As when a repository is repaired from a copy of yesterday."""
    mirror(made, copy)
    today = SmallRepository(made.folder.parent / "to")
    newer = today.point(today.stack("1.2"))
    key = str(newer.key)
    before = stored(copy)
    copy.delete([name for name in before if name.startswith("blobs/")][:3])
    done = mirror(made, copy)
    assert done.left == (key,)
    assert (done.blobs, done.channels) == (3, 0)
    assert stored(copy) == before
    assert list(mirror(made, copy).lines()) == [
        f"{copy.url}: `{key}` stays: somebody moved the channel of the copy, or"
        f" {made.url} shows an old record",
        f"{copy.url} has everything else that {made.url} has.",
    ]


def test_a_source_that_is_not_whole(made: SmallRepository, copy: FileStore) -> None:
    (made.folder / "stacks/release/0.9/linux_x86_64.json").unlink()
    with pytest.raises(RepositoryError, match="it is not whole"):
        mirror(made, copy)
    assert stored(copy) == {}
    with pytest.raises(RepositoryError, match="there is no repository"):
        mirror(
            SmallRepository(made.folder),
            FileStore(made.folder / "sub"),
            FileStore(made.folder / "x"),
        )
