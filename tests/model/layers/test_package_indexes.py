"""Indexes of packages, from layer to layer."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.package_indexes import IndexFields, LowerIndexes, Pairs
from venvstacks_rules.model.layers.problems import TargetOrigin

CPU = LowerIndexes("src:cpu", (("torch", "cpu"),))
GPU = LowerIndexes("src:gpu", (("numpy", "main"), ("torch", "gpu")))


def fields(own: Pairs = (), overrides: Pairs = ()) -> IndexFields:
    return IndexFields(own, overrides, TargetOrigin("src:x"))


@pytest.mark.parametrize(
    ("own", "overrides", "lower", "expected"),
    [
        ((), (), [], ()),
        ((("Zope.Interface", "a"), ("b", "c")), (), [], (("b", "c"), ("zope-interface", "a"))),
        ((("rich", "main"),), (), [CPU], (("rich", "main"), ("torch", "cpu"))),
        # The same index is no contradiction, whatever the overrides say.
        ((("torch", "cpu"),), (("cpu", "gpu"),), [CPU], (("torch", "cpu"),)),
        ((), (("cpu", "gpu"),), [CPU, CPU], (("torch", "cpu"),)),
        # The layer's own index takes the place of that below.
        ((("torch", "gpu"),), (("cpu", "gpu"),), [CPU], (("torch", "gpu"),)),
        # The first in import order takes the place of the others.
        ((), (("cpu", "gpu"),), [GPU, CPU], (("numpy", "main"), ("torch", "gpu"))),
        ((), (("gpu", "cpu"),), [CPU, GPU], (("numpy", "main"), ("torch", "cpu"))),
        # Both at once: the own index need not be that of either.
        (
            (("torch", "nightly"),),
            (("cpu", "gpu"), ("gpu", "nightly")),
            [GPU, CPU],
            (("numpy", "main"), ("torch", "nightly")),
        ),
    ],
)
def test_merged(own: Pairs, overrides: Pairs, lower: list[LowerIndexes], expected: Pairs) -> None:
    assert fields(own, overrides).merged(lower) == (expected, [])


@pytest.mark.parametrize(
    ("own", "overrides", "lower", "key"),
    [
        ((("torch", "gpu"),), (), [CPU], "package_indexes.torch"),
        ((("torch", "gpu"),), (("gpu", "cpu"),), [CPU], "package_indexes.torch"),
        ((), (), [GPU, CPU], "frameworks"),
        ((), (("cpu", "gpu"),), [CPU, GPU], "frameworks"),
        # One step only: a rename is not followed further.
        (
            (("torch", "nightly"),),
            (("cpu", "gpu"), ("gpu", "nightly")),
            [CPU],
            "package_indexes.torch",
        ),
    ],
)
def test_contradictions(own: Pairs, overrides: Pairs, lower: list[LowerIndexes], key: str) -> None:
    _, problems = fields(own, overrides).merged(lower)
    assert [problem.key for problem in problems] == [key]


def test_the_remedy_is_what_a_build_file_takes() -> None:
    _, (problem,) = fields().merged([GPU, CPU])
    assert problem.text == (
        "brings together src:gpu, which takes torch from 'gpu', and src:cpu, which takes it from "
        "'cpu'. To take it from 'gpu', write "
        '`index_overrides={"cpu": "gpu"}`.'
    )


def test_a_distribution_under_two_spellings() -> None:
    (problem,) = fields((("a.b", "x"), ("A-b", "x"), ("c", "x"))).duplicates()
    assert (problem.key, problem.text) == (
        "package_indexes.A-b",
        'is for the same distribution as `package_indexes."a.b"`: both names are spellings of '
        "a-b. Remove one of them.",
    )
