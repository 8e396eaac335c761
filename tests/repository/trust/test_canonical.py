from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from venvstacks_rules.repository.trust.canonical import canonical_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_the_bytes_are_those_of_the_library(value: object) -> None:
    expected = encode_canonical(value)  # type: ignore[arg-type]
    assert expected is not None
    assert canonical_json(value) == expected.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"a": [1.5]}, "canonical JSON has no float"),
        (float("nan"), "canonical JSON has no float"),
        ("\ud800", "a text has halves of characters"),
    ],
)
def test_what_has_no_canonical_form(value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        canonical_json(value)


def test_what_is_nested_too_deeply() -> None:
    value: object = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match=r"^it is nested too deeply$"):
        canonical_json(value)
