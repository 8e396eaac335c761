"""The options of the ``[venvstacks-lint]`` scope."""

from __future__ import annotations

from pants.option.option_types import BoolOption, SkipOption, StrListOption, StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from venvstacks_rules.model.advice.findings import CHECKS, Ignored
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.sizes import parsed_size, size_problem


class VenvstacksLintSubsystem(Subsystem):
    """Options of the linter of layers."""

    options_scope = "venvstacks-lint"
    name = "venvstacks-lint"
    help = "The linter of layers: what they have twice, or for nothing."
    help_short = help

    skip = SkipOption("lint")

    ignore = StrListOption(
        default=[],
        help=softwrap(
            f"""
            What not to warn of: {", ".join(f"`{check}`" for check in CHECKS)}, or one of these
            for a single package, `tests:numpy`.
            """
        ),
    )
    heavy_package = StrOption(
        default="50 MB",
        help=softwrap(
            """
            The size of a wheel from which on an application should not have it for itself.
            """
        ),
    )
    least_saving = StrOption(
        default="1 MB",
        help=softwrap(
            """
            The size, unpacked, from which on tests of a package, or its symbols for debuggers, are
            worth a warning.
            """
        ),
    )
    inspect_wheels = BoolOption(
        default=True,
        help=softwrap(
            """
            Whether to look into wheels, for tests and for symbols for debuggers. Those that
            `package` would need are downloaded for it. Without it, lockfiles are all that is read.
            """
        ),
    )
    unused_requirements = BoolOption(
        default=False,
        help=softwrap(
            """
            Whether to list requirements that no first-party code names a module of, in the layer
            or in one above that is looked at, too. Programs load plugins by other names, so that
            it is asked for. It needs `inspect_wheels`.
            """
        ),
    )
    fail_on_warnings = BoolOption(
        default=True,
        help="Whether `lint` fails if there are warnings, as it does for other linters.",
    )

    @property
    def ignored(self) -> Ignored:
        """`ignore`. Raises DefinitionError for names of no checks."""
        problems = []
        for entry in self.ignore:
            check = entry.partition(":")[0]
            if check not in CHECKS:
                near = suggestion(check, CHECKS)
                meant = f"Did you mean {near!r}?" if near else f"Choose from {', '.join(CHECKS)}."
                problems.append(f"it has {entry!r}, and there is no check {check!r}. {meant}")
        if problems:
            raise DefinitionError("`[venvstacks-lint].ignore` cannot be used:", problems)
        return Ignored(tuple(self.ignore))

    @property
    def heavy_size(self) -> int:
        """`heavy_package` in bytes."""
        return _size("heavy_package", self.heavy_package, "50 MB")

    @property
    def least(self) -> int:
        """`least_saving` in bytes."""
        return _size("least_saving", self.least_saving, "1 MB")


def _size(option: str, written: str, example: str) -> int:
    problem = size_problem(written, example)
    if problem is not None:
        raise DefinitionError("A size cannot be used:", [f"`[venvstacks-lint].{option}` {problem}"])
    return parsed_size(written)
