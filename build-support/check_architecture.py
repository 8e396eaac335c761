"""Check that parts and rooms import only what they may, and that files and functions stay small.

The rooms, and the arrows between them, are those of `rooms.py`. Prints every problem as
`path:line: message` and exits with 1 if there is one. Reads the sources with `ast` and imports none
of them. Standard library only; runs on Python 3.9 and newer.

Usage: check_architecture.py [ROOT OF THE REPOSITORY]
"""

from __future__ import annotations

import ast
import contextlib
import pkgutil
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from check_rooms import check_rooms, unused_arrows
from rooms import HOUSE
from source_modules import PACKAGE, Import, Module, Problem, parsed, parsed_module

SIZED_FOLDERS = ("src/python", "build-support", "tests", "benchmarks")

LOOK_AGAIN_LINES = 400
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80

# Modules of the standard library that reach a clock, the environment, a disk, a network or chance.
IMPURE_MODULES = frozenset(
    (
        "asyncio",
        "concurrent",
        "ctypes",
        "fcntl",
        "fileinput",
        "ftplib",
        "getpass",
        "glob",
        "http",
        "imaplib",
        "importlib",
        "linecache",
        "locale",
        "mmap",
        "multiprocessing",
        "os",
        "platform",
        "poplib",
        "pty",
        "pwd",
        "random",
        "resource",
        "runpy",
        "sched",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "site",
        "smtplib",
        "socket",
        "socketserver",
        "sqlite3",
        "ssl",
        "subprocess",
        "sysconfig",
        "syslog",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
        "uuid",
        "webbrowser",
        "xmlrpc",
        "zoneinfo",
    )
)
IMPURE_CALLS = frozenset({"open", "input", "exec", "eval", "breakpoint"})
PURE_PATHS = frozenset({"PurePosixPath", "PureWindowsPath", "PurePath"})
CLOCK_METHODS = frozenset({"now", "today", "utcnow"})
# Of `sys`, what does not depend on the machine or the call.
PURE_SYS = frozenset({"version_info", "maxsize", "intern"})

BACKEND_MAY_IMPORT = frozenset({"pants", "packaging", "tomli", "tomllib"})
KNOW_THE_PANTS = (("pants_backend", "engine"), ("pants_backend", "pants_versions"))
PANTS_VERSION_NAMES = frozenset({"RUNNING", "PANTS_SEMVER", "MAJOR_MINOR"})
ENVIRONMENT_READERS = frozenset({"environ", "environb", "getenv", "getenvb"})


def standard_library() -> frozenset[str]:
    """Return the top-level names of the standard library."""
    names: frozenset[str] | None = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return names
    # Python 3.9 does not know: what lies in its own folders.
    stdlib = sysconfig.get_path("stdlib")
    found = pkgutil.iter_modules([stdlib, f"{stdlib}/lib-dynload"])
    # Later additions; a module that imports them must have a fallback, which other checks see.
    return frozenset((*sys.builtin_module_names, *(module.name for module in found), "tomllib"))


STANDARD_LIBRARY = standard_library()


def is_within(target: str, package: str) -> bool:
    """Tell whether a dotted name is a package or lies in it."""
    return target == package or target.startswith(package + ".")


def is_ours(imported: Import, part: str) -> bool:
    """Tell whether an import stays inside one part of the package."""
    return any(is_within(target, f"{PACKAGE}.{part}") for target in imported.targets)


def check_model(module: Module) -> Iterator[Problem]:
    """The model is pure: the standard library without side effects, `packaging`, and itself."""
    for imported in module.imports:
        if any(is_within(t, impure) for t in imported.targets for impure in IMPURE_MODULES):
            yield module.problem(
                imported.line, f"model is pure and may not import {imported.module}"
            )
        elif not (
            imported.root in STANDARD_LIBRARY
            or imported.root == "packaging"
            or is_ours(imported, "model")
        ):
            yield module.problem(
                imported.line,
                f"model may import the standard library, packaging and {PACKAGE}.model,"
                f" not {imported.module}",
            )
        elif imported.module == "pathlib" and imported.name not in {None, *PURE_PATHS}:
            yield module.problem(
                imported.line, f"model may use pure paths only, not pathlib.{imported.name}"
            )
        elif imported.module == "io" and imported.name in {"open", "open_code", "FileIO"}:
            yield module.problem(imported.line, f"model is pure and may not use io.{imported.name}")
        elif imported.module == "sys" and imported.name not in {None, *PURE_SYS}:
            yield module.problem(
                imported.line, f"model is pure and may not use sys.{imported.name}"
            )
    for node in module.nodes:
        yield from _impure_expressions(module, node)


