"""The choices of a layer for its lock: what is wrong with them, and what layers inherit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from venvstacks_rules.model.layers.local_files import local_file
from venvstacks_rules.model.layers.lock_choices import LockChoices
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.layers.requirements import normalised_requirements, requirement_problem

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def choice_problems(choices: LockChoices) -> Iterator[Problem]:
    """What is wrong with the values as written."""
    for i, text in enumerate(choices.override_requirements):
        found = requirement_problem(text)
        if found is None and local_file(text) is not None:
            found = (
                f"is {text!r}, which names a file. Name the version of that wheel, and its folder "
                "in `local_wheels`."
            )
        if found is not None:
            yield Problem(f"override_requirements[{i}]", found)
    for field, names in (
        ("without_dependencies", choices.without_dependencies),
        ("relaxed_pins", choices.relaxed_pins),
    ):
        for i, name in enumerate(names):
            if not _NAME.fullmatch(name):
                yield Problem(
                    f"{field}[{i}]",
                    f"is {name!r}, which is not the name of a package. Write it as, for example, "
                    "'scikit-learn'.",
                )


def choices_above(choices: LockChoices, lower: Iterable[LockChoices]) -> LockChoices:
    """Those of a layer with the written `choices` above layers with `lower`, in import order.

    What a lower layer overrides or leaves out would otherwise be asked for again above it. The
    first override of a package counts, that of the layer itself before all others.
    """
    overrides = normalised_requirements(choices.override_requirements)
    without: set[str] = {canonicalize_name(name) for name in choices.without_dependencies}
    for below in lower:
        known = {Requirement(text).name for text in overrides}
        more = [text for text in below.override_requirements if Requirement(text).name not in known]
        overrides = (*overrides, *more)
        without.update(below.without_dependencies)
    return replace(
        choices,
        override_requirements=tuple(sorted(overrides)),
        without_dependencies=tuple(sorted(without)),
        relaxed_pins=tuple(sorted({canonicalize_name(name) for name in choices.relaxed_pins})),
        python_resolve=choices.python_resolve or None,
    )
