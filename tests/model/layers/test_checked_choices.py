"""Choices of layers for their locks: wrong ones, and inherited ones."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.checked_choices import choice_problems, choices_above
from venvstacks_rules.model.layers.lock_choices import NO_CHOICES, LockChoices


@pytest.mark.parametrize(
    ("choices", "key", "text"),
    [
        (
            LockChoices(override_requirements=("a", "b=1")),
            "override_requirements[1]",
            "is 'b=1', which is not a requirement",
        ),
        (
            LockChoices(override_requirements=("a @ file:w/a-1.0-py3-none-any.whl",)),
            "override_requirements[0]",
            "is 'a @ file:w/a-1.0-py3-none-any.whl', which names a file. Name the version of that "
            "wheel, and its folder in `local_wheels`.",
        ),
        (
            LockChoices(without_dependencies=("torch>=2",)),
            "without_dependencies[0]",
            "is 'torch>=2', which is not the name of a package. Write it as, for example, "
            "'scikit-learn'.",
        ),
        (
            LockChoices(relaxed_pins=("a", "")),
            "relaxed_pins[1]",
            "is '', which is not the name of a package. Write it as, for example, 'scikit-learn'.",
        ),
    ],
)
def test_wrong_values(choices: LockChoices, key: str, text: str) -> None:
    (problem,) = choice_problems(choices)
    assert problem.key == key
    assert problem.text.startswith(text)


def test_what_layers_inherit() -> None:
    low = choices_above(
        LockChoices(("Num_Py<2", "b<1"), ("Big.One",), ("c",), python_resolve="main"), ()
    )
    assert low == LockChoices(("b<1", "num-py<2"), ("big-one",), ("c",), "main")
    other = LockChoices(("b<3", "d"), ("e",))
    own = LockChoices(override_requirements=("num-py>=2",), python_resolve="")
    assert choices_above(own, (low, other)) == LockChoices(
        ("b<1", "d", "num-py>=2"), ("big-one", "e")
    )


def test_what_is_not_set_is_nowhere() -> None:
    assert NO_CHOICES.to_dict() == {}
    assert NO_CHOICES.strings() == []
    assert list(NO_CHOICES.changes(NO_CHOICES)) == []


def test_what_changed() -> None:
    old = LockChoices(("a<2",), (), ("b",))
    new = LockChoices((), ("c", "d"), ("b",), "main")
    assert list(old.changes(new)) == [
        "`override_requirements` was `a<2`, is now empty",
        "`without_dependencies` was empty, is now `c`, `d`",
        "`python_resolve` was none, is now `main`",
    ]
