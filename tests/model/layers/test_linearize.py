"""The import order of layers; Python's own method resolution order is the reference."""

from __future__ import annotations

import itertools

import pytest

from venvstacks_rules.model.layers.linearize import InconsistentOrderError, linearize


def python_order(item: str, lower: dict[str, list[str]]) -> tuple[str, ...] | None:
    """What Python makes of the same graph, as classes; None where it refuses."""
    classes: dict[str, type] = {}

    def make(name: str) -> type:
        if name not in classes:
            classes[name] = type(name, tuple(make(base) for base in lower[name]), {})
        return classes[name]

    try:
        return tuple(cls.__name__ for cls in make(item).__mro__[1:-1])
    except TypeError:
        return None


def test_a_diamond() -> None:
    lower = {"app": ["left", "right"], "left": ["base"], "right": ["base"], "base": []}
    assert linearize("app", lower) == ("left", "right", "base")


def test_nothing_below() -> None:
    assert linearize("base", {"base": []}) == ()


def test_contradicting_orders_name_the_contenders() -> None:
    lower = {"app": ["x", "y"], "x": ["a", "b"], "y": ["b", "a"], "a": [], "b": []}
    with pytest.raises(InconsistentOrderError, match="^no consistent order of a, b$") as caught:
        linearize("app", lower)
    assert caught.value.contenders == ("a", "b")


def test_agrees_with_python_on_all_small_graphs() -> None:
    names = ["a", "b", "c", "d"]
    compared = refused = 0
    choices = [
        [
            list(order)
            for size in range(index + 1)
            for order in itertools.permutations(names[:index], size)
        ]
        for index in range(len(names))
    ]
    for lower_lists in itertools.product(*choices):
        lower = dict(zip(names, lower_lists))
        expected = python_order("d", lower)
        if expected is None:
            with pytest.raises(InconsistentOrderError):
                linearize("d", lower)
            refused += 1
        else:
            assert linearize("d", lower) == expected
            compared += 1
    assert compared > 50
    assert refused > 20
