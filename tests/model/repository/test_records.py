from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile_json import changed
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import ChannelKey, StackKey, name_problem
from venvstacks_rules.model.repository.records import (
    MOST_RECORD_BYTES,
    MOST_VERSIONS,
    NEVER,
    ChannelRecord,
    ChannelVersion,
)
from venvstacks_rules.model.repository.references import Reference

A, B, C = (Reference(character * 64, 10) for character in "abc")
KEY = ChannelKey("release", "stable", "linux_x86_64")
RECORD = ChannelRecord.first(KEY, "1.0", A).moved("1.1", B)
SIGNED: dict[str, Any] = {
    "_type": "targets",
    "spec_version": "1.0.31",
    "version": 2,
    "expires": NEVER,
    "targets": {
        "stacks/release/1.1/linux_x86_64.json": {
            "length": 10,
            "hashes": {"sha256": "b" * 64},
        }
    },
    "name": "release",
    "channel": "stable",
    "target_platform": "linux_x86_64",
    "current": {"version": "1.1", "manifest": {"sha256": "b" * 64, "size": 10}, "sequence": 2},
    "history": [{"version": "1.0", "manifest": {"sha256": "a" * 64, "size": 10}, "sequence": 1}],
}


def read(**changes: Any) -> ChannelRecord:
    content = {"signatures": [], "signed": {**SIGNED, **changes}}
    return ChannelRecord.from_json(json.dumps(content).encode(), KEY)


def problems(**changes: Any) -> list[str]:
    with pytest.raises(RepositoryError) as caught:
        read(**changes)
    assert caught.value.summary == f"`{KEY}` cannot be used."
    return list(caught.value.problems)


def test_what_a_record_is() -> None:
    signature = {"keyid": "k", "sig": "ff"}
    assert RECORD.to_json((signature,)) == (
        json.dumps({"signatures": [signature], "signed": SIGNED}, indent=2, sort_keys=True) + "\n"
    )
    assert ChannelRecord.from_json(RECORD.to_json().encode(), KEY) == RECORD
    assert RECORD.stack_key == StackKey("release", "1.1", "linux_x86_64")


def test_a_channel_moves() -> None:
    first = ChannelRecord.first(KEY, "1.0", A)
    assert (first.number, first.current, first.history) == (1, ChannelVersion("1.0", A, 1), ())
    second = first.moved("1.1", B)
    assert (second.number, second.current) == (2, ChannelVersion("1.1", B, 2))
    assert second.history == (first.current,)
    back = second.rolled_back("1.0")
    assert (back.number, back.current) == (3, ChannelVersion("1.0", A, 1))
    assert back.history == (second.current,)
    assert back.rolled_back_from == "1.1"
    third = back.moved("1.2", C)
    assert (third.number, third.current) == (4, ChannelVersion("1.2", C, 3))
    assert [known.version for known in third.history] == ["1.0", "1.1"]
    assert third.rolled_back_from is None
    with pytest.raises(KeyError):
        third.rolled_back("2.0")


def test_a_way_back_half_up_names_the_newest_version() -> None:
    record = ChannelRecord.first(KEY, "1", A).moved("2", B).moved("3", C)
    record = record.rolled_back("1")
    assert record.rolled_back_from == "3"
    record = record.rolled_back("2")
    assert record.rolled_back_from == "3"
    assert record.rolled_back("3").rolled_back_from is None


def test_the_history_has_an_end() -> None:
    record = ChannelRecord.first(KEY, "0", A)
    for i in range(1, 2 * MOST_VERSIONS):
        record = record.moved(str(i), B)
    assert len(record.history) == MOST_VERSIONS - 1
    assert record.history[0].version == str(2 * MOST_VERSIONS - 2)
    assert record.current.sequence == record.number == 2 * MOST_VERSIONS
    assert len(record.to_json()) < MOST_RECORD_BYTES / 50


def test_keys_of_a_later_format_stay() -> None:
    record = read(rollout={"percent": 5})
    assert record.more == {"rollout": {"percent": 5}}
    assert record.moved("2.0", C).to_signed()["rollout"] == {"percent": 5}
    assert "rollout" not in replace(record, more={}).to_signed()


