"""Which pins of the previous lock stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.layer_locks import Index, lock, pins, served_index


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served_index(tmp_path, monkeypatch) as index:
        yield index


@pytest.mark.parametrize(
    ("upgrade", "versions"),
    [
        ({}, {"a": "1", "b": "1", "c": "1"}),
        ({"upgrade": True}, {"a": "2", "b": "2", "c": "2"}),
        ({"upgrade_packages": ("c",)}, {"a": "1", "b": "1", "c": "2"}),
        # What a newer release does not allow any more moves with it.
        ({"upgrade_packages": ("a",)}, {"a": "2", "b": "2", "c": "1"}),
    ],
)
def test_pins_stay_unless_they_are_upgraded(
    index: Index, upgrade: dict[str, Any], versions: dict[str, str]
) -> None:
    index.add("a", "1", requires=("b",))
    index.add("b", "1")
    index.add("c", "1")
    first = lock("rt", "a", "c")
    index.add("a", "2", requires=("b>=2",))
    index.add("b", "2")
    index.add("c", "2")
    again = lock("rt", "a", "c", out="again", previous=first, **upgrade)
    assert {name: version for name, version, _, _ in pins(again)} == versions
