from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venvstacks_rules.model.summary.treemap import Rectangle, squarify

SPACE = Rectangle(10, 20, 600, 400)
SIZES = st.lists(st.integers(1, 10**10), max_size=60).map(lambda s: sorted(s, reverse=True))


def test_the_example_of_the_paper() -> None:
    # "Squarified Treemaps", figures 4 and 5: a rectangle of 6 by 4.
    found = squarify([6, 6, 4, 3, 2, 2, 1], Rectangle(0, 0, 6, 4))
    assert [(round(r.width, 2), round(r.height, 2)) for r in found] == [
        (3, 2),
        (3, 2),
        (1.71, 2.33),
        (1.29, 2.33),
        (1.2, 1.67),
        (1.2, 1.67),
        (0.6, 1.67),
    ]


@given(SIZES)
def test_areas_are_in_proportion_and_fill_the_space(sizes: list[int]) -> None:
    found = squarify(sizes, SPACE)
    assert len(found) == len(sizes)
    for size, place in zip(sizes, found):
        area = SPACE.width * SPACE.height * size / sum(sizes)
        assert place.width * place.height == pytest.approx(area, rel=1e-6, abs=1e-9)
        assert place.x >= SPACE.x - 1e-6
        assert place.y >= SPACE.y - 1e-6
        assert place.x + place.width <= SPACE.x + SPACE.width + 1e-6
        assert place.y + place.height <= SPACE.y + SPACE.height + 1e-6


@given(SIZES)
def test_nothing_overlaps(sizes: list[int]) -> None:
    found = squarify(sizes, SPACE)
    for i, one in enumerate(found):
        for other in found[i + 1 :]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert min(across, down) <= 1e-6


def test_no_space() -> None:
    assert squarify([2, 1], Rectangle(5, 6, 0, 10)) == (Rectangle(5, 6, 0, 0),) * 2
    assert squarify([], SPACE) == ()


def test_smaller_rectangles_stay_inside() -> None:
    assert Rectangle(10, 20, 30, 40).inset(4) == Rectangle(14, 24, 22, 32)
    assert Rectangle(10, 20, 30, 2).inset(4) == Rectangle(14, 21, 22, 0)
    assert Rectangle(10, 20, 30, 40).below(18) == Rectangle(10, 38, 30, 22)
    assert Rectangle(10, 20, 30, 40).below(50) == Rectangle(10, 60, 30, 0)


def test_what_vanishes_beside_the_others() -> None:
    large, small = squarify([10**30, 1], SPACE)
    assert large == SPACE
    assert small.width * small.height == 0