def _impure_expressions(module: Module, node: ast.AST) -> Iterator[Problem]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in IMPURE_CALLS:
            yield module.problem(node.lineno, f"model is pure and may not call {node.func.id}()")
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner, name = node.value.id, node.attr
        if (
            (owner == "pathlib" and name not in PURE_PATHS)
            or (owner == "sys" and name not in PURE_SYS)
            or (owner == "io" and name in {"open", "open_code", "FileIO"})
            or (owner in {"datetime", "date"} and name in CLOCK_METHODS)
        ):
            yield module.problem(node.lineno, f"model is pure and may not use {owner}.{name}")
    elif isinstance(node, ast.Attribute) and node.attr in CLOCK_METHODS:
        value = node.value
        if isinstance(value, ast.Attribute) and value.attr in {"datetime", "date"}:
            yield module.problem(
                node.lineno, f"model is pure and may not use {value.attr}.{node.attr}"
            )


def check_actions(module: Module) -> Iterator[Problem]:
    """Actions know nothing of Pants; what ships inside layers knows nothing of us."""
    for imported in module.imports:
        if imported.root == "pants" or is_ours(imported, "pants_backend"):
            yield module.problem(
                imported.line, "actions know nothing of Pants and may not import it"
            )
        elif is_ours(imported, "client"):
            yield module.problem(imported.line, "actions know nothing of the client")
        elif module.parts == ("actions", "postinstall") and imported.root not in STANDARD_LIBRARY:
            yield module.problem(
                imported.line,
                "postinstall ships inside every layer and may import the standard library only,"
                f" not {imported.module}",
            )


def check_repositories(module: Module) -> Iterator[Problem]:
    """Repositories are read on users' machines: no Pants, no actions, no `packaging`."""
    for imported in module.imports:
        ours = any(is_ours(imported, p) for p in ("pants_backend", "actions", "client"))
        if imported.root in {"pants", "packaging"} or ours:
            yield module.problem(
                imported.line, f"repository is a part below and may not import {imported.module}"
            )


def check_local(module: Module) -> Iterator[Problem]:
    """What the parts above share knows none of them."""
    others = ("pants_backend", "actions", "repository", "client")
    for imported in module.imports:
        if imported.root in {"pants", "packaging"} or any(is_ours(imported, o) for o in others):
            yield module.problem(
                imported.line, f"local is a part below and may not import {imported.module}"
            )


CLIENT_MAY_IMPORT = frozenset({"zstandard", "compression"})


def check_client(module: Module) -> Iterator[Problem]:
    """The client is small and starts fast: the standard library, Zstandard, and the parts below."""
    for imported in module.imports:
        ours = ("model", "local", "repository", "client")
        if not (
            imported.root in STANDARD_LIBRARY | CLIENT_MAY_IMPORT
            or any(is_ours(imported, part) for part in ours)
        ):
            yield module.problem(
                imported.line,
                "the client may import the standard library, zstandard and the parts below it,"
                f" not {imported.module}",
            )


def check_backend(module: Module) -> Iterator[Problem]:
    """Rules see Pants and the model, and reach disk and environment through the engine only."""
    in_engine = module.parts[:2] in KNOW_THE_PANTS
    for imported in module.imports:
        if is_ours(imported, "actions"):
            yield module.problem(
                imported.line, "rules may not import actions; ship them as resources"
            )
        elif not (
            imported.root in STANDARD_LIBRARY
            or imported.root in BACKEND_MAY_IMPORT
            or is_ours(imported, "model")
            or is_ours(imported, "pants_backend")
        ):
            yield module.problem(
                imported.line,
                "pants_backend may import pants, packaging, tomli, the standard library,"
                f" {PACKAGE}.model and itself, not {imported.module}",
            )
        elif imported.module == "os" and imported.name in ENVIRONMENT_READERS:
            yield module.problem(
                imported.line, f"rules may not read os.{imported.name}; ask the engine"
            )
        if not in_engine and _looks_at_pants_version(imported):
            yield module.problem(
                imported.line, "only pants_backend/engine may know which Pants it runs on"
            )
    for node in module.nodes:
        yield from _outside_of_engine(module, node, in_engine=in_engine)


