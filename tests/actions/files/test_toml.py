from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venvstacks_rules.actions.files.toml import read_toml, write_toml
from venvstacks_rules.model.errors import LockError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",))),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(),
    st.times(),
)
KEYS = st.text(st.characters(exclude_categories=("Cs",)))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_written_reads_back_the_same(data: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(data)) == data


def test_the_style_is_that_of_uv() -> None:
    data = {
        "version": 1,
        "names": ["a", "b"],
        "none": [],
        "package": [{"name": "x", "wheels": [{"url": "u", "size": 1}]}, {"name": "y"}],
        "tool": {"own": {"key with space": {"a": True}}},
    }
    assert write_toml(data) == (
        'version = 1\nnames = [\n    "a",\n    "b",\n]\nnone = []\n\n'
        '[[package]]\nname = "x"\nwheels = [\n    { url = "u", size = 1 },\n]\n\n'
        '[[package]]\nname = "y"\n\n'
        '[tool.own."key with space"]\na = true\n'
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing, wrong, binary, deep = (tmp_path / n for n in ("missing", "wrong", "binary", "deep"))
    wrong.write_text("a = \n")
    binary.write_bytes(b"\xff")
    deep.write_text("a = " + "[" * 50_000)
    with pytest.raises(LockError) as caught:
        read_toml(missing)
    assert str(caught.value) == f"{missing}: cannot be read\n  * No such file or directory"
    for path in (wrong, binary, deep):
        with pytest.raises(LockError) as caught:
            read_toml(path)
        assert caught.value.summary == f"{path}: not a TOML file"
        assert len(caught.value.problems) == 1
