"""Names of distributions, compared with `packaging`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from venvstacks_rules.model.distributions import normalised_name


@given(st.text(st.sampled_from("aB9-_."), min_size=1))
def test_names_are_normalised_as_by_packaging(name: str) -> None:
    assert normalised_name(name) == canonicalize_name(name)
