"""The names that a version of Pants defines, read from its sources without running them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


@dataclass(frozen=True)
class Defined:
    """What a name stands for: a function, a class, a module, or (`node` is None) anything else."""

    module: str
    node: Function | ast.ClassDef | None = None
    is_module: bool = False


@dataclass(frozen=True)
class Parameters:
    """What a function takes, or a class when it is called; without ``self`` and ``cls``."""

    positional: tuple[str, ...]
    keywords: frozenset[str]
    required: frozenset[str]
    any_positional: bool = False
    any_keyword: bool = False

    def problem(self, call: ast.Call) -> str | None:
        """Say why a call does not fit; None if it does, as far as the source tells."""
        starred = any(isinstance(argument, ast.Starred) for argument in call.args)
        unpacked = any(keyword.arg is None for keyword in call.keywords)
        given = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
        if len(call.args) > len(self.positional) and not (starred or self.any_positional):
            return f"takes {len(self.positional)} arguments by position, not {len(call.args)}"
        unknown = [] if self.any_keyword else sorted(set(given) - self.keywords)
        if unknown:
            return "has no parameter " + ", ".join(f"`{name}`" for name in unknown)
        missing = self.required - set(given) - set(self.positional[: len(call.args)])
        if missing and not (starred or unpacked):
            return "also requires " + ", ".join(f"`{name}`" for name in sorted(missing))
        return None


@dataclass(frozen=True)
class PantsNames:
    """Looks names up in the sources of one version.

    Attributes:
        read: Returns the text of a file, named relative to the folder that has ``pants/``; None if
            there is none.
    """

    read: Callable[[str], str | None]
    _trees: dict[str, ast.Module | None] = field(default_factory=dict)
    _scopes: dict[str, Mapping[str, ast.stmt]] = field(default_factory=dict)

    def look_up(self, module: str, name: str) -> Defined | None:
        """Return what ``from module import name`` gives; None if that fails."""
        return self._look_up(module, name, frozenset())

    def has_module(self, module: str) -> bool:
        """Tell whether a module exists."""
        return self._tree(module) is not None

    def has_attribute(self, defined: Defined, name: str) -> bool:
        """Tell whether a module or class has an attribute; of anything else that is not known."""
        if defined.is_module:
            return self.look_up(defined.module, name) is not None
        if not isinstance(defined.node, ast.ClassDef):
            return True
        return any(cls is None or name in self._members(cls.node) for cls in self._classes(defined))

    def parameters(self, defined: Defined, attribute: str | None = None) -> Parameters | None:
        """What a call of the object, or of its method, takes; None if the source does not tell."""
        if isinstance(defined.node, ast.ClassDef):
            if attribute is not None:
                return self._method_parameters(defined, attribute)
            return self._class_parameters(defined)
        if defined.is_module and attribute is not None:
            found = self.look_up(defined.module, attribute)
            return None if found is None else self.parameters(found)
        if defined.node is not None and attribute is None:
            return _parameters(defined.node, bound=False)
        return None

    # ------------------------------------------------------------------------------------ modules
    def _tree(self, module: str) -> ast.Module | None:
        if module not in self._trees:
            path = module.replace(".", "/")
            # The engine, compiled, has a file of its types.
            texts = map(self.read, (f"{path}.py", f"{path}/__init__.py", f"{path}.pyi"))
            text = next((text for text in texts if text is not None), None)
            self._trees[module] = None if text is None else ast.parse(text)
        return self._trees[module]

    def _scope(self, module: str) -> Mapping[str, ast.stmt]:
        if module not in self._scopes:
            tree = self._tree(module)
            self._scopes[module] = {} if tree is None else _bound_names(tree.body)
        return self._scopes[module]

    def _stars(self, module: str) -> Iterator[str]:
        """The modules that a module imports everything from."""
        tree = self._tree(module)
        for statement in _statements(tree.body if tree is not None else []):
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                yield statement.module or ""

    def _look_up(self, module: str, name: str, seen: frozenset[str]) -> Defined | None:
        key = f"{module}.{name}"
        if key in seen:
            return None
        statement = self._scope(module).get(name)
        if statement is not None:
            return self._bound(module, name, statement, seen | {key})
        if self.has_module(key):
            return Defined(key, is_module=True)
        found = (self._look_up(star, name, seen | {key}) for star in self._stars(module))
        return next((defined for defined in found if defined is not None), None)

    def _bound(
        self, module: str, name: str, statement: ast.stmt, seen: frozenset[str]
    ) -> Defined | None:
        if isinstance(statement, ast.ImportFrom):
            return self._imported(module, name, statement, seen)
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return Defined(module, statement)
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):
            return self._look_up(module, statement.value.id, seen) or Defined(module)
        return Defined(module)

    def _imported(
        self, module: str, name: str, statement: ast.ImportFrom, seen: frozenset[str]
    ) -> Defined | None:
        if (statement.module or "").partition(".")[0] != "pants":
            return Defined(module)
        (original,) = (a.name for a in statement.names if (a.asname or a.name) == name)
        return self._look_up(statement.module or "", original, seen)

    # ------------------------------------------------------------------------------------ classes
    def _classes(self, defined: Defined) -> Iterator[Defined | None]:
        """A class and those that it derives from; None for one whose source is not Pants'."""
        assert isinstance(defined.node, ast.ClassDef)
        yield defined
        for base in defined.node.bases:
            named = base.value if isinstance(base, ast.Subscript) else base
            if isinstance(named, ast.Name) and named.id in {"object", "Generic", "Protocol", "ABC"}:
                continue
            found = self.look_up(defined.module, named.id) if isinstance(named, ast.Name) else None
            if found is None or not isinstance(found.node, ast.ClassDef):
                yield None
            else:
                yield from self._classes(found)

    @staticmethod
    def _members(node: object) -> Mapping[str, ast.stmt]:
        assert isinstance(node, ast.ClassDef)
        return _bound_names(node.body)

    def _method_parameters(self, defined: Defined, name: str) -> Parameters | None:
        for cls in self._classes(defined):
            member = None if cls is None else self._members(cls.node).get(name)
            if cls is None:
                return None
            if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                decorators = {ast.unparse(decorator) for decorator in member.decorator_list}
                return _parameters(member, bound="classmethod" in decorators)
        return None

    def _class_parameters(self, defined: Defined) -> Parameters | None:
        classes = list(self._classes(defined))
        fields: dict[str, ast.AnnAssign] = {}
        for cls in classes:
            if cls is None:
                return None
            assert isinstance(cls.node, ast.ClassDef)
            members = self._members(cls.node)
            for name in ("__init__", "__new__"):
                method = members.get(name)
                if isinstance(method, ast.FunctionDef) and not fields:
                    return _parameters(method, bound=True)
            if not any("dataclass" in ast.unparse(d) for d in cls.node.decorator_list):
                return None
            own = {n: m for n, m in members.items() if isinstance(m, ast.AnnAssign)}
            fields = {**own, **fields}
        names = [n for n, member in fields.items() if "ClassVar" not in ast.dump(member.annotation)]
        required = {name for name in names if fields[name].value is None}
        return Parameters(tuple(names), frozenset(names), frozenset(required))


