"""The file of a launch module that is named as it is imported, and what is called in it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Optional

from venvstacks_rules.model.code.modules import CodeModules, started_files
from venvstacks_rules.model.layers.launch_names import LaunchName
from venvstacks_rules.model.layers.problems import suggestion

# What can give a module names that no statement shows.
_DYNAMIC = frozenset({"__dict__", "exec", "globals", "locals", "modules", "setattr", "vars"})


@dataclass(frozen=True)
class NearModules:
    """What the repository has of a module that a layer lacks."""

    file: Optional[str]
    """The file of the module, relative to the root of the repository."""
    owner: Optional[str]
    """The address of a target that has it."""
    siblings: tuple[str, ...]
    """The dotted names of modules in its package."""


def launched_file(name: LaunchName, paths: Collection[str]) -> str | None:
    """The one of `paths`, relative to site-packages, that has the launch module, if any."""
    return next((path for path in started_files(name) if path in paths), None)


def launch_problem(name: LaunchName, paths: Collection[str], near: NearModules) -> str:
    """Why none of `paths` has the launch module, and the remedy: follows ``names '...',``."""
    wanted = started_files(name)
    code = CodeModules.of(paths)
    if name.module in code.packages or name.module in code.namespaces:
        if name.function is None:
            return f"a package without a `__main__.py`. Add `{wanted[1]}`."
        return f"a package without an `__init__.py`. Add `{wanted[1]}`."
    if near.owner is not None:
        remedy = f"`{near.owner}` owns `{near.file}`: name it in `dependencies`."
        return f"but no first-party code of the layer has that module. {remedy}"
    if near.file is not None:
        return f"but no target owns `{near.file}`. Add a `python_sources` target for it."
    meant = suggestion(name.module, sorted({*code.modules, *near.siblings} - {name.module}))
    if meant is not None:
        return f"but there is no such module. Did you mean {meant!r}?"
    return (
        f"but there is no such module: no source root has `{wanted[0]}`. Correct the name, or name "
        "the target that generates the module in `dependencies`."
    )


def function_problem(name: LaunchName, source: str, paths: Collection[str]) -> str | None:
    """Why the launch module has not what it is to call, and the remedy; None if it may have it.

    `source` is the text of the module, `paths` are all files. Follows ``names '...',``.
    """
    if name.function is None:
        return None
    first = name.function.split(".")[0]
    try:
        names = _top_level_names(source)
    except (SyntaxError, ValueError, RecursionError):
        # The Python of Pants may be older than that of the layer.
        return None
    if names is None or first in names:
        return None
    # Only then: there may be thousands of files.
    code = CodeModules.of(paths)
    submodule = f"{name.module}.{first}"
    if submodule in code.modules | code.packages | code.namespaces:
        return None
    meant = suggestion(first, sorted(names))
    remedy = f"Did you mean {meant!r}?" if meant is not None else "Define it, or correct the name."
    return f"but `{name.module}` has no `{first}`. {remedy}"


def _top_level_names(source: str) -> frozenset[str] | None:
    """The names that a module may have when it was imported; None if they cannot be known."""
    tree = ast.parse(source)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            names.update(node.names)
        elif getattr(node, "id", getattr(node, "attr", None)) in _DYNAMIC:
            return None
    for node in _module_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
    return None if names & {"*", "__getattr__"} else frozenset(names)


def _module_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What runs in the scope of a module: not what is in functions and classes."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _module_nodes(child)
