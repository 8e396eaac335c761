from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.indexes import (
    LayerIndex,
    PublishedSegment,
    listing_bytes,
)
from venvstacks_rules.model.repository.keys import ChannelKey, LayerKey, StackKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import Content

BLOB, DOCUMENT = b"compressed bytes", b'{"bomFormat": "CycloneDX"}'
FILES = (ArchivedFile("cpython/x.txt", 1, "a" * 64),)
INDEX = LayerIndex(
    kind="runtime",
    metadata={
        "layer_name": "cpython",
        "install_target": "cpython@2",
        "target_platform": "linux_x86_64",
        "runtime_layer": "cpython@2",
    },
    archive_name="cpython@2.tar.zst",
    archive_format="tar.zst",
    compression_level=9,
    segments=(
        PublishedSegment(
            "interpreter", Reference.of(BLOB), Reference.of(listing_bytes(FILES)), 1, 1024
        ),
    ),
    documents={"sbom": Reference.of(DOCUMENT)},
)
INDEX_BYTES = INDEX.to_json().encode()
INDEX_KEY = LayerKey("cpython", "linux_x86_64", hashlib.sha256(INDEX_BYTES).hexdigest())
STACK = PublishedStack("release", "1.0", "linux_x86_64", (StackLayer.of(INDEX),))
STACK_BYTES = STACK.to_json().encode()
CHANNEL = ChannelKey("release", "stable", "linux_x86_64")
RECORD = ChannelRecord.first(CHANNEL, "1.0", Reference.of(STACK_BYTES))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    store = FileStore(tmp_path / "store")
    for data in (BLOB, DOCUMENT, listing_bytes(FILES)):
        store.put_if_absent(blob_key(Reference.of(data).sha256), Content.of(data))
    store.put_if_absent(str(INDEX_KEY), Content.of(INDEX_BYTES))
    store.put_if_absent(str(STACK.key), Content.of(STACK_BYTES))
    assert store.replace(str(CHANNEL), RECORD.to_json().encode(), None)
    return Repository(store)


def test_reads_what_was_published(repository: Repository) -> None:
    found = repository.record(CHANNEL)
    assert found is not None
    assert found.record == RECORD
    assert found.content == RECORD.to_json().encode()
    assert repository.manifest(found.record.stack_key, found.record.current.manifest) == STACK
    assert repository.index(STACK.layer_keys[0], STACK.layers[0].index) == INDEX
    assert repository.index(INDEX_KEY) == INDEX
    assert repository.listing(INDEX.segments[0].files) == FILES
    assert repository.document(INDEX.documents["sbom"]) == DOCUMENT
    assert b"".join(repository.blob_pieces(INDEX.segments[0].blob)) == BLOB
    assert repository.has_blob(Reference.of(BLOB))


def test_a_blob_goes_on_where_it_stopped(repository: Repository) -> None:
    seen = hashlib.sha256(BLOB[:5])
    assert b"".join(repository.blob_pieces(Reference.of(BLOB), 5, seen)) == BLOB[5:]
    assert not list(repository.blob_pieces(Reference.of(BLOB), len(BLOB), hashlib.sha256(BLOB)))
    wrong = repository.blob_pieces(Reference.of(BLOB), 5, hashlib.sha256(b"other"))
    with pytest.raises(RepositoryError, match="is damaged"):
        list(wrong)


def test_what_is_not_there(repository: Repository) -> None:
    url = repository.url
    assert repository.record(ChannelKey("release", "beta", "linux_x86_64")) is None
    assert repository.found_manifest(StackKey("release", "2.0", "linux_x86_64")) is None
    absent = LayerKey("cpython", "linux_x86_64", "0" * 64)
    assert repository.found_index(absent) is None
    assert not repository.has_blob(Reference("0" * 64, 1))
    with pytest.raises(RepositoryError) as caught:
        repository.index(absent)
    assert str(caught.value) == (
        f"{url}: `layers/cpython/linux_x86_64/{'0' * 64}.json` is missing.\n"
        "  * Run `venvstacks-repository verify --remove-damaged`, and then publish the version"
        " again with `--venvstacks-publish-thorough`."
    )
    with pytest.raises(RepositoryError) as caught:
        list(repository.blob_pieces(Reference("0" * 64, 1)))
    assert caught.value.summary == f"{url}: `{blob_key('0' * 64)}` is missing."


def test_damaged_bytes_are_refused(repository: Repository, tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / blob_key(Reference.of(BLOB).sha256)).write_bytes(BLOB.upper())
    with pytest.raises(RepositoryError) as caught:
        list(repository.blob_pieces(Reference.of(BLOB)))
    assert str(caught.value).splitlines()[:2] == [
        f"{repository.url}: `{blob_key(Reference.of(BLOB).sha256)}` is damaged.",
        f"  * it has 16 bytes with the hash sha256:{hashlib.sha256(BLOB.upper()).hexdigest()}, not "
        f"16 with sha256:{Reference.of(BLOB).sha256}",
    ]
    (store / str(INDEX_KEY)).write_bytes(INDEX_BYTES + b"\n")
    with pytest.raises(RepositoryError, match=r"`layers/.*` is damaged"):
        repository.index(INDEX_KEY)
    (store / str(STACK.key)).write_bytes(b"[]")
    with pytest.raises(RepositoryError, match=r"`stacks/.*` is damaged"):
        repository.manifest(STACK.key, Reference.of(STACK_BYTES))
    with pytest.raises(RepositoryError) as caught:
        repository.found_manifest(STACK.key)
    assert str(caught.value) == (
        f"{repository.url}: `{STACK.key}` cannot be used.\n  * expected a table, got a list"
    )


