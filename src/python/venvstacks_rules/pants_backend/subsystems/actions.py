"""The options of the ``[venvstacks-actions]`` scope: the environment that the actions run in."""

from __future__ import annotations

import enum

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pants.option.option_types import EnumOption, StrListOption, StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from venvstacks_rules.model.errors import DefinitionError

_IMPLEMENTATION = "CPython"


class ActionsPython(enum.Enum):
    """Where the interpreter of the actions comes from."""

    SEARCH = "search"
    PBS = "pbs"


class ActionsSubsystem(Subsystem):
    """The interpreter and the libraries of the actions."""

    options_scope = "venvstacks-actions"
    name = "venvstacks-actions"
    help = "The environment of the actions that lock, compress and deploy layers."
    help_short = help

    python = EnumOption(
        default=ActionsPython.SEARCH,
        help=softwrap(
            """
            Where the interpreter that runs the actions comes from. `search`: the newest CPython in
            `[python-bootstrap].search_path` that `interpreter_constraints` allow. `pbs`: the
            CPython of python-build-standalone that the lockfile pins by its hash. The choice does
            not change what is built.
            """
        ),
    )
    interpreter_constraints = StrListOption(
        default=["CPython>=3.9,<3.15"],
        metavar="<constraints>",
        help=softwrap(
            """
            With `python = "search"`, the interpreter that runs the actions must satisfy at least
            one of these constraints.
            """
        ),
    )
    lockfile = StrOption(
        default=None,
        metavar="<path>",
        help=softwrap(
            """
            A `pylock` file (PEP 751), relative to the build root, with the libraries of the
            actions, in place of the one that this plugin ships. It needs wheels with URLs and
            SHA-256 hashes for each platform that Pants runs on here.
            """
        ),
    )

    @property
    def specifiers(self) -> tuple[SpecifierSet, ...]:
        """`interpreter_constraints`, parsed; DefinitionError lists those that cannot be used."""
        found, problems = [], []
        for written in self.interpreter_constraints:
            try:
                found.append(SpecifierSet(written.strip().removeprefix(_IMPLEMENTATION)))
            except InvalidSpecifier:
                problems.append(
                    f"{written!r} is not a constraint. Write, for example, 'CPython>=3.9,<3.15'."
                )
        if not found and not problems:
            problems.append("it is empty. Write, for example, ['CPython>=3.9,<3.15'].")
        if problems:
            raise DefinitionError(
                "`[venvstacks-actions].interpreter_constraints` cannot be used:", problems
            )
        return tuple(found)
