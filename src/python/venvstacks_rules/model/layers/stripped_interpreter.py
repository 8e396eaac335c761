"""The parts of the interpreter that a runtime leaves out: its field ``strip_interpreter``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from venvstacks_rules.model.layers.problems import Problem, suggestion
from venvstacks_rules.model.platforms.interpreter_parts import (
    BUILT_IN,
    DEVELOPMENT,
    NEEDED,
    strippable_parts,
)


def stripped_problems(names: Sequence[str]) -> Iterator[Problem]:
    """Problems of the entries of the field.

    A module that only other versions of Python have is no problem: runtimes may share a list.
    """
    known = strippable_parts()
    for i, name in enumerate(names):
        if name not in known:
            yield Problem(f"strip_interpreter[{i}]", f"is {name!r}, {_problem(name, known)}")
        elif name in names[:i]:
            yield Problem(f"strip_interpreter[{i}]", f"is {name!r}, which is named before.")


def _problem(name: str, known: Sequence[str]) -> str:
    if name in NEEDED:
        return "which layers need to be deployed and to start. Remove it."
    if name in BUILT_IN:
        return "which is a part of the interpreter itself. Remove it."
    top = name.split(".", maxsplit=1)[0].lstrip("_")
    meant = suggestion(name, known)
    if name != top and top in known:
        return f"but only whole modules can be left out, with what belongs to them. Write {top!r}."
    if meant is not None:
        return f"which is no part of the interpreter. Did you mean {meant!r}?"
    return (
        f"which is no part of the interpreter. Name modules of the standard library, or "
        f"{DEVELOPMENT!r}."
    )
