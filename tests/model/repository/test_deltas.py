from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.support.hostile_json import changed
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.deltas import (
    MOST_BASE_BYTES,
    MOST_PART_BYTES,
    BaseRange,
    Delta,
    DeltaPart,
    same_subject,
    unversioned,
)
from venvstacks_rules.model.repository.indexes import PublishedSegment
from venvstacks_rules.model.repository.keys import DeltaKey
from venvstacks_rules.model.repository.references import Reference

MIB = 1024 * 1024


def ref(letter: str, size: int) -> Reference:
    return Reference(letter * 64, size)


DELTA = Delta(
    old=ref("a", 2 * MIB),
    new=ref("b", 3 * MIB),
    blob=ref("c", 30),
    files=(ref("d", 100), ref("e", 50)),
    bases=(ref("f", 90),),
    parts=(DeltaPart(20, 120, (BaseRange(0, 10, 90),)), DeltaPart(10, 30)),
)


def test_there_and_back() -> None:
    assert Delta.from_json(DELTA.to_json().encode()) == DELTA
    assert DELTA.key == DeltaKey("b" * 64, "a" * 32)
    assert str(DELTA.key) == f"deltas/{'b' * 64}/{'a' * 32}.json"
    assert DeltaKey.parsed(str(DELTA.key)) == DELTA.key
    assert DELTA.unpacked_size == 150


def test_the_text() -> None:
    data = json.loads(DELTA.to_json())
    assert sorted(data) == ["bases", "blob", "files", "format_version", "from", "parts", "to"]
    assert data["from"] == {"sha256": "a" * 64, "size": 2 * MIB}
    assert data["parts"][0] == {
        "size": 20,
        "unpacked_size": 120,
        "dictionary": [{"base": 0, "start": 10, "end": 90}],
    }


@pytest.mark.parametrize(
    "key",
    [
        f"deltas/{'b' * 64}/{'a' * 64}.json",
        f"deltas/{'B' * 64}/{'a' * 32}.json",
        f"deltas/{'b' * 64}/{'a' * 32}",
        f"deltas/{'b' * 64}/{'a' * 32}.json/x",
        f"layers/{'b' * 64}/{'a' * 32}.json",
    ],
)
def test_keys_of_others(key: str) -> None:
    assert DeltaKey.parsed(key) is None


def test_fits_the_tag_of_a_registry() -> None:
    from venvstacks_rules.repository.stores.tags import key_tag, tag_key

    assert tag_key(key_tag(str(DELTA.key))) == str(DELTA.key)


def parts(*parts: DeltaPart) -> Delta:
    blob = replace(DELTA.blob, size=sum(part.size for part in parts))
    size = sum(part.unpacked_size for part in parts)
    return replace(DELTA, blob=blob, files=(ref("d", size),), parts=parts)


def big(ranges: int, size: int) -> Delta:
    part = DeltaPart(1, 1, tuple(BaseRange(0, 0, size) for _ in range(ranges)))
    return replace(parts(part), bases=(ref("f", size),))


