"""The entries of a layer's `requirements`: PEP 508 text, or the address of a target with some.

An entry is an address if the first character that cannot be part of a package's name is ``/``,
``:`` or ``#``, and what follows the first ``:`` is no path or URL. In PEP 508 a name is followed
by nothing, a blank or one of ``[ ( < > = ! ~ ; @``, so that no requirement is taken for an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from venvstacks_rules.model.layers.local_files import local_file
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.layers.requirements import requirement_problem

_ADDRESS = re.compile(r"(//)?[\w.-]*(/[^:#]*)?(:[^/#\\]*)?(#.*)?")
_STARTS_LIKE_AN_ADDRESS = re.compile(r"[\w.-]*[/:#]")
_RELATIVE = ("./", "../")


def is_address(entry: str) -> bool:
    """Whether an entry of `requirements` is the address of a target."""
    if entry.startswith(_RELATIVE) or entry.endswith(".whl") or re.match(r"/(?!/)", entry):
        return False  # The path of a file.
    return bool(_STARTS_LIKE_AN_ADDRESS.match(entry) and _ADDRESS.fullmatch(entry))


@dataclass(frozen=True)
class TargetRequirement:
    """A requirement that a layer has by the target that declares it."""

    text: str
    """PEP 508, or a file relative to the folder of the layer's definition."""
    origin: str
    """The address of the target."""
    field: str = "requirements"
    """The field of the layer that leads to the target."""

    @property
    def pin(self) -> str:
        """The requirement, with the version of a file that it names."""
        file = local_file(self.text)
        return self.text if file is None else file.pin


def target_requirement_problems(requirements: Iterable[TargetRequirement]) -> list[Problem]:
    """What is wrong with the requirements of targets."""
    found = ((each, requirement_problem(each.text)) for each in requirements)
    return [
        Problem(each.field, f"leads to {each.origin}, which {problem}")
        for each, problem in found
        if problem is not None
    ]


def requirements_with_origins(
    requirements: Iterable[str], of_targets: Iterable[TargetRequirement]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """All requirements, with the origins of those that targets declare.

    Of several requirements for one package all stay: the resolver finds what satisfies them.
    """
    targets = tuple(of_targets)
    own = tuple(requirements)
    more = dict.fromkeys(each.pin for each in targets if each.pin not in own)
    origins = dict.fromkeys((each.pin, each.origin) for each in targets)
    return (*own, *more), tuple(origins)
