"""Distributions of the repository, locked by ``uv`` beside an index with the same names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.layer_locks import Index, lock, pins, served_index, write_wheels
from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.model.locks.distributions import Distribution
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.requests.lock import BuiltDistribution


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served_index(tmp_path, monkeypatch) as index:
        yield index


def built(
    name: str, *requires: str, version: str = "1", own: bool = True, lower: bool = False
) -> BuiltDistribution:
    write_wheels(Path("built"), name, version, requires=requires)
    wheel = f"built/{name}-{version}-py3-none-any.whl"
    sha256 = hashlib.sha256(Path(wheel).read_bytes()).hexdigest()
    return BuiltDistribution(Distribution(name, version, "", requires), wheel, sha256, own, lower)


def test_no_index_is_asked_for_it(index: Index) -> None:
    index.add("ours", "9")
    index.add("base", "1")
    index.add("base", "9")
    index.add("idna", "3")
    given = (built("ours", "base==1"), built("base", "idna", own=False))
    path = lock("rt", distributions=given)
    assert [(name, version) for name, version, _, _ in pins(path)] == [
        ("base", "1"),
        ("idna", "3"),
        ("ours", "1"),
    ]
    read = Lockfile.from_dict(read_toml(path), "lock")
    assert [p.name for p in read.packages if p.from_distribution] == ["base", "ours"]
    assert read.inputs is not None
    assert [one.name for one in read.inputs.distributions] == ["ours", "base"]
    again = lock("rt", distributions=given, previous=path, out="again")
    assert again.read_bytes() == path.read_bytes()


def test_an_edit_changes_no_lock(index: Index) -> None:
    index.add("idna", "3")
    first = lock("rt", "idna", distributions=(built("ours"),))
    write_wheels(Path("built"), "ours", "1", python=">=3")
    second = lock("rt", "idna", distributions=(built("ours"),), previous=first, out="two")
    assert first.read_bytes() == second.read_bytes()


def test_a_layer_below_provides_it(index: Index) -> None:
    index.add("ours", "9")
    index.add("more", "1", requires=("ours",))
    ours = built("ours")
    below = lock("rt", distributions=(ours,))
    named = lock("framework-a", distributions=(ours,), lower=[below])
    assert pins(named) == [("ours", "1", None, True)]
    required = built("ours", own=False, lower=True)
    path = lock("framework-b", "more", distributions=(required,), lower=[below])
    assert pins(path) == [("more", "1", None, False), ("ours", "1", None, True)]
    read = Lockfile.from_dict(read_toml(path), "lock")
    assert read.inputs is not None
    assert read.inputs.distributions == ()
