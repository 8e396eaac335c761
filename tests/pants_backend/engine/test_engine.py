"""The two halves of the engine module: only one of them can be imported beside a Pants."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import _both
from venvstacks_rules.pants_backend.pants_versions import RUNNING

BACKEND = Path(engine.__file__).parents[1]
GET = ast.parse((BACKEND / "engine/_get.py").read_text())
BY_NAME = ast.parse((BACKEND / "engine/_by_name.py").read_text())
SOURCES = sorted(p for p in BACKEND.rglob("*.py") if p.parent != BACKEND / "engine")


def defined(tree: ast.Module) -> set[str]:
    """The names that a module binds at its top level."""
    found = set()
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def offered() -> list[str]:
    """The `__all__` of the half for Pants that calls rules by name."""
    (value,) = (
        node.value
        for node in BY_NAME.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    found = ast.literal_eval(value)
    assert isinstance(found, list)
    return found


def used() -> set[str]:
    """What the rest of the backend takes from `engine`."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "engine":
                found.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".engine"):
                found |= {alias.name for alias in node.names}
    return found


def test_the_half_of_the_running_pants_is_taken() -> None:
    name = "_get" if RUNNING < (2, 30) else "_by_name"
    half = importlib.import_module(f"{engine.__name__}.{name}")
    assert engine.create_digest is half.create_digest
    assert set(half.__all__) | set(_both.__all__) <= set(dir(engine))


def test_the_half_by_name_defines_all_that_it_offers() -> None:
    assert len(offered()) == len(set(offered()))
    assert set(offered()) <= defined(BY_NAME)


def test_both_halves_offer_all_that_the_backend_uses() -> None:
    assert len(used()) > 20
    assert used() <= set(offered()) | set(_both.__all__)
    assert used() <= defined(GET) | set(_both.__all__)


def test_the_half_with_get_has_the_names_of_the_other() -> None:
    assert set(offered()) <= defined(GET)
    functions = {node.name for node in GET.body if isinstance(node, ast.FunctionDef)}
    assert {name for name in functions if not name.startswith("_")} <= set(offered())


def test_rules_of_the_half_by_name_annotate_what_they_take_and_give() -> None:
    functions = [node for node in BY_NAME.body if isinstance(node, ast.AsyncFunctionDef)]
    assert len(functions) >= 8
    for function in functions:
        assert len(function.args.args) <= 1
        assert all(argument.annotation is not None for argument in function.args.args)
        assert isinstance(function.returns, ast.Name), function.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(BACKEND)))
def test_rules_use_the_engine_module_only(path: Path) -> None:
    """What Pants renamed between its versions is asked of `engine`, never of Pants."""
    names = {"Get", "MultiGet", "concurrently", "implicitly", "rule", "goal_rule", "collect_rules"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pants."):
            assert node.module not in {"pants.engine.rules", "pants.engine.intrinsics"}
            assert names.isdisjoint(alias.name for alias in node.names)


@pytest.mark.parametrize("content", [b"x = ", b"\xff", b"x = " + b"[" * 100_000])
def test_all_that_is_not_toml_is_a_value_error(content: bytes) -> None:
    assert engine.toml_loads("x = 'é'".encode()) == {"x": "é"}
    with pytest.raises(ValueError, match="."):
        engine.toml_loads(content)
