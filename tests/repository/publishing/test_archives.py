from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.publications import RUNTIME, Layer, files_below, release
from tests.support.wrapped_stores import CountingStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.publishing.publication import ArchiveFiles, PublicationFiles
from venvstacks_rules.repository.publishing.archives import StackArchives
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.publishing.upload import published
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore

MANIFEST = "linux_x86_64/__venvstacks__/venvstacks.json"
ARCHIVE = "linux_x86_64/cpython.tar.zst"
PREFIX = "archives/release/1.0"


def with_archives(folder: Path, content: bytes = b"an archive") -> Publication:
    files = release(folder, [Layer.of("cpython", RUNTIME)])
    (folder / "archive").write_bytes(content)
    (folder / "manifest").write_text('{"layers": {}}')
    archives = ArchiveFiles(
        "release",
        "1.0",
        {ARCHIVE: str(folder / "archive"), MANIFEST: str(folder / "manifest")},
        MANIFEST,
    )
    return Publication.read(PublicationFiles(files.indexes, files.stacks, files.blobs, (archives,)))


def test_archives_are_there_before_the_channel(tmp_path: Path) -> None:
    store = CountingStore(FileStore(tmp_path / "store"))
    result = published(with_archives(tmp_path), Repository(store))
    written = [key for verb, key in store.requests if verb in {"put_if_absent", "replace"}]
    assert written[-4:] == [
        f"{PREFIX}/{ARCHIVE}",
        f"{PREFIX}/{MANIFEST}",
        "stacks/release/1.0/linux_x86_64.json",
        "channels/release/stable/linux_x86_64.json",
    ]
    assert (tmp_path / "store" / PREFIX / ARCHIVE).read_bytes() == b"an archive"
    assert result.plan.archives == (f"{PREFIX}/{MANIFEST}", f"{PREFIX}/{ARCHIVE}")
    assert result.sent_size == result.plan.new_size
    assert result.plan.archives_size == 10 + 14

    store.requests.clear()
    assert not published(with_archives(tmp_path), Repository(store)).plan.changes
    assert store.requests == [
        ("get", "channels/release/stable/linux_x86_64.json"),
        ("size", f"{PREFIX}/{MANIFEST}"),
    ]


def test_archives_may_come_later(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    published(Publication.read(release(tmp_path, [Layer.of("cpython", RUNTIME)])), repository)
    assert not [name for name in files_below(tmp_path / "store") if name.startswith("archives")]
    result = published(with_archives(tmp_path), repository)
    assert result.sent_size == 24
    assert [change.change for change in result.channels] == ["same"]


def test_archives_of_a_version_never_change(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    published(with_archives(tmp_path), repository)
    (tmp_path / "store" / PREFIX / MANIFEST).unlink()
    with pytest.raises(RepositoryError) as caught:
        published(with_archives(tmp_path, b"another archive"), repository)
    assert str(caught.value) == (
        "The archives of this version are there already, with other content.\n"
        f"  * `{PREFIX}/{ARCHIVE}` has 10 bytes there; the new one has 15\n"
        "  * A version never changes: raise the version, and publish again."
    )


def test_names_that_no_key_can_have() -> None:
    with pytest.raises(RepositoryError) as caught:
        StackArchives.of(ArchiveFiles("re/lease", "1.0", {"../x": "x", "con.zip": "y"}, "m"))
    lines = str(caught.value).splitlines()
    assert lines[0] == "These archives cannot be published."
    assert lines[1] == "  * `m` is not one of the files"
    assert lines[2].startswith("  * `re/lease`: it may have up to 100 ASCII letters")
    assert lines[3] == "  * `archives/re/lease/1.0/../x`: the path contains `..`"
    assert lines[4] == (
        "  * `archives/re/lease/1.0/con.zip`: on Windows `con.zip` is the name of a device"
    )
