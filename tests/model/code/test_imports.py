"""What first-party code imports, compared with what its layer and those below provide."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.code.imports import (
    Provided,
    Unsatisfied,
    is_conditional,
    unsatisfied_imports,
)
from venvstacks_rules.model.code.modules import CodeModules
from venvstacks_rules.model.code.parsed import ParsedImport

PROVIDED = Provided(
    CodeModules.of(["acme/server.py", "tool/__init__.py", "tool/speed.cpython-311.so"]),
    frozenset({"rich", "_yaml"}),
    "3.11.7",
    ("turtle",),
)


@pytest.mark.parametrize(
    "name",
    [
        *("acme", "acme.server", "acme.server.main", "acme.server.a.b", "tool", "tool.speed"),
        *("rich.console", "_yaml", "os.path", "tomllib", "__future__.annotations", "__main__"),
    ],
)
def test_provided(name: str) -> None:
    assert PROVIDED.has(ParsedImport(name, 1, is_module=False))


@pytest.mark.parametrize("name", ["acme.client", "yaml", "richer", "compression.zstd", "turtle"])
def test_not_provided(name: str) -> None:
    assert PROVIDED.has(ParsedImport(name, 1, is_module=False)) is False


def test_something_in_a_package() -> None:
    assert PROVIDED.has(ParsedImport("tool.run", 1, is_module=False)) is None
    assert PROVIDED.has(ParsedImport("tool.run", 1, is_module=True)) is False
    assert PROVIDED.has(ParsedImport("tool.run.deep", 1, is_module=False)) is False


def test_unsatisfied() -> None:
    imports = [
        ParsedImport("rich", 1, is_module=True),
        ParsedImport("absent.deep", 2, is_module=True),
        ParsedImport("tool.VERSION", 7, is_module=False),
        ParsedImport("from . import", 9, is_module=False),
    ]
    assert unsatisfied_imports(imports, PROVIDED) == (
        Unsatisfied(imports[1], doubtful=False),
        Unsatisfied(imports[2], doubtful=True),
    )


SOURCE = """\
import a
if TYPE_CHECKING:
    import b

    # A comment at any indentation counts nothing.
  # Like this.
    import c
elif sys.platform == "win32":
    import d
else:
    import e
def f():
    if os.name == "nt":
        import g
    else:
        import h
    import i
if sys.version_info >= (3, 11):
    try:
        import j
    finally:
        import k
if ready:
    import l
else:
    import m
class N:
\timport o
"""


@pytest.mark.parametrize("name", "bcdeghjk")
def test_conditional(name: str) -> None:
    assert is_conditional(SOURCE, _line(name))


@pytest.mark.parametrize("name", "ailmo")
def test_unconditional(name: str) -> None:
    assert not is_conditional(SOURCE, _line(name))


def _line(name: str) -> int:
    return next(
        number
        for number, text in enumerate(SOURCE.splitlines(), start=1)
        if text.strip() == f"import {name}"
    )


def test_no_line() -> None:
    assert not is_conditional("", 1)