def _bound_names(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """The names that statements bind, also below `if` and `try`."""
    names: dict[str, ast.stmt] = {}
    for statement in _statements(body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names[statement.name] = statement
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                if isinstance(statement, ast.Import):
                    names[alias.asname or alias.name.partition(".")[0]] = statement
                else:
                    names[alias.asname or alias.name] = statement
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                for node in ast.walk(target):
                    if isinstance(node, ast.Name):
                        names[node.id] = statement
    return names


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _statements(handler.body)


def _parameters(function: Function, *, bound: bool) -> Parameters | None:
    if any("overload" in ast.unparse(decorator) for decorator in function.decorator_list):
        return None
    arguments = function.args
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    optional = positional[len(positional) - len(arguments.defaults) :]
    if bound:
        positional = positional[1:]
    only_keyword = [a.arg for a in arguments.kwonlyargs]
    required = set(positional) - set(optional)
    required |= {n for n, d in zip(only_keyword, arguments.kw_defaults) if d is None}
    by_position_only = {a.arg for a in arguments.posonlyargs}
    return Parameters(
        positional=tuple(positional),
        keywords=frozenset((set(positional) - by_position_only) | set(only_keyword)),
        required=frozenset(required),
        any_positional=arguments.vararg is not None,
        any_keyword=arguments.kwarg is not None,
    )
