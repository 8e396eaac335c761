from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.small_repositories import LINUX, WINDOWS, SmallRepository
from tests.support.wrapped_stores import WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import ChannelKey, StackKey, blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.channels import Signing
from venvstacks_rules.repository.publishing.leases import Held, publisher_lease
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import REMEDY
from venvstacks_rules.repository.upkeep.promotion import Promotion, promoted, rolled_back
from venvstacks_rules.repository.upkeep.selection import find_version


@pytest.fixture
def made(tmp_path: Path) -> SmallRepository:
    """Three versions; `stable` is at the second, which Windows has, too."""
    made = SmallRepository(tmp_path)
    made.point(made.stack("1.0"))
    made.point(made.stack("1.1"))
    made.stack("1.1", platform=WINDOWS)
    made.stack("1.2")
    return made


@pytest.fixture
def held(made: SmallRepository) -> Iterator[Held]:
    with publisher_lease(made.store) as lease:
        yield lease


def promote(
    made: SmallRepository, held: Held, version: str, channel: str = "stable", **more: Any
) -> Promotion:
    return promoted(made.reader, find_version(made.reader, [version]), channel, held, **more)


def at(made: SmallRepository, version: str) -> tuple[StackKey, Reference]:
    (found,) = find_version(made.reader, [version], [LINUX]).found
    return found.stack.key, found.reference


def test_a_channel_moves_on_all_platforms_of_a_version(made: SmallRepository, held: Held) -> None:
    assert list(promote(made, held, "1.1").lines()) == [
        "release stable for linux_x86_64: points at 1.1 already",
        "release stable for win_amd64: 1.1, new (record 1)",
    ]
    assert made.record(platform=WINDOWS).current.version == "1.1"
    assert list(promote(made, held, "1.2").lines()) == [
        "release stable for linux_x86_64: 1.2, moved from 1.1 (record 3)"
    ]
    record = made.record()
    assert (record.current.version, record.current.sequence) == ("1.2", 3)
    assert [known.version for known in record.history] == ["1.1", "1.0"]
    assert record.rolled_back_from is None


def test_a_rollback_is_a_higher_record(made: SmallRepository, held: Held) -> None:
    promote(made, held, "1.2")
    done = rolled_back(made.reader, "stable", held)
    assert list(done.lines()) == [
        "release stable for linux_x86_64: 1.1, rolled back from 1.2 (record 4)"
    ]
    record = made.record()
    assert (record.number, record.current.version, record.rolled_back_from) == (4, "1.1", "1.2")
    assert done.to_dict()["channels"] == [
        {
            "name": "release",
            "channel": "stable",
            "platform": LINUX,
            "before": "1.2",
            "after": "1.1",
            "number": 4,
            "changed": True,
            "rolled_back": True,
        }
    ]
    # Once more, and then forward again.
    rolled_back(made.reader, "stable", held)
    assert made.record().current.version == "1.0"
    assert list(promote(made, held, "1.2").lines()) == [
        "release stable for linux_x86_64: 1.2, moved from 1.0 (record 6)"
    ]
    record = made.record()
    assert (record.current.sequence, record.rolled_back_from) == (3, None)
    for version in ("release@1.0", "1.0"):
        done = rolled_back(made.reader, "stable", held, version=version)
    assert list(done.lines()) == ["release stable for linux_x86_64: points at 1.0 already"]


def test_promote_does_not_go_back_and_rollback_not_forward(
    made: SmallRepository, held: Held
) -> None:
    with pytest.raises(RepositoryError) as caught:
        promote(made, held, "1.0")
    assert str(caught.value) == (
        f"{made.url}: `release@1.0` cannot be promoted to `stable`.\n"
        "  * linux_x86_64: the channel went on from 1.0 to 1.1; `venvstacks-repository rollback"
        " release@1.0 --channel stable` takes it back"
    )
    rolled_back(made.reader, "stable", held)
    for version, reason in (
        ("1.1", "1.1 is newer than 1.0; `venvstacks-repository promote` goes forward"),
        ("", "no version came before 1.0 in this channel"),
        ("1.9", "no version came before 1.0 in this channel"),
    ):
        with pytest.raises(RepositoryError) as caught:
            rolled_back(made.reader, "stable", held, version=version)
        assert str(caught.value) == (
            f"{made.url}: `stable` cannot be rolled back.\n  * release for linux_x86_64: {reason}"
        )
    # As after a prune.
    made.store.delete(["stacks/release/1.1/linux_x86_64.json"])
    with pytest.raises(RepositoryError) as caught:
        rolled_back(made.reader, "stable", held, version="1.1")
    assert caught.value.problems == (
        "release for linux_x86_64: 1.1 is newer than 1.0, and was removed; publish it again, and "
        "the channel goes forward",
    )


