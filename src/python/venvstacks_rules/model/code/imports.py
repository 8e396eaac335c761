"""What first-party code imports, compared with what its layer and those below provide."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from venvstacks_rules.model.code.modules import CodeModules
from venvstacks_rules.model.code.parsed import ParsedImport
from venvstacks_rules.model.platforms.standard_library import standard_library

# An import below such a condition may be meant for another machine, or for a type checker.
_CONDITION = re.compile(
    r"\b(TYPE_CHECKING|sys\.platform|sys\.version_info|sys\.implementation|os\.name|platform\.\w+)\b"
)
_HEADER = re.compile(r"\s*(if|elif|else)\b(.*)")


@dataclass(frozen=True)
class Provided:
    """What programs can import in a layer."""

    code: CodeModules
    """Of first-party code, in the layer and those below."""
    packages: frozenset[str]
    """The top-level modules of packages, in the layer and those below."""
    python_version: str
    stripped: tuple[str, ...] = ()
    """The modules of the standard library that the runtime leaves out."""

    @cached_property
    def _answers(self) -> dict[tuple[str, bool], bool | None]:
        """What was asked before: thousands of files import the same."""
        return {}

    def remembered(self, wanted: ParsedImport) -> bool | None:
        """The answer of :meth:`has`; True for what cannot be a name."""
        key = (wanted.name, wanted.is_module)
        if key not in self._answers:
            self._answers[key] = self.has(wanted) if _is_name(wanted.name) else True
        return self._answers[key]

    def has(self, wanted: ParsedImport) -> bool | None:
        """Whether an import finds its module; None if it may be something in a package.

        Packages of wheels count by their top-level modules alone.
        """
        top_level = wanted.name.split(".", maxsplit=1)[0]
        if (
            top_level in self.packages
            or top_level == "__main__"
            or (
                top_level not in self.stripped
                and top_level in standard_library(self.python_version)
            )
        ):
            return True
        return self.code.provide(wanted.name, is_module=wanted.is_module)


@dataclass(frozen=True)
class Unsatisfied:
    """An import that nothing provides, as far as is known."""

    wanted: ParsedImport
    doubtful: bool
    """Whether it may be something in a package that is there, and no module."""


def unsatisfied_imports(
    imports: Iterable[ParsedImport], provided: Provided
) -> tuple[Unsatisfied, ...]:
    """The imports of a file that nothing provides, in their order."""
    judged = ((wanted, provided.remembered(wanted)) for wanted in imports)
    return tuple(Unsatisfied(wanted, has is None) for wanted, has in judged if not has)


def _is_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def is_conditional(source: str, line: int) -> bool:
    """Whether a line of a Python file counts on some machines, or for type checkers, only.

    That is, whether it stands below an ``if`` about the platform, the version of Python, or
    ``TYPE_CHECKING``, or below an ``else`` of it. `line` counts from 1.
    """
    lines = source.split("\n")[:line]
    if not lines:
        return False
    indent = _indent(lines.pop())
    below_else = False
    for text in reversed(lines):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if _indent(text) < indent or (below_else and _indent(text) == indent):
            header = _HEADER.match(text)
            if header is not None and _CONDITION.search(header[2]):
                return True
            indent = _indent(text)
            # The condition of an `else` is that of the `if` which stands above it.
            below_else = header is not None and header[1] != "if"
    return False


def _indent(text: str) -> int:
    return len(text.expandtabs()) - len(text.expandtabs().lstrip())