@pytest.mark.parametrize(
    ("delta", "problem"),
    [
        (replace(DELTA, files=(ref("d", 75), ref("d", 75))), "a file is there twice"),
        (replace(DELTA, bases=(ref("f", 90), ref("f", 90))), "a base is there twice"),
        (
            replace(DELTA, blob=ref("c", 31)),
            "the parts have 30 bytes, and the blob has 31",
        ),
        (
            replace(DELTA, files=(ref("d", 149),)),
            "the parts unpack to 150 bytes, and the files have 149",
        ),
        (
            parts(DeltaPart(1, MOST_PART_BYTES + 1)),
            f"`parts[0]`: it unpacks to {MOST_PART_BYTES + 1} bytes; 16777216 are accepted",
        ),
        (
            parts(DeltaPart(MOST_PART_BYTES + 1, 1)),
            f"`parts[0]`: it has {MOST_PART_BYTES + 1} bytes; 16777216 are accepted",
        ),
        (parts(DeltaPart(1, 0)), "`parts[0]`: it unpacks to 0 bytes; 16777216 are accepted"),
        (
            parts(DeltaPart(1, 1, (BaseRange(1, 0, 9),))),
            "`parts[0]`: 0 to 9 is no range of a base",
        ),
        (
            parts(DeltaPart(1, 1, (BaseRange(0, 0, 91),))),
            "`parts[0]`: 0 to 91 is no range of a base",
        ),
        (
            parts(DeltaPart(1, 1, (BaseRange(0, 20, 10), BaseRange(0, 0, 80)))),
            "`parts[0]`: 20 to 10 is no range of a base",
        ),
        (
            big(3, MOST_BASE_BYTES // 2),
            f"`parts[0]`: its dictionary has {MOST_BASE_BYTES // 2 * 3} bytes; 8 to"
            f" {MOST_BASE_BYTES} are accepted",
        ),
        (
            big(1, 7),
            f"`parts[0]`: its dictionary has 7 bytes; 8 to {MOST_BASE_BYTES} are accepted",
        ),
    ],
)
def test_what_is_refused(delta: Delta, problem: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        Delta.from_json(delta.to_json().encode(), "here")
    assert (caught.value.summary, list(caught.value.problems)) == (
        "`here` cannot be used.",
        [problem],
    )


def test_no_document_has_the_same_files_read_again_and_again() -> None:
    part = DeltaPart(1, 1, (BaseRange(0, 0, MOST_BASE_BYTES),))
    bases = (ref("f", MOST_BASE_BYTES),)
    once = replace(parts(part), bases=bases)
    assert Delta.from_json(once.to_json().encode()) == once
    with pytest.raises(RepositoryError) as caught:
        Delta.from_json(replace(parts(part, part), bases=bases).to_json().encode())
    assert caught.value.problems == (
        f"the dictionaries have {2 * MOST_BASE_BYTES} bytes; {MOST_BASE_BYTES + 16} are accepted",
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"from": {}}, "`from.sha256`: missing"),
        ({"blob": {"sha256": "x", "size": 30}}, "`blob.sha256`: `x` is not a SHA-256"),
        ({"files": 5}, "`files`: expected a list, got an integer"),
        ({"parts": [{"size": -1, "unpacked_size": 1}]}, "`parts[0].size`: expected a size in"),
        (
            {"parts": [{"size": 1, "unpacked_size": 1, "dictionary": [{"base": -1}]}]},
            "`parts[0].dictionary[0].base`: expected a size in bytes, got -1",
        ),
    ],
)
def test_other_types(change: dict[str, Any], problem: str) -> None:
    data = {**json.loads(DELTA.to_json()), **change}
    with pytest.raises(RepositoryError) as caught:
        Delta.from_json(json.dumps(data).encode())
    assert caught.value.problems[0].startswith(problem)


def are_versions(
    one: str, other: str, file: str | None = None, other_file: str | None = None
) -> bool:
    segments = (
        PublishedSegment(source, ref("a", 1), ref("b", 1), 1, 512, large_file)
        for source, large_file in ((one, file), (other, other_file))
    )
    return same_subject(*segments)


def test_versions_of_one_thing() -> None:
    assert are_versions("torch-2.5.0-cp311-none-macosx.whl", "torch-2.5.1-cp311-none-macosx.whl")
    assert are_versions("Ruamel.yaml-1-py3-none-any.whl", "ruamel_yaml-2-py3-none-any.whl")
    assert are_versions("interpreter", "interpreter")
    assert not are_versions("torch-2.5.0-py3-none-any.whl", "torchvision-2.5.0-py3-none-any.whl")
    assert not are_versions("layer", "interpreter")


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("lib/a.so", "lib/a.so", True),
        ("lib/a.so", "lib/b.so", False),
        ("lib/a.so", None, False),
        ("x.libs/libblas-68440149.so", "x.libs/libblas-6cdc3b4a.so", True),
        (
            "x.libs/libgfortran-040039e1-0352e75f.so.5.0.0",
            "x.libs/libgfortran-8f1e9814-1a2b3c4d.so.5.0.1",
            True,
        ),
        ("x.libs/libquad-abcdefgh.so", "x.libs/libquad-abcdefgi.so", False),
        ("bin/python3.11", "bin/python3.12", True),
    ],
)
def test_versions_of_a_large_file(before: str, after: str | None, same: bool) -> None:
    old, new = "scipy-1.16.1-cp311-cp311-x.whl", "scipy-1.16.2-cp311-cp311-x.whl"
    assert are_versions(old, new, before, after) is same


def test_paths_of_one_thing() -> None:
    assert unversioned("torch-2.5.1.dist-info/RECORD") == unversioned("torch-2.6.dist-info/RECORD")
    assert unversioned("lib/a.py") != unversioned("lib/b.py")


@given(changed(DELTA.to_json()))
def test_hostile_deltas(content: bytes) -> None:
    try:
        delta = Delta.from_json(content)
    except RepositoryError:
        return
    assert Delta.from_json(delta.to_json().encode()) == delta
    assert sum(part.size for part in delta.parts) == delta.blob.size
    assert sum(part.unpacked_size for part in delta.parts) == delta.unpacked_size
    assert len(set(delta.bases)) == len(delta.bases)
    for part in delta.parts:
        assert 0 < part.unpacked_size <= MOST_PART_BYTES
        assert part.size <= MOST_PART_BYTES
        ranges = [(delta.bases[piece.base], piece) for piece in part.dictionary]
        assert all(0 <= piece.start < piece.end <= base.size for base, piece in ranges)
        assert sum(piece.end - piece.start for _, piece in ranges) <= MOST_BASE_BYTES
