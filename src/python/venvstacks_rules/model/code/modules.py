"""The modules that files of first-party code make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from venvstacks_rules.model.layers.interface import PackageFolder
from venvstacks_rules.model.layers.launch_names import LaunchName


def module_name(path: str) -> str | None:
    """The dotted name of the module at `path`, relative to site-packages; None if it is none.

    A package has the name of its folder. Extension modules have their platform in their names:
    ``_speed.cpython-311-x86_64-linux-gnu.so``.
    """
    if not path.endswith((".py", ".so", ".pyd")):
        return None
    *folders, file = path.split("/")
    parts = [*folders, file[: -len(".py")] if path.endswith(".py") else file.split(".")[0]]
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts)


def launch_files(module: str) -> tuple[str, ...]:
    """The files that ``python -m module`` can run, relative to site-packages."""
    path = module.replace(".", "/")
    return (f"{path}.py", f"{path}/__main__.py")


def module_files(module: str) -> tuple[str, ...]:
    """The files that make the module, relative to site-packages; one of them is enough."""
    path = module.replace(".", "/")
    return (f"{path}.py", f"{path}/__init__.py")


def started_files(name: LaunchName) -> tuple[str, ...]:
    """The files that a launch module may be, by its name; relative to site-packages."""
    return launch_files(name.module) if name.function is None else module_files(name.module)


def is_program(path: str) -> bool:
    """Whether a file is Python code, and no test that lies beside it by its name."""
    *folders, name = path.split("/")
    if not name.endswith(".py") or name == "conftest.py":
        return False
    is_test = name.startswith("test_") or name.endswith("_test.py")
    return not is_test and not {"test", "tests"}.intersection(folders)


@dataclass(frozen=True)
class CodeModules:
    """The modules of some files of first-party code."""

    modules: frozenset[str]
    """Modules and packages with an ``__init__``: dotted names."""
    packages: frozenset[str]
    """Those of them that are folders with an ``__init__``."""
    namespaces: frozenset[str]
    """Folders of modules without an ``__init__``: dotted names."""

    @classmethod
    def of(cls, paths: Iterable[str]) -> CodeModules:
        """The modules of files, by their paths relative to site-packages."""
        named = {path: name for path in paths if (name := module_name(path)) is not None}
        modules = set(named.values())
        packages = {name for path, name in named.items() if path.endswith("/__init__.py")}
        folders = {above for name in modules for above in _above(name)}
        return cls(frozenset(modules), frozenset(packages), frozenset(folders - packages))

    @property
    def top_level(self) -> frozenset[str]:
        """The first parts of all names."""
        return frozenset(name.split(".")[0] for name in self.modules)

    def provide(self, name: str, *, is_module: bool = False) -> bool | None:
        """Whether an import of `name` finds it; None if it may be something in a package.

        `is_module` is whether it has to be a module, as in ``import a.b``. What is in a module that
        is no package is for that module to say.
        """
        if name in self.modules or name in self.namespaces:
            return True
        above = list(_above(name))
        if any(each in self.modules and each not in self.packages for each in above):
            return True
        return None if not is_module and above and above[0] in self.packages else False

    def joined(self, others: Iterable[CodeModules]) -> CodeModules:
        """The modules of this code, and of others."""
        everything = [self, *others]
        packages = _union(each.packages for each in everything)
        return CodeModules(
            _union(each.modules for each in everything),
            packages,
            _union(each.namespaces for each in everything) - packages,
        )

    def folders(self, owner: str) -> tuple[PackageFolder, ...]:
        """The folders of modules, by name; `owner` stands for the distribution that has them."""
        return tuple(
            PackageFolder(name, name in self.packages, (owner,))
            for name in sorted(self.packages | self.namespaces)
        )


def _above(name: str) -> Iterator[str]:
    """The names of the packages that the module `name` is in."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)