def test_names_all_that_is_wrong() -> None:
    version = {"version": "a/b", "manifest": {"sha256": "x", "size": 1}, "sequence": 0}
    found = problems(
        _type="root",
        version=0,
        name="other",
        channel="beta",
        target_platform=None,
        current=version,
        history=[{"version": "a/b"}],
        expires="",
        rolled_back_from=[],
    )
    assert found == [
        "`signed._type`: it is not `targets`",
        "`signed.name`: 'other' is not 'release'",
        "`signed.channel`: 'beta' is not 'stable'",
        "`signed.target_platform`: expected a string, got null",
        f"`signed.current.version`: 'a/b': {name_problem('a/b')}",
        "`signed.current.sequence`: 0 is less than 1",
        "`signed.current.manifest.sha256`: `x` is not a SHA-256 in lower-case hexadecimal",
        f"`signed.history[0].version`: 'a/b': {name_problem('a/b')}",
        "`signed.history[0].sequence`: missing",
        "`signed.history[0].sequence`: 0 is less than 1",
        "`signed.history[0].manifest`: missing",
        "`signed.rolled_back_from`: expected a string, got a list",
        "`signed.expires`: is empty",
        "`signed.history[0].version`: `a/b` occurs twice",
        "`signed.version`: 0 is less than 1",
    ]


@pytest.mark.parametrize(
    "targets",
    [
        {},
        {"stacks/release/1.1/linux_x86_64.json": {"length": 10, "hashes": {"sha256": "a" * 64}}},
        {"stacks/release/1.0/linux_x86_64.json": {"length": 10, "hashes": {"sha256": "b" * 64}}},
        {**SIGNED["targets"], "stacks/other.json": {}},
        None,
    ],
)
def test_its_target_is_the_manifest_of_its_version(targets: object) -> None:
    assert problems(targets=targets) == [
        "`signed.targets`: it does not name the manifest of `current`"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            b'{"signed": {"more": ' + b"[" * 900 + b"]" * 900 + b"}}",
            "it is not JSON: it is nested too deeply",
        ),
    ],
)
def test_files_that_cannot_be_read(content: bytes, message: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        ChannelRecord.from_json(content, KEY)
    assert str(caught.value) == f"`{KEY}` cannot be read.\n  * {message}"


@given(changed(RECORD.to_json()))
def test_hostile_records(content: bytes) -> None:
    try:
        record = ChannelRecord.from_json(content, KEY)
    except RepositoryError:
        return
    again = ChannelRecord.from_json(record.to_json().encode(), KEY)
    assert again.to_json() == record.to_json()
    moved = record.moved("9.9", C)
    assert moved.number > record.number >= 1
    assert moved.current.sequence > max(
        known.sequence for known in (record.current, *record.history)
    )
    assert ChannelRecord.from_json(moved.to_json().encode(), KEY).to_json() == moved.to_json()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=20))
def test_numbers_only_grow(steps: list[tuple[bool, int]]) -> None:
    record = ChannelRecord.first(KEY, "0", A)
    for i, (back, which) in enumerate(steps, 1):
        before = record
        if back and record.history:
            version = record.history[which % len(record.history)].version
            record = record.rolled_back(version)
            assert record.current.version == version
        else:
            record = record.moved(str(i), B)
        assert record.number == before.number + 1
        known = (record.current, *record.history)
        assert len({one.sequence for one in known}) == len({one.version for one in known})
        newest = max(known, key=lambda one: one.sequence)
        expected = None if record.current == newest else newest.version
        assert record.rolled_back_from == expected
        assert ChannelRecord.from_json(record.to_json().encode(), KEY) == record


def reference(version: str) -> Reference:
    return Reference.of(version.encode())


@pytest.fixture
def record() -> ChannelRecord:
    made = ChannelRecord.first(KEY, "1.0", reference("1.0"))
    for version in ("1.1", "1.2"):
        made = made.moved(version, reference(version))
    return made


def test_a_rollback_names_the_newest_version_that_was_left(record: ChannelRecord) -> None:
    back = record.rolled_back("1.0")
    assert (back.number, back.current.version, back.rolled_back_from) == (4, "1.0", "1.2")
    # Half up again: who has seen 1.2 sees an older version, still.
    half = back.rolled_back("1.1")
    assert (half.number, half.current.version, half.rolled_back_from) == (5, "1.1", "1.2")
    whole = half.rolled_back("1.2")
    assert (whole.number, whole.current.version, whole.rolled_back_from) == (6, "1.2", None)
    for one in (back, half, whole):
        assert ChannelRecord.from_json(one.to_json().encode(), KEY) == one
        assert {known.version for known in (one.current, *one.history)} == {"1.0", "1.1", "1.2"}


def test_a_version_after_a_rollback_is_the_newest(record: ChannelRecord) -> None:
    new = record.rolled_back("1.0").moved("1.3", reference("1.3"))
    assert (new.number, new.current.sequence, new.rolled_back_from) == (5, 4, None)
    assert [known.version for known in new.history] == ["1.0", "1.2", "1.1"]


def test_a_version_that_the_channel_never_had(record: ChannelRecord) -> None:
    with pytest.raises(KeyError):
        record.rolled_back("0.9")
