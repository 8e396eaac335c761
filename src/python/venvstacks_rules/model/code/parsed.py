"""The imports of a Python file, by its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_IGNORED = "# pants: no-infer-dep"
_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
# What an `if` asks if its branches are meant for some machines, versions or tools only.
_CONDITIONS = frozenset(
    {"TYPE_CHECKING", "platform", "version_info", "hexversion", "implementation", "find_spec"}
    | {"PY2", "PY3"}
)


@dataclass(frozen=True)
class ParsedImport:
    """A name that a file imports whatever happens."""

    name: str
    """Dotted, and absolute."""
    line: int
    is_module: bool
    """Whether it has to be a module; otherwise it may be anything in one."""


def parsed_imports(source: str, path: str) -> tuple[ParsedImport, ...]:
    """The imports of a file at `path`, relative to site-packages, by line and name.

    Each name counts once. Imports with an alternative do not count: in a ``try`` that catches
    import errors, under ``suppress``, below a condition about the platform, the version of Python
    or type checkers; nor those with ``# pants: no-infer-dep`` in their line. Raises SyntaxError for
    what this Python cannot parse.
    """
    found: dict[tuple[str, bool], ParsedImport] = {}
    # Not `splitlines`, which takes a form feed for the end of a line.
    lines = source.split("\n")
    for node in _unguarded(ast.parse(source).body):
        for name, is_module in _names(node, path):
            line = _line(node, name, lines)
            if line is not None:
                found.setdefault((name, is_module), ParsedImport(name, line, is_module))
    return tuple(sorted(found.values(), key=lambda each: (each.line, each.name)))


def _unguarded(body: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements that run without an alternative."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.Try) and any(map(_catches, node.handlers)):
            yield from _unguarded(node.finalbody)
        elif not _is_optional(node):
            yield from _unguarded(ast.iter_child_nodes(node))


def _is_optional(node: ast.AST) -> bool:
    """Whether what is in a statement may run or not."""
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return any(map(_suppresses, node.items))
    return isinstance(node, ast.If) and _is_condition(node.test)


def _catches(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    return any(_last(each) in _IMPORT_ERRORS for each in getattr(caught, "elts", [caught]))


def _suppresses(item: ast.withitem) -> bool:
    call = item.context_expr
    return (
        isinstance(call, ast.Call)
        and _last(call.func) == "suppress"
        and any(_last(each) in _IMPORT_ERRORS for each in call.args)
    )


def _is_condition(test: ast.expr) -> bool:
    for node in ast.walk(test):
        name = _last(node)
        # `platform.system()` has `platform` in it; `os.name` is an attribute.
        if name in _CONDITIONS or (name == "name" and isinstance(node, ast.Attribute)):
            return True
    return False


def _last(node: ast.AST) -> str:
    """The last part of a name; empty for other expressions."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _names(node: ast.Import | ast.ImportFrom, path: str) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, True
        return
    base = _base(node, path)
    if base is None:
        return
    for alias in node.names:
        if alias.name == "*":
            if base:
                yield base, True
        else:
            yield (f"{base}.{alias.name}" if base else alias.name), False


def _base(node: ast.ImportFrom, path: str) -> str | None:
    """The module that names are imported from; None for a relative one outside of packages."""
    if not node.level:
        return node.module
    # A package is its own `__init__`, so both are in the folder of the file.
    folders = path.split("/")[:-1]
    if node.level > len(folders):
        return None
    parts = folders[: len(folders) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _line(node: ast.Import | ast.ImportFrom, name: str, lines: list[str]) -> int | None:
    """The line of one of the names of a statement; None if the line says to ignore it."""
    first, last = node.lineno, node.end_lineno or node.lineno
    if _IGNORED in lines[last - 1]:
        return None
    word = re.compile(rf"\b{re.escape(name.rpartition('.')[2])}\b")
    for number in range(last, first - 1, -1):
        if last > first and word.search(lines[number - 1].split("#")[0]):
            return None if _IGNORED in lines[number - 1] else number
    return first