def test_files_lie_where_they_belong(repository: Repository, tmp_path: Path) -> None:
    other = StackKey("release", "1.1", "linux_x86_64")
    repository.store.put_if_absent(str(other), Content.of(STACK_BYTES))
    with pytest.raises(RepositoryError) as caught:
        repository.manifest(other, Reference.of(STACK_BYTES))
    assert str(caught.value).splitlines()[:2] == [
        f"{repository.url}: `{other}` cannot be used.",
        "  * it is the manifest of `release` 1.0, linux_x86_64",
    ]
    moved = LayerKey("other", "linux_x86_64", INDEX_KEY.sha256)
    repository.store.put_if_absent(str(moved), Content.of(INDEX_BYTES))
    with pytest.raises(RepositoryError, match="it is the index of `cpython` for linux_x86_64"):
        repository.index(moved)
    with pytest.raises(RepositoryError, match=f"sha256:{'1' * 64} is expected there"):
        repository.index(INDEX_KEY, Reference("1" * 64, 5))


def test_enumerates_what_it_knows(repository: Repository, tmp_path: Path) -> None:
    for name in ("README.txt", "stacks/notes.txt", "channels/release/stable/../x.json"):
        (tmp_path / "store" / name).write_text("not ours")
    assert [key for key, _ in repository.stacks()] == [STACK.key]
    assert [key for key, _ in repository.channels("release")] == [CHANNEL]
    assert [key for key, _ in repository.channels("other")] == []
    assert [key for key, _ in repository.layers()] == [INDEX_KEY]
    assert [key for key, _ in repository.layers("cpython", "linux_x86_64")] == [INDEX_KEY]
    assert [key for key, _ in repository.layers("cpython", "win_amd64")] == []
    assert sorted(sha256 for sha256, _ in repository.blobs()) == sorted(
        reference.sha256 for reference in INDEX.blobs
    )


def test_the_version_of_the_format(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path))
    assert not repository.check_format()
    (tmp_path / "repository.json").write_text(repository_json())
    assert repository.check_format()
    (tmp_path / "repository.json").write_text(repository_json().replace("1", "2"))
    with pytest.raises(RepositoryError) as caught:
        repository.check_format()
    assert str(caught.value) == (
        f"{repository.url}: `repository.json`: the repository has version 2 of the format.\n"
        "  * this release reads and writes version 1; use a newer release of venvstacks-rules"
    )


def test_a_record_is_believed_by_what_the_repository_was_given(repository: Repository) -> None:
    def nobody(content: bytes, key: ChannelKey) -> ChannelRecord:
        raise RepositoryError(f"`{key}` has no signature.", [f"{len(content)} bytes"])

    with pytest.raises(RepositoryError) as caught:
        Repository(repository.store, nobody).record(CHANNEL)
    assert str(caught.value).splitlines()[0] == f"{repository.url}: `{CHANNEL}` has no signature."


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ([b"compressed"], "10 bytes"),
        ([b"compressed", b" bytes and more", b"and more"], "25 bytes"),
        ([BLOB.upper()], "16 bytes"),
        ([], "0 bytes"),
    ],
)
def test_a_store_that_sends_something_else(
    tmp_path: Path, pieces: list[bytes], problem: str
) -> None:
    class Liar(FileStore):
        def read(self, *_: object) -> Iterator[bytes]:
            return iter(pieces)

    repository = Repository(Liar(tmp_path))
    with pytest.raises(RepositoryError, match=f"it has {problem} with the hash"):
        list(repository.blob_pieces(Reference.of(BLOB)))


def test_small_files_have_bounds(repository: Repository, tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / str(CHANNEL)).write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(RepositoryError, match="has more than 1048576 bytes"):
        repository.record(CHANNEL)
    (store / str(INDEX_KEY)).write_bytes(INDEX_BYTES + b" ")
    with pytest.raises(RepositoryError, match=f"has more than {len(INDEX_BYTES)} bytes"):
        repository.index(INDEX_KEY, Reference.of(INDEX_BYTES))
    with pytest.raises(RepositoryError, match="1099511627776 bytes; 268435456 are accepted"):
        repository.listing(Reference("0" * 64, 1024**4))
    with pytest.raises(ValueError, match="without the bytes before"):
        list(repository.blob_pieces(Reference.of(BLOB), 5))


def test_a_blob_has_the_size_that_is_named(repository: Repository) -> None:
    with pytest.raises(RepositoryError, match="it has 16 bytes, not 17"):
        repository.has_blob(Reference(Reference.of(BLOB).sha256, 17))
