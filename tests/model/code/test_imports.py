"""What first-party code imports, compared with what its layer and those below provide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from venvstacks_rules.model.code.imports import Provided, is_conditional, missing_imports
from venvstacks_rules.model.code.modules import CodeModules

PROVIDED = Provided(
    CodeModules.of(["acme/server.py", "tool.py"]), frozenset({"rich", "_yaml"}), "3.11.7"
)


@pytest.mark.parametrize(
    "name",
    [
        *("acme", "acme.server", "acme.server.main", "tool", "rich.console", "_yaml"),
        *("os.path", "tomllib", "__future__.annotations", "__main__"),
    ],
)
def test_provided(name: str) -> None:
    assert PROVIDED.has(name)


@pytest.mark.parametrize("name", ["acme.client", "yaml", "richer", "compression.zstd"])
def test_not_provided(name: str) -> None:
    assert not PROVIDED.has(name)


def test_what_the_runtime_leaves_out_is_not_provided() -> None:
    stripped = replace(PROVIDED, stripped=("rich", "sqlite3", "tkinter"))
    assert PROVIDED.has("tkinter.ttk")
    assert not stripped.has("tkinter.ttk")
    # A package may have the name.
    assert stripped.has("rich")


def test_missing_by_line() -> None:
    imports = {
        "yaml": (7, False),
        "absent.deep": (2, False),
        "orjson": (3, True),
        "rich": (1, False),
        "from . import": (9, False),
    }
    assert missing_imports(imports, PROVIDED) == (("absent.deep", 2), ("yaml", 7))


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
