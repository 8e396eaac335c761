"""The sources of actions, and of the client: which of our modules are shipped.

They are shipped as plain files; nothing here imports them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pants.engine.fs import CreateDigest, Digest, FileContent

from venvstacks_rules.model.layers.client import CLIENT_MODULE
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule

if sys.version_info >= (3, 11):
    from importlib.resources.abc import Traversable
else:
    from importlib.abc import Traversable  # gone since 3.14

_PACKAGE = "venvstacks_rules"
_ACTIONS = f"{_PACKAGE}.actions"
START = f"{_ACTIONS}.__main__"
"""The module that starts an action."""

START_FILE = "__main__.py"
"""Where it lies in a tree of actions, as a script; it finds the other modules beside it."""

_PARTS = ("actions", "client", "local", "model", "repository")
"""The packages below ours whose modules are shipped."""


@dataclass(frozen=True)
class ActionSourcesRequest:
    """The sources that one action needs."""

    verb: str
    """As on the command line: ``wheel-segments``."""


@dataclass(frozen=True)
class ActionSources:
    """A tree to run one action from."""

    digest: Digest


@dataclass(frozen=True)
class ModuleSource:
    """A module that is shipped."""

    path: str
    """Relative to the folder that holds our package, with forward slashes."""
    text: str

    @property
    def name(self) -> str:
        """The dotted name."""
        return self.path[: -len(".py")].replace("/", ".").removesuffix(".__init__")


# Rules ask several times for each action, and remember what they made of it as long.
@cache
def module_sources() -> Mapping[str, ModuleSource]:
    """Our own modules that are shipped, by dotted name."""
    root = resources.files(_PACKAGE)
    found = [_read(root / "__init__.py", _PACKAGE)]
    for part in _PARTS:
        found += _modules(root / part, f"{_PACKAGE}/{part}")
    return {module.name: module for module in found}


def _modules(folder: Traversable, path: str) -> Iterator[ModuleSource]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _modules(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield _read(entry, path)


def _read(file: Traversable, folder: str) -> ModuleSource:
    return ModuleSource(f"{folder}/{file.name}", file.read_text(encoding="utf-8"))


def imported_modules(module: str, sources: Mapping[str, ModuleSource]) -> frozenset[str]:
    """`module` and all that it imports, itself or by others, among `sources`.

    An action's process is keyed by its own sources alone, so that a change in the lock action
    compresses nothing again.
    """
    seen: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name not in seen and name in sources:
            seen.add(name)
            # The packages that hold it are imported before it.
            pending.append(name.rpartition(".")[0])
            pending += imported_names(sources[name].text)
    return frozenset(seen)


@cache
def imported_names(text: str) -> frozenset[str]:
    """The dotted names that a module's import statements, anywhere in the file, may load."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def action_modules(verb: str, sources: Mapping[str, ModuleSource]) -> frozenset[str]:
    """The modules that the command `verb` is started with and may import."""
    # The command line finds the command's module by name, which no import statement shows.
    return imported_modules(action_module(verb), sources) | imported_modules(START, sources)


@cache
def client_sources() -> tuple[ModuleSource, ...]:
    """The modules of the client, and those that they may import."""
    sources = module_sources()
    # Of the API, no import of the command line knows.
    roots = [name for name in sources if name.startswith(f"{CLIENT_MODULE}.")]
    names = frozenset().union(*(imported_modules(name, sources) for name in roots))
    return tuple(sources[name] for name in sorted(names))


def postinstall_source() -> str:
    """The script that every layer carries."""
    return _read(resources.files(_PACKAGE) / "actions" / "postinstall.py", "").text


def action_module(verb: str) -> str:
    """The dotted name of the module with the command `verb`."""
    return f"{_ACTIONS}.commands.{verb.replace('-', '_')}"


def shipped_files(names: Iterable[str], sources: Mapping[str, ModuleSource]) -> list[FileContent]:
    """The files of modules, and what starts a tree with them."""
    files = [FileContent(START_FILE, sources[START].text.encode())]
    files += [FileContent(sources[name].path, sources[name].text.encode()) for name in names]
    return sorted(files, key=lambda file: file.path)


@rule
async def action_sources(request: ActionSourcesRequest) -> ActionSources:
    sources = module_sources()
    files = shipped_files(action_modules(request.verb, sources), sources)
    return ActionSources(await engine.create_digest(CreateDigest(files)))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
