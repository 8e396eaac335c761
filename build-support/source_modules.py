"""Source files of the package as the checks see them: parsed, with their imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePosixPath

PACKAGE = "venvstacks_rules"
SOURCES = PurePosixPath("src/python", PACKAGE)


@dataclass(frozen=True, order=True)
class Problem:
    """One finding, and where."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return the line that editors and people can jump from."""
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Import:
    """One imported module, or a name imported from one."""

    line: int
    module: str
    name: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """What the statement may load: the module, and its attribute, which may be a submodule."""
        return (self.module,) if self.name is None else (self.module, f"{self.module}.{self.name}")

    @property
    def root(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Module:
    """One parsed source file of the package."""

    path: str
    parts: tuple[str, ...]  # relative to the package, the last one without `.py`
    tree: ast.Module

    def problem(self, line: int, message: str) -> Problem:
        """Return a finding of this file."""
        return Problem(self.path, line, message)

    @property
    def part(self) -> str:
        """The part that it belongs to: ``model``."""
        return self.parts[0]

    @property
    def room(self) -> str:
        """The folder of the part that it lies in; empty for the part's own folder."""
        return self.parts[1] if len(self.parts) > 2 else ""

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree, which is walked once for all checks."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import, wherever it stands; those for type checking are arrows, too."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[Import]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(node.lineno, alias.name)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    yield Import(node.lineno, self._absolute(node), alias.name)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = (PACKAGE, *self.parts)[: len(self.parts) + 1 - node.level]
        return ".".join((*package, *([node.module] if node.module else [])))


# What one check after the other asks for is parsed once.
@lru_cache(maxsize=1)
def parsed(text: str) -> ast.Module:
    """The tree of a file; SyntaxError where it is not Python."""
    return ast.parse(text)


@lru_cache(maxsize=1)
def parsed_module(path: PurePosixPath, text: str) -> Module | None:
    """The module at `path`, if it is one of the package; SyntaxError where it is not Python."""
    if SOURCES not in path.parents:
        return None
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return Module(str(path), parts, parsed(text))
