"""Repositories that are full, closed, slow to tell the truth, or wrong."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import in_processes
from tests.support.publications import PLATFORM, files_below, small_release
from tests.support.whole_repository import channel, faults
from tests.support.wrapped_stores import WrappedStore
from venvstacks_rules.model.errors import RepositoryError, VenvstacksError
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.repository.publishing.planning import planned
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.publishing.upload import Settings, published, uploaded
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import RECORD_REMEDY, Stored, StoreError

NOBODY = 65534
RECORD = f"channels/release/stable/{PLATFORM}.json"


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users reach; those of pytest are for one."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def publish_and_write_error(publication: Publication, folder: Path, error: int) -> None:
    try:
        published(publication, Repository(FileStore(folder)))
    except VenvstacksError as e:
        os.write(error, str(e).encode())


def test_a_folder_that_is_not_ours_to_write(tmp_path: Path, shared_folder: Path) -> None:
    publication = small_release(tmp_path / "files")
    published(publication, Repository(FileStore(shared_folder / "store")))
    later = small_release(tmp_path / "later", "2.0")
    for path in [shared_folder, *shared_folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    error = os.open(tmp_path / "error", os.O_CREAT | os.O_WRONLY)

    def publish() -> None:
        if os.getuid() == 0:
            os.setuid(NOBODY)
        publish_and_write_error(later, shared_folder / "store", error)

    assert in_processes(publish) == [0]
    for path in [shared_folder, *shared_folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    lines = (tmp_path / "error").read_text().splitlines()
    url = (shared_folder / "store").as_uri()
    assert lines[0].startswith(f"{url}: `locks/publish/")
    assert "`: Permission denied" in lines[0]
    assert not list(faults(shared_folder / "store"))
    assert channel(shared_folder / "store")["current"]["version"] == "1.0"  # type: ignore[index]


def test_a_system_that_takes_no_more_bytes(tmp_path: Path) -> None:
    publication = small_release(tmp_path / "files")
    error = os.open(tmp_path / "error", os.O_CREAT | os.O_WRONLY)

    def publish() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        publish_and_write_error(publication, tmp_path / "store", error)

    assert in_processes(publish) == [0]
    text = (tmp_path / "error").read_text()
    interpreter = publication.layers[0].index.segments[0].blob.sha256
    key = f"blobs/sha256/{interpreter[:2]}/{interpreter}"
    assert text.startswith(f"{(tmp_path / 'store').as_uri()}: `{key}`: File too large")
    assert key not in list(files_below(tmp_path / "store"))
    assert channel(tmp_path / "store") is None
    # Nothing is in the way of the next one.
    published(publication, Repository(FileStore(tmp_path / "store")))
    assert not list(faults(tmp_path / "store"))
    assert not [name for name in files_below(tmp_path / "store") if name.startswith("locks")]


# The lease, `repository.json`, a blob and the list of its files, an index, the manifest, and the
# record.
@pytest.mark.parametrize("at", range(1, 8))
def test_a_request_that_fails_ends_the_publish(tmp_path: Path, at: int) -> None:
    store = FileStore(tmp_path / "store")
    published(small_release(tmp_path / "1"), Repository(store))
    writes = iter(range(1, 100))

    def fail(verb: str, key: str) -> None:
        if verb in {"put_if_absent", "replace"} and next(writes) == at:
            raise StoreError(f"{store.url}: `{key}`: the connection was reset")

    publication = small_release(tmp_path / "2", "2.0", extra=b"x" * at)
    with pytest.raises(StoreError, match="the connection was reset"):
        published(publication, Repository(WrappedStore(store, fail)))
    assert not list(faults(tmp_path / "store"))
    assert channel(tmp_path / "store")["current"]["version"] == "1.0"  # type: ignore[index]
    assert not list((tmp_path / "store/locks/publish").glob("*.json"))
    published(publication, Repository(store))
    assert channel(tmp_path / "store")["current"]["version"] == "2.0"  # type: ignore[index]


def test_a_store_that_tells_old_records(tmp_path: Path) -> None:
    class Forgetful(FileStore):
        """Tells the record of two versions ago, with its mark, now and then."""

        old: Stored | None = None
        asked = 0

        def get(self, key: str, *, limit: int) -> Stored | None:
            if key == RECORD:
                self.asked += 1
                if self.asked % 4:
                    return self.old
            return super().get(key, limit=limit)

    store = Forgetful(tmp_path / "store")
    for version in ("1.0", "2.0", "3.0", "4.0"):
        path = tmp_path / "store" / RECORD
        before = FileStore(tmp_path / "store").get(RECORD, limit=10**6) if path.exists() else None
        published(small_release(tmp_path / version, version), Repository(store))
        store.old = before
    record = channel(tmp_path / "store")
    assert record is not None
    known = [record["current"], *record["history"]]
    assert [one["version"] for one in known] == ["4.0", "3.0", "2.0", "1.0"]
    assert [one["sequence"] for one in known] == [4, 3, 2, 1]


def test_a_store_with_other_bytes(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    publication = small_release(tmp_path / "1")
    published(publication, repository)
    (tmp_path / "store" / RECORD).write_bytes(b"<html>Sign in</html>")
    with pytest.raises(RepositoryError) as caught:
        planned(small_release(tmp_path / "2", "2.0"), repository)
    assert str(caught.value) == (
        f"{repository.url}: `{RECORD}` cannot be read.\n"
        "  * it is not JSON: it begins with '<html>Sign in</html>'\n"
        f"  * {RECORD_REMEDY}"
    )
    (tmp_path / "store" / RECORD).unlink()
    (tmp_path / "store" / str(publication.layers[1].key)).write_bytes(b"short")
    (tmp_path / "store" / str(publication.stacks[0].stack.key)).unlink()
    with pytest.raises(RepositoryError) as caught:
        planned(publication, repository)
    assert str(caught.value).splitlines()[0] == (
        f"{repository.url}: `{publication.layers[1].key}` is damaged."
    )


def test_a_repository_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "repository.json").write_text(repository_json().replace("1", "2"))
    with pytest.raises(RepositoryError, match="has version 2 of the format"):
        published(small_release(tmp_path / "files"), Repository(FileStore(folder)))
    assert list(files_below(folder)) == ["repository.json"]


def test_a_file_that_changed_after_the_build(tmp_path: Path) -> None:
    publication = small_release(tmp_path / "files")
    blob = publication.layers[1].index.segments[1].blob
    publication.files[blob.sha256].write_bytes(b"poor")
    repository = Repository(FileStore(tmp_path / "store"))
    with pytest.raises(StoreError, match="changed"):
        published(publication, repository)
    assert channel(tmp_path / "store") is None
    assert not list(faults(tmp_path / "store"))


def test_a_publisher_whose_lease_ended_stops(tmp_path: Path) -> None:
    publication = small_release(tmp_path / "files")
    repository = Repository(FileStore(tmp_path / "store"))
    plan = planned(publication, repository)

    def tidy_up(verb: str, key: str) -> None:
        """As somebody does it who thinks that nobody is there."""
        if verb == "put_if_absent" and key.startswith("blobs"):
            shutil.rmtree(tmp_path / "store/locks", ignore_errors=True)
            signal.sigtimedwait([], 0.05)

    slow = Repository(WrappedStore(repository.store, tidy_up))
    with pytest.raises(RepositoryError, match="may have ended"):
        uploaded(publication, slow, plan, Settings(grace=0.2))
    assert channel(tmp_path / "store") is None