def _looks_at_pants_version(imported: Import) -> bool:
    engine = f"{PACKAGE}.pants_backend.engine"
    return imported.name in PANTS_VERSION_NAMES or any(
        is_within(target, hidden)
        for target in imported.targets
        for hidden in ("pants.version", f"{engine}._get", f"{engine}._by_name")
    )


def _outside_of_engine(module: Module, node: ast.AST, *, in_engine: bool) -> Iterator[Problem]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
        yield module.problem(node.lineno, "rules may not call open(); use digests")
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "os" and node.attr in ENVIRONMENT_READERS:
            yield module.problem(node.lineno, f"rules may not read os.{node.attr}; ask the engine")
        elif not in_engine and node.attr in PANTS_VERSION_NAMES:
            yield module.problem(
                node.lineno, "only pants_backend/engine may know which Pants it runs on"
            )


def check_sizes(path: str, text: str, tree: ast.Module) -> Iterator[Problem]:
    """Files and functions that grew too large to understand at once."""
    lines = len(text.splitlines())
    if lines > MAX_FILE_LINES:
        yield Problem(path, 1, f"{lines} lines; a file has at most {MAX_FILE_LINES}")
    for node in _statements(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield Problem(
                    path,
                    node.lineno,
                    f"{node.name} has {length} lines; a function has at most {MAX_FUNCTION_LINES}",
                )


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements; a file has ten times as many nodes."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for inside in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, inside, ())


CHECKS: dict[str, Callable[[Module], Iterator[Problem]]] = {
    "model": check_model,
    "actions": check_actions,
    "local": check_local,
    "client": check_client,
    "repository": check_repositories,
    "pants_backend": check_backend,
    "register": check_backend,
}


def check_file(path: PurePosixPath, text: str) -> tuple[list[Problem], str | None]:
    """Check one file, named relative to the repository.

    Returns:
        Its problems, and a notice if its size asks for another look.
    """
    try:
        tree = parsed(text)
    except SyntaxError as e:
        return [Problem(str(path), e.lineno or 1, f"syntax error: {e.msg}")], None
    problems = list(check_sizes(str(path), text, tree))
    lines = len(text.splitlines())
    notice = None
    if LOOK_AGAIN_LINES < lines <= MAX_FILE_LINES:
        notice = f"{path}:1: look again: {lines} lines; does this file do one job?"
    module = parsed_module(path, text)
    if module is not None and module.part in CHECKS:
        problems += CHECKS[module.part](module)
        problems += check_rooms(module) if module.part in HOUSE else []
    return problems, notice


def check_repository(root: Path) -> tuple[list[Problem], list[str]]:
    """Return all problems and all notices, in the order of paths and lines."""
    problems: set[Problem] = set()
    notices: list[str] = []
    modules: list[Module] = []
    for folder in SIZED_FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            path = PurePosixPath(file.relative_to(root).as_posix())
            text = file.read_text(encoding="utf-8")
            found, notice = check_file(path, text)
            problems.update(found)
            notices += [notice] if notice else []
            with contextlib.suppress(SyntaxError):
                module = parsed_module(path, text)
                modules += [module] if module is not None else []
    problems.update(unused_arrows(modules))
    return sorted(problems), notices


def main(argv: Sequence[str]) -> int:
    """Check the repository named by the only argument, or the one that holds this script."""
    root = Path(argv[0]) if argv else Path(__file__).resolve().parent.parent
    problems, notices = check_repository(root)
    for line in (*notices, *problems):
        print(line)
    if problems:
        count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        print(f"{count} of architecture", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
