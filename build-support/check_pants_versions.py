"""Compare what the backend takes from Pants with the sources of every version of Pants.

`check-pants-versions` runs this. For the last tag of each minor version it takes the half of
`pants_backend/engine` that this version would take, and looks up every imported name, every
attribute of an imported module or class, and the parameters of every function and class that is
called. No version of Pants is installed or run.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pants_names import Defined, PantsNames

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src/python/venvstacks_rules"
TESTS = ROOT / "tests/pants_backend"
PAGE = ROOT / "docs/reference/pants-versions.md"
BEGIN = "<!-- begin: build-support/check-pants-versions -->\n"
END = "<!-- end: build-support/check-pants-versions -->\n"

HALVES = {"engine/_get.py": "awaits `Get`", "engine/_by_name.py": "calls by name"}

NAMES_ONLY = "names only"
PROVED: Mapping[Minor, str] = {
    (2, 17): "whole suite",
    **dict.fromkeys([(2, 18), (2, 20), (2, 22), (2, 23), (2, 26), (2, 28), (2, 30)], "rules"),
    (2, 29): "examples",
    (2, 31): "examples",
    (2, 33): "examples",
}
"""What ran, with this code, beyond the check of names: `whole suite`, `examples`, or `rules`.

Change it when you have run `VENVSTACKS_RULES_PANTS=/path/to/pants build-support/test`.
"""

Minor = tuple[int, ...]


@dataclass(frozen=True)
class Use:
    """A place in the backend that takes something from Pants."""

    path: str
    line: int
    module: str
    name: str | None
    """What is imported from the module; None for the module itself."""
    attribute: str | None = None
    call: ast.Call | None = None

    def problem(self, names: PantsNames) -> str | None:
        """Say what a version of Pants lacks here; None if it has all."""
        if self.name is None:
            return None if names.has_module(self.module) else f"has no module {self.module}"
        defined = names.look_up(self.module, self.name)
        whole = f"{self.module}.{self.name}"
        if defined is None:
            return f"has no {whole}"
        if self.attribute is not None:
            whole += f".{self.attribute}"
            if not names.has_attribute(defined, self.attribute):
                return f"has no {whole}"
        return self._call_problem(names, defined, whole)

    def _call_problem(self, names: PantsNames, defined: Defined, whole: str) -> str | None:
        if self.call is None:
            return None
        parameters = names.parameters(defined, self.attribute)
        problem = None if parameters is None else parameters.problem(self.call)
        return None if problem is None else f"has {whole}, which {problem}"


def uses(path: str, tree: ast.Module, minor: Minor) -> Iterator[Use]:
    """What a module of the backend takes from Pants when this version runs."""
    nodes = list(_running(tree, minor))
    bound: dict[str, tuple[str, str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in filter(lambda alias: _is_pants(alias.name), node.names):
                yield Use(path, node.lineno, alias.name, None)
        elif isinstance(node, ast.ImportFrom) and _is_pants(node.module or ""):
            for alias in node.names:
                yield Use(path, node.lineno, node.module or "", alias.name)
                bound[alias.asname or alias.name] = (node.module or "", alias.name)
    for node in nodes:
        called = node.func if isinstance(node, ast.Call) else node
        call = node if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            if called.value.id in bound:
                yield Use(path, called.lineno, *bound[called.value.id], called.attr, call)
        elif call is not None and isinstance(called, ast.Name) and called.id in bound:
            yield Use(path, called.lineno, *bound[called.id], call=call)


def _is_pants(module: str) -> bool:
    return module.partition(".")[0] == "pants"


def _running(node: ast.AST, minor: Minor) -> Iterator[ast.AST]:
    """All nodes but those below ``if RUNNING ...`` that do not run on this version."""
    for child in ast.iter_child_nodes(node):
        holds = _holds(child.test, minor) if isinstance(child, ast.If) else None
        if isinstance(child, ast.If) and holds is not None:
            taken = ast.Module(body=child.body if holds else child.orelse, type_ignores=[])
            yield from _running(taken, minor)
        else:
            yield child
            yield from _running(child, minor)


def _holds(test: ast.expr, minor: Minor) -> bool | None:
    """What ``RUNNING < (2, 30)`` or ``RUNNING >= (2, 30)`` says; None for any other test."""
    found = re.fullmatch(r"RUNNING (<|>=) (\(\d+, \d+\))", ast.unparse(test))
    if found is None:
        return None
    older = minor < ast.literal_eval(found[2])
    return bool(older == (found[1] == "<"))


@dataclass(frozen=True)
class Version:
    """The last tag of a minor version."""

    repository: Path
    tag: str

    @property
    def number(self) -> str:
        """As Pants says it: ``2.33.0``."""
        return self.tag.removeprefix("release_")

    @property
    def minor(self) -> Minor:
        """Major and minor."""
        return tuple(int(part) for part in self.number.split(".")[:2])

    @cached_property
    def names(self) -> PantsNames:
        """Its names."""
        return PantsNames(self._files.get)

    @property
    def python(self) -> str:
        """The CPython that it runs on, as its own configuration says."""
        config = _git(self.repository, "show", f"{self.tag}:pants.toml").decode()
        found = re.search(r'^interpreter_constraints = \["(.+?)"\]', config, re.MULTILINE)
        return found[1].replace("==", "").replace(".*", "") if found else "?"

    @cached_property
    def _files(self) -> Mapping[str, str]:
        prefix = "src/python/"
        archive = _git(self.repository, "archive", self.tag, f"{prefix}pants")
        found = {}
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith((".py", ".pyi")):
                    file = tar.extractfile(member)
                    assert file is not None
                    found[member.name[len(prefix) :]] = file.read().decode()
        return found

    def problems(self, modules: Mapping[str, ast.Module]) -> list[str]:
        """What this version lacks, with the places that need it."""
        half = half_of(modules, self.minor)
        found = set()
        for path, tree in modules.items():
            if path in HALVES and path != half:
                continue
            for use in uses(path, tree, self.minor):
                problem = use.problem(self.names)
                if problem is not None:
                    place = path if path.startswith("tests/") else f"pants_backend/{path}"
                    found.add(f"{place}:{use.line}: Pants {self.number} {problem}")
        return sorted(found)


def half_of(modules: Mapping[str, ast.Module], minor: Minor) -> str:
    """The half of the engine module that a version takes, as a path."""
    (half,) = (
        path
        for node in _running(modules["engine/__init__.py"], minor)
        for path in HALVES
        if isinstance(node, ast.ImportFrom) and f"{node.module}".endswith(f".{Path(path).stem}")
    )
    return half


def oldest(modules: Mapping[str, ast.Module]) -> Minor:
    """The oldest version that the plugin supports."""
    (value,) = (
        node.value
        for node in modules["pants_versions.py"].body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OLDEST"
    )
    found = ast.literal_eval(value)
    assert isinstance(found, tuple)
    return found


def versions(repository: Path, first: Minor) -> list[Version]:
    """The last tag of each minor version; a pre-release only of a minor without other tags."""
    last: dict[Minor, tuple[tuple[object, ...], str]] = {}
    for tag in _git(repository, "tag", "--list", "release_2.*").decode().split():
        found = re.fullmatch(r"release_(\d+)\.(\d+)\.(\d+)(?:\.?(dev|a|b|rc)(\d+))?", tag)
        if found is None or (int(found[1]), int(found[2])) < first:
            continue
        stage = ("dev", "a", "b", "rc", None).index(found[4])
        key = (stage == 4, int(found[3]), stage, int(found[5] or 0))
        minor = (int(found[1]), int(found[2]))
        last[minor] = max(last.get(minor, ((), "")), (key, tag))
    return [Version(repository, last[minor][1]) for minor in sorted(last)]


def modules_of(package: Path) -> dict[str, ast.Module]:
    """The modules that see Pants: those of `pants_backend`, by path in it, and its tests."""
    backend = package / "pants_backend"
    found = {"../register.py": ast.parse((package / "register.py").read_text())}
    for folder, base in ((backend, backend), (TESTS, ROOT)):
        for path in sorted(folder.rglob("*.py")):
            found[path.relative_to(base).as_posix()] = ast.parse(path.read_text())
    return found


def table(checked: Iterable[Version], modules: Mapping[str, ast.Module]) -> str:
    """The table of the page."""
    lines = ["| Pants | checked | its CPython | engine half | proof |", "|---|---|---|---|---|"]
    for version in checked:
        minor = ".".join(map(str, version.minor))
        proof = PROVED.get(version.minor, NAMES_ONLY)
        half = HALVES[half_of(modules, version.minor)]
        lines.append(f"| {minor} | {version.number} | {version.python} | {half} | {proof} |")
    return "\n".join(lines) + "\n"


def with_table(page: str, new: str) -> str:
    """The page with another table between its two markers."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + new + END + rest.split(END)[1]


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments],  # noqa: S607 - the one of the user
        check=True,
        stdout=subprocess.PIPE,
    ).stdout


def main(argv: Sequence[str]) -> int:
    """Check all versions; write the table if none lacks anything."""
    parser = argparse.ArgumentParser(prog="check-pants-versions", description=__doc__)
    parser.add_argument("repository", type=Path, metavar="GIT_DIR", help="a clone of Pants")
    modules = modules_of(PACKAGE)
    checked = versions(parser.parse_args(argv).repository, oldest(modules))
    if not checked:
        print("error: GIT_DIR has no tags like release_2.33.0; fetch them.", file=sys.stderr)
        return 1
    failed = False
    for version in checked:
        problems = version.problems(modules)
        failed = failed or bool(problems)
        for problem in problems:
            print(problem)
        half = HALVES[half_of(modules, version.minor)]
        print(f"Pants {version.number} ({half}): {len(problems)} problems")
    if not failed:
        PAGE.write_text(with_table(PAGE.read_text(), table(checked, modules)))
        print(f"Wrote {PAGE.relative_to(ROOT)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
