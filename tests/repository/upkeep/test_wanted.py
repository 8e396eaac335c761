from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.small_repositories import (
    LINUX,
    WINDOWS,
    SmallRepository,
    packages,
)
from tests.support.wrapped_stores import CountingStore, WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import StoreError
from venvstacks_rules.repository.upkeep.wanted import OtherFile, all_wanted, wanted_of_channels

ANSWERS = (StoreError("not reached"), RepositoryError("no answer that makes sense", []))


@pytest.fixture
def made(tmp_path: Path) -> SmallRepository:
    made = SmallRepository(tmp_path)
    for version in ("1.1", "1.0"):
        made.point(made.stack(version))
    made.point(made.stack("1.0", platform=WINDOWS))
    made.layer("framework-alone", packages(rich="13"), kind="framework")
    made.put("archives/release/1.0/x", b"archive")
    for number in (1, 2):
        made.put(f"trust/{number}.root.json", b"{}")
    return made


def test_everything(made: SmallRepository) -> None:
    wanted = all_wanted(made.reader)
    assert [(found.stack.version, found.stack.platform) for found in wanted.stacks] == [
        *(("1.1", LINUX), ("1.0", LINUX), ("1.0", WINDOWS))
    ]
    assert wanted.indexes == made.indexes
    assert wanted.others == (
        OtherFile("archives/release/1.0/x", 7),
        OtherFile("trust/1.root.json", 2),
        OtherFile("trust/2.root.json", 2),
    )
    assert {blob.sha256 for blob in wanted.blobs} == {sha256 for sha256, _ in made.reader.blobs()}


def test_what_channels_point_at_without_a_list(made: SmallRepository) -> None:
    counting = CountingStore(made.store)
    channel = ChannelKey("release", "stable", WINDOWS)
    wanted = wanted_of_channels(Repository(counting), [channel])
    assert [found.record.key for found in wanted.records] == [channel]
    assert [str(found.stack.key) for found in wanted.stacks] == [
        "stacks/release/1.0/win_amd64.json"
    ]
    assert set(wanted.indexes) == set(wanted.stacks[0].stack.layer_keys)
    assert [other.key for other in wanted.others] == ["trust/1.root.json", "trust/2.root.json"]
    # Where nothing can be listed, the copy has no deltas.
    assert [key for verb, key in counting.requests if verb == "list"] == ["deltas/"]


def test_channels_that_are_not_there(made: SmallRepository) -> None:
    with pytest.raises(RepositoryError) as caught:
        wanted_of_channels(made.reader, [ChannelKey("release", "beta", LINUX)])
    assert str(caught.value) == (
        f"{made.url}: not all channels are there.\n"
        "  * `channels/release/beta/linux_x86_64.json` is missing"
    )


@pytest.mark.parametrize("error", ANSWERS)
def test_deltas_that_cannot_be_listed_are_left_out(made: SmallRepository, error: Exception) -> None:
    def answer(verb: str, key: str) -> None:
        if verb == "list":
            raise error

    channel = ChannelKey("release", "stable", WINDOWS)
    wanted = wanted_of_channels(Repository(WrappedStore(made.store, answer)), [channel])
    assert (len(wanted.stacks), wanted.deltas) == (1, ())
