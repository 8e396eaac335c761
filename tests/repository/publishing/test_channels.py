from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.publications import PLATFORM, small_release
from tests.support.whole_repository import channel
from tests.support.wrapped_stores import WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.model.repository.records import NEVER, ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.channels import Signing, change_of, write_record
from venvstacks_rules.repository.publishing.leases import publisher_lease
from venvstacks_rules.repository.publishing.planning import planned
from venvstacks_rules.repository.publishing.upload import Settings, published, uploaded
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore

KEY = ChannelKey("release", "stable", PLATFORM)
A, B, C = (Reference.of(name) for name in (b"a", b"b", b"c"))
FIRST = ChannelRecord.first(KEY, "1.0", A)
SECOND = FIRST.moved("2.0", B)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(FileStore(tmp_path / "store"))


@pytest.mark.parametrize(
    ("record", "version", "manifest", "expected"),
    [
        (None, "1.0", A, ("created", None, 0)),
        (FIRST, "1.0", A, ("same", "1.0", 1)),
        (FIRST, "2.0", B, ("moved", "1.0", 1)),
        (SECOND, "2.0", B, ("same", "2.0", 2)),
        (SECOND, "1.0", A, ("left", "2.0", 2)),
        (SECOND.rolled_back("1.0"), "2.0", B, ("left", "1.0", 2)),
        (SECOND.rolled_back("1.0"), "3.0", C, ("moved", "1.0", 2)),
    ],
)
def test_what_a_publisher_does_to_a_channel(
    record: ChannelRecord | None,
    version: str,
    manifest: Reference,
    expected: tuple[str, str | None, int],
) -> None:
    found = change_of("file:///store", KEY, record, version, manifest)
    assert (found.change, found.before, found.newest) == expected


def test_says_why_a_channel_is_left() -> None:
    assert change_of("file:///store", KEY, SECOND, "1.0", A).reason == (
        "it has moved on from 1.0; `venvstacks-repository promote 1.0 --channel stable` moves it"
        " there"
    )
    assert change_of("file:///store", KEY, SECOND.rolled_back("1.0"), "2.0", B).reason == (
        "it was rolled back from 2.0; `venvstacks-repository promote 2.0 --channel stable` moves"
        " it there"
    )


@pytest.mark.parametrize("record", [FIRST, SECOND])
def test_a_version_in_a_channel_has_one_content(record: ChannelRecord) -> None:
    with pytest.raises(RepositoryError) as caught:
        change_of("file:///store", KEY, record, "1.0", C)
    assert str(caught.value) == (
        f"file:///store: `release` 1.0 for {PLATFORM} is there already, with other content.\n"
        f"  * the manifest there is sha256:{A.sha256}, the new one sha256:{C.sha256}\n"
        "  * A version never changes: raise the version, and publish again."
    )


def test_comes_on_top_of_those_that_were_faster(repository: Repository, tmp_path: Path) -> None:
    published(small_release(tmp_path / "1", "1.0"), repository)
    ours = small_release(tmp_path / "2", "2.0")
    plan = planned(ours, repository)
    for version in ("3.0", "4.0"):
        published(small_release(tmp_path / version, version), repository)
    (change,) = uploaded(ours, repository, plan).channels
    assert (change.change, change.before, change.overtaken) == ("moved", "4.0", ("3.0", "4.0"))
    record = channel(tmp_path / "store")
    assert record is not None
    assert record["current"]["version"] == "2.0"
    assert [one["version"] for one in record["history"]] == ["4.0", "3.0", "1.0"]


def test_one_that_was_faster_at_the_last_moment(repository: Repository, tmp_path: Path) -> None:
    theirs = small_release(tmp_path / "1", "1.0")

    def be_faster(verb: str, key: str) -> None:
        if verb == "replace" and key.startswith("channels"):
            published(theirs, repository)

    ours = small_release(tmp_path / "2", "2.0")
    result = published(ours, Repository(WrappedStore(repository.store, be_faster)))
    (change,) = result.channels
    assert (change.change, change.before, change.overtaken) == ("moved", "1.0", ("1.0",))
    assert [change.change for change in result.plan.channels] == ["created"]


def test_leaves_a_channel_that_has_moved_on(repository: Repository, tmp_path: Path) -> None:
    ours = small_release(tmp_path / "1", "1.0")
    published(ours, repository)
    published(small_release(tmp_path / "2", "2.0"), repository)
    result = published(ours, repository)
    assert not result.plan.changes
    assert [change.before for change in result.left] == ["2.0"]
    assert channel(tmp_path / "store")["current"]["version"] == "2.0"  # type: ignore[index]


def test_gives_up_on_a_channel_that_never_rests(repository: Repository, tmp_path: Path) -> None:
    class Restless(FileStore):
        def replace(self, *_: object) -> bool:
            return False

    ours = small_release(tmp_path / "1", "1.0")
    with pytest.raises(RepositoryError) as caught:
        published(ours, Repository(Restless(tmp_path / "store")))
    assert str(caught.value) == (
        f"{repository.url}: `{KEY}` changes all the time.\n"
        "  * 100 tries to move it failed; run this again"
    )


def test_signs_records(repository: Repository, tmp_path: Path) -> None:
    def sign(signed: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        return ({"keyid": "k", "sig": f"of {signed['current']['version']}, {signed['expires']}"},)

    expires = "2030-01-01T00:00:00Z"
    settings = Settings(Signing(sign, expires))
    published(small_release(tmp_path / "1", "1.0"), repository, settings)
    path = tmp_path / "store" / str(KEY)
    assert json.loads(path.read_text())["signatures"] == [
        {"keyid": "k", "sig": f"of 1.0, {expires}"}
    ]
    assert channel(tmp_path / "store")["expires"] == expires  # type: ignore[index]
    published(small_release(tmp_path / "2", "2.0"), repository)
    assert json.loads(path.read_text())["signatures"] == []
    assert channel(tmp_path / "store")["expires"] == NEVER  # type: ignore[index]


def test_keys_of_a_later_format_stay_in_a_record(repository: Repository, tmp_path: Path) -> None:
    published(small_release(tmp_path / "1", "1.0"), repository)
    path = tmp_path / "store" / str(KEY)
    record = json.loads(path.read_text())
    record["signed"]["rollout"] = {"percent": 5}
    path.write_text(json.dumps(record))
    published(small_release(tmp_path / "2", "2.0"), repository)
    assert channel(tmp_path / "store")["rollout"] == {"percent": 5}  # type: ignore[index]


def test_a_record_replaces_the_one_that_was_found(repository: Repository, tmp_path: Path) -> None:
    published(small_release(tmp_path / "1", "1.0"), repository)
    found = repository.record(KEY)
    assert found is not None
    next_record = found.record.moved("2.0", found.record.current.manifest)
    with publisher_lease(repository.store) as held:
        assert write_record(repository, found, next_record, held)
        assert not write_record(repository, found, next_record, held)
        assert not write_record(repository, None, next_record, held)
