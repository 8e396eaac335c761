"""The two halves of the engine module: only one of them can be imported beside the pinned Pants."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import _legacy

BACKEND = Path(engine.__file__).parents[1]
MODERN = ast.parse((BACKEND / "engine/_modern.py").read_text())
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
    """The `__all__` of the half for newer versions of Pants."""
    (value,) = (
        node.value
        for node in MODERN.body
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


def test_the_pinned_pants_takes_the_legacy_half() -> None:
    assert engine.LEGACY
    assert engine.create_digest is _legacy.create_digest


def test_the_newer_half_defines_all_that_it_offers() -> None:
    assert len(offered()) == len(set(offered()))
    assert set(offered()) <= defined(MODERN)


def test_both_halves_offer_all_that_the_backend_uses() -> None:
    assert len(used()) > 20
    assert used() <= set(offered())
    assert used() <= set(_legacy.__all__)


def test_the_legacy_half_has_the_names_of_the_newer_one() -> None:
    assert set(offered()) <= set(_legacy.__all__)
    own = {
        name
        for name in _legacy.__all__
        if getattr(getattr(_legacy, name), "__module__", None) == _legacy.__name__
    }
    assert own <= set(offered())


def test_rules_of_the_newer_half_annotate_what_they_take_and_give() -> None:
    functions = [node for node in MODERN.body if isinstance(node, ast.AsyncFunctionDef)]
    assert len(functions) >= 8
    for function in functions:
        assert len(function.args.args) == 1
        assert function.args.args[0].annotation is not None
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


def test_tests_run_beside_the_pinned_pants() -> None:
    assert sys.version_info[:2] == (3, 9)