def test_a_channel_never_points_at_what_is_missing(
    made: SmallRepository, held: Held, tmp_path: Path
) -> None:
    before = made.record()
    key = list(made.indexes)[-1]
    blob = blob_key(made.indexes[key].segments[0].blob.sha256)
    (tmp_path / blob).unlink()
    with pytest.raises(RepositoryError) as caught:
        promote(made, held, "1.2")
    assert str(caught.value) == (
        f"{made.url}: `release@1.2` cannot be promoted to `stable`.\n"
        f"  * `{blob}` is missing\n"
        f"  * {REMEDY}"
    )
    (tmp_path / str(key)).unlink()
    with pytest.raises(RepositoryError, match=f"`{key}` is missing"):
        promote(made, held, "1.2")
    (tmp_path / "stacks/release/1.0/linux_x86_64.json").unlink()
    with pytest.raises(RepositoryError) as caught:
        rolled_back(made.reader, "stable", held)
    assert str(caught.value).endswith(
        f"  * `stacks/release/1.0/linux_x86_64.json` was removed\n  * {REMEDY}"
    )
    assert made.record() == before


def test_two_at_the_same_time(made: SmallRepository, held: Held) -> None:
    def overtake(verb: str, key: str) -> None:
        if verb == "replace" and key.startswith("channels/"):
            stack = made.reader.found_manifest(
                find_version(made.reader, ["1.2"]).found[0].stack.key
            )
            assert stack is not None
            made.point(stack.stack)

    slow = Repository(WrappedStore(made.store, overtake))
    with pytest.raises(RepositoryError) as caught:
        rolled_back(slow, "stable", held)
    assert str(caught.value) == (
        f"{made.url}: somebody else moved `channels/release/stable/linux_x86_64.json` at the same"
        " time.\n  * It is where they moved it to. Look at it with `venvstacks-repository list`,"
        " and run this again if it is still right."
    )
    assert made.record().current.version == "1.2"


def test_which_stack_and_which_platform(made: SmallRepository, held: Held) -> None:
    promote(made, held, "1.1")
    made.point(made.stack("1.2", platform=WINDOWS))
    with pytest.raises(RepositoryError) as caught:
        rolled_back(made.reader, "stable", held)
    assert str(caught.value) == (
        f"{made.url}: `stable` is not at one version on all platforms.\n"
        "  * name the version to go back to, or a `--platform`: linux_x86_64 is at 1.1, win_amd64"
        " is at 1.2"
    )
    done = rolled_back(made.reader, "stable", held, platforms=[WINDOWS])
    assert [(c.key.platform, c.after) for c in done.channels] == [(WINDOWS, "1.1")]
    with pytest.raises(RepositoryError, match="has no channel `stable` for macosx_arm64"):
        rolled_back(made.reader, "stable", held, platforms=["macosx_arm64"])
    for version in ("1", "2"):
        made.point(made.stack(version, name="other"))
    with pytest.raises(RepositoryError) as caught:
        rolled_back(made.reader, "stable", held)
    assert str(caught.value) == (
        f"{made.url}: several stacks have a channel `stable`.\n"
        "  * name one with `--stack`: `other`, `release`"
    )
    for name, version in (("other", ""), ("", "other@1")):
        done = rolled_back(made.reader, "stable", held, name=name, version=version)
        assert [(c.key.name, c.after) for c in done.channels] == [("other", "1")]
        made.point(made.stack("2", name="other"))
    with pytest.raises(RepositoryError, match="there is no channel `beta`"):
        rolled_back(made.reader, "beta", held)
    with pytest.raises(RepositoryError, match="`a/b` cannot be the name of a channel"):
        promote(made, held, "1.2", "a/b")


def test_signed_channels(made: SmallRepository, held: Held, tmp_path: Path) -> None:
    signed = []

    def sign(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        signed.append(data)
        return ({"keyid": "k", "sig": "s"},)

    signing = Signing(sign, "2030-01-01T00:00:00Z")
    made.point(made.reader.manifest(*at(made, "1.2")), "beta")
    promote(made, held, "1.2", signing=signing)
    path = tmp_path / str(ChannelKey("release", "stable", LINUX))
    data = json.loads(path.read_text())
    assert data["signatures"] == [{"keyid": "k", "sig": "s"}]
    assert data["signed"] == signed[0]
    assert data["signed"]["expires"] == "2030-01-01T00:00:00Z"
    before = path.read_bytes()
    with pytest.raises(RepositoryError) as caught:
        rolled_back(made.reader, "stable", held)
    assert str(caught.value) == (
        f"{made.url}: moving a signed channel takes a key.\n"
        "  * `channels/release/stable/linux_x86_64.json` is signed"
    )
    assert path.read_bytes() == before
    rolled_back(made.reader, "stable", held, signing=signing)
    assert json.loads(path.read_text())["signed"]["current"]["version"] == "1.1"
