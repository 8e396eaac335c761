"""Runs inside a deployed application, by ``python -c``: tries imports and records what happens.

Reads a JSON object from standard input: `site_dir`, `scan` (source files relative to it, and how to
call them), `modules`, `launch` (``module:function``, or null) and `report`, the file to write. The
report has one JSON list a line, written before each import (``["import", <what>, <where>]``) and,
if it fails, after it (``["failed", <reason>]``), so that the reader knows what was going on
when it died. Where a module is found and refuses to be imported on its own, that is
``["refused", <reason>]``. The last line is ``["done"]``.

Standard library only, for Python 3.8 and newer.
"""

from __future__ import annotations

import ast
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # Importing `typing` here could hide that a module forgot to.
    from typing import Callable, TextIO

LAUNCH = """
from {module} import {first}
try:
    {function}
except AttributeError as e:
    raise ImportError(str(e)) from None
"""


def probe(request: dict, report: TextIO) -> None:  # type: ignore[type-arg]
    """Try everything that `request` names and write `report`, a text stream."""

    def write(*values: str) -> None:
        report.write(json.dumps(values) + "\n")
        report.flush()

    # What is imported, where that stands, the statements, and what says that it is there.
    tasks: list[tuple[str, str, list[ast.stmt], Callable[[BaseException], bool]]] = []
    for file, shown in request["scan"]:
        try:
            with open(os.path.join(request["site_dir"], file), "rb") as stream:
                tree = ast.parse(stream.read(), file)
        except (OSError, SyntaxError, ValueError) as e:
            write("import", shown, "")
            write("failed", describe(e))
            continue
        for node in required_imports(tree.body):
            tasks.append((describe_import(node), f"{shown}:{node.lineno}", [node], is_refusal))
    for module in request["modules"]:
        statement = ast.Import(names=[ast.alias(name=module, asname=None)])
        tasks.append((module, "", [statement], is_nothing))
    if request["launch"]:
        module, _, function = request["launch"].partition(":")
        # As the launcher does it, without the call.
        text = LAUNCH.format(module=module, first=function.split(".")[0], function=function)
        tasks.append((request["launch"], "", ast.parse(text).body, is_of_the_application))
    for what, where, statements, is_there in tasks:
        write("import", what, where)
        tree = ast.fix_missing_locations(ast.Module(body=statements, type_ignores=[]))
        try:
            # The statement itself, so that the reason is the one that a user would see.
            code = compile(tree, where or "<import>", "exec", dont_inherit=True)
            exec(code, {"__name__": "__import_check__"})  # noqa: S102 - that is the job
        except BaseException as e:  # noqa: BLE001 - some modules exit when they are imported
            write("refused" if is_there(e) else "failed", describe(e))
    write("done")


def is_nothing(_: BaseException) -> bool:
    """A package that a layer requires has to be importable."""
    return False


def is_of_the_application(error: BaseException) -> bool:
    """Whether a launch module was found, and wants what only a real start has: variables, say."""
    return isinstance(error, SystemExit) or (
        isinstance(error, Exception)
        and not isinstance(error, (ImportError, NameError, SyntaxError))
    )


def is_refusal(error: BaseException) -> bool:
    """Whether some package wants something else first: settings, say, or other modules.

    Its code was found and runs; it has a word of its own for what it misses.
    """
    kind = type(error)
    return (
        isinstance(error, Exception)
        and kind.__module__.partition(".")[0] not in ("builtins", "pkg_resources")
        and not isinstance(error, (ImportError, OSError, SyntaxError))
    )


def describe(error: BaseException) -> str:
    """The last line of the traceback."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def describe_import(node: ast.Import | ast.ImportFrom) -> str:
    """The statement as source code."""
    names = ", ".join(
        f"{name.name} as {name.asname}" if name.asname else name.name for name in node.names
    )
    if isinstance(node, ast.ImportFrom):
        return f"from {node.module} import {names}"
    return f"import {names}"


def required_imports(body: list[ast.stmt]) -> list[ast.Import | ast.ImportFrom]:
    """The absolute imports that are surely executed when a module with this body is launched.

    Those that depend on a condition are left out, since it may not hold here, as are those whose
    failure the module handles.
    """
    found: list[ast.Import | ast.ImportFrom] = []
    for node in body:
        if isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and node.level == 0 and node.module != "__future__"
        ):
            found.append(node)
        else:
            for block in executed_blocks(node):
                found += required_imports(block)
    return found


def executed_blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    """The blocks of a compound statement whose failed imports would end the module."""
    if isinstance(node, ast.If):
        if is_main_check(node.test):
            return [node.body]
        return [node.orelse] if is_type_checking(node.test) else []
    if isinstance(node, ast.Try):
        handled = any(handles_import_error(handler) for handler in node.handlers)
        return [node.finalbody] if handled else [node.body, node.orelse, node.finalbody]
    if isinstance(node, ast.With):
        return [] if any(map(is_suppress, node.items)) else [node.body]
    return [node.body] if isinstance(node, ast.ClassDef) else []


def is_main_check(test: ast.expr) -> bool:
    """Whether `test` is ``__name__ == "__main__"``, which holds for a module that is launched."""
    return ast.dump(test) == ast.dump(ast.parse('__name__ == "__main__"', mode="eval").body)


def is_type_checking(test: ast.expr) -> bool:
    """Whether `test` is ``TYPE_CHECKING`` or ``typing.TYPE_CHECKING``."""
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def is_suppress(item: ast.withitem) -> bool:
    """Whether `item` is a call of ``contextlib.suppress``, with any argument."""
    function = getattr(item.context_expr, "func", None)
    return "suppress" in (getattr(function, "attr", None), getattr(function, "id", None))


def handles_import_error(handler: ast.ExceptHandler) -> bool:
    """Whether `handler` catches a failed import."""
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {getattr(node, "id", getattr(node, "attr", None)) for node in types}
    return not names.isdisjoint(
        {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
    )


def main() -> None:
    """Run the request on standard input."""
    request = json.load(sys.stdin)
    # The working directory is not part of the application.
    sys.path[:] = [folder for folder in sys.path if folder]
    with open(request["report"], "w", encoding="utf-8") as report:
        probe(request, report)


if __name__ == "__main__":
    main()
