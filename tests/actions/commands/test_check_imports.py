"""Importing modules inside a deployed application."""

from __future__ import annotations

import ast

import pytest

from tests.support.layer_archives import RUNTIME, layer, runtime, write_archive
from venvstacks_rules.actions.commands import check_imports
from venvstacks_rules.actions.deployment import import_probe
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import (
    CheckedImports,
    CheckImportsRequest,
    DeployedArchive,
)

LOWER = {
    "good/__init__.py": "VALUE = 1\n",
    "good/sub.py": "print('noise on standard output')\n",
    "half.py": "import not_there\n",
    "exits.py": "import sys; sys.exit('leaving')\n",
    "aborts.py": "import os, sys\nprint('last words', flush=True)\nos.abort()\n",
    "broken.py": "def f(:\n",
    "shy.py": "class Unconfigured(Exception): pass\nraise Unconfigured('call setup()')\n",
    "cwd.py": "import os\nassert os.listdir() == []\n",
}
APP = """\
from __future__ import annotations
import good.sub, json as j
from good import sub, VALUE
from . import never
try:
    import optional_a
except ImportError:
    import optional_b
if TYPE_CHECKING:
    import optional_c
def later():
    import optional_d
open("executed", "w")
raise SystemExit("the launch module is not executed")
"""
BAD_APP = """\
import missing_one
from good import nothing
import half
"""


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[DeployedArchive, ...], str]:
    folder = tmp_path_factory.mktemp("archives")
    app = {
        "app.py": APP,
        "bad_app.py": BAD_APP,
        "syntax.py": "import (\n",
        "shown.py": "import shy\n",
    }
    archives = (
        write_archive(folder, RUNTIME, runtime(large=True)),
        write_archive(folder, "framework-a", layer("framework-a", LOWER, (RUNTIME,))),
        write_archive(folder, "app-a", layer("app-a", app, ("framework-a", RUNTIME), "app")),
    )
    return archives, str(tmp_path_factory.mktemp("cache"))


def check(
    cached: tuple[tuple[DeployedArchive, ...], str],
    modules: tuple[str, ...] = (),
    scan: tuple[str, ...] = (),
) -> CheckedImports:
    archives, cache = cached
    return check_imports.run(to_json(CheckImportsRequest("//:a", archives, cache, modules, scan)))


def failures(
    cached: tuple[tuple[DeployedArchive, ...], str],
    modules: tuple[str, ...] = (),
    scan: tuple[str, ...] = (),
) -> tuple[str, ...]:
    with pytest.raises(DeploymentError) as caught:
        check(cached, modules, scan)
    expected = "`//:a`: not everything can be imported in the deployed application"
    assert caught.value.summary == expected
    return caught.value.problems


def test_imports_that_succeed_are_listed(
    cached: tuple[tuple[DeployedArchive, ...], str],
) -> None:
    assert check(cached, ("good", "ssl", "cwd"), ("app.py",)) == CheckedImports(
        ("import good.sub, json as j", "from good import sub, VALUE", "good", "ssl", "cwd")
    )


def test_a_module_that_wants_a_setup_first_is_found(
    cached: tuple[tuple[DeployedArchive, ...], str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused = "`import shy` (shown.py:1): Unconfigured: call setup()"
    assert check(cached, ("good",), ("shown.py",)) == CheckedImports(
        ("import shy", "good"), (refused,)
    )
    assert capsys.readouterr().err == f"//:a: it is found, but not without a setup: {refused}\n"
    # A requirement of the layer has to be importable.
    assert failures(cached, ("shy",)) == ("`shy`: Unconfigured: call setup()",)


def test_every_failure_is_reported_with_its_reason(
    cached: tuple[tuple[DeployedArchive, ...], str],
) -> None:
    modules = ("missing_two", "good", "exits", "broken")
    problems = failures(cached, modules, ("bad_app.py", "syntax.py", "no_file.py"))
    # How a syntax error is described differs from one Python to the next.
    assert problems[0].startswith("`syntax.py`: SyntaxError: ")
    assert problems[2] == (
        "`import missing_one` (bad_app.py:1): ModuleNotFoundError: No module named 'missing_one'"
    )
    assert problems[1].startswith("`no_file.py`: FileNotFoundError: ")
    assert problems[3].startswith(
        "`from good import nothing` (bad_app.py:2): ImportError: cannot import name 'nothing' from"
    )
    assert problems[4:7] == (
        "`import half` (bad_app.py:3): ModuleNotFoundError: No module named 'not_there'",
        "`missing_two`: ModuleNotFoundError: No module named 'missing_two'",
        "`exits`: SystemExit: leaving",
    )
    assert problems[7].startswith("`broken`: SyntaxError: ")
    assert len(problems) == 8


def test_the_death_of_the_interpreter_is_reported(
    cached: tuple[tuple[DeployedArchive, ...], str],
) -> None:
    assert failures(cached, ("half", "aborts", "good")) == (
        "`half`: ModuleNotFoundError: No module named 'not_there'",
        "the interpreter was killed by signal SIGABRT during the import of `aborts`\nlast words",
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a, b.c as d", ["import a, b.c as d"]),
        ("from a import *", ["from a import *"]),
        ("from .a import b\nfrom .. import c", []),
        ('if __name__ == "__main__":\n    import a', ["import a"]),
        ("if x:\n    import a\nelse:\n    import b", []),
        ("if typing.TYPE_CHECKING:\n    import a\nelse:\n    import b", ["import b"]),
        ("try:\n    import a\nexcept ValueError:\n    import b", ["import a"]),
        ("try:\n    import a\nexcept (KeyError, ImportError):\n    import b", []),
        ("try:\n    import a\nexcept:\n    pass\nfinally:\n    import c", ["import c"]),
        ("with suppress(ImportError):\n    import a", []),
        ("with contextlib.suppress(ImportError):\n    import a", []),
        ("with lock:\n    import a", ["import a"]),
        ("class A:\n    import a\n    def f(self):\n        import b", ["import a"]),
    ],
)
def test_imports_that_surely_happen_are_found(source: str, expected: list[str]) -> None:
    found = import_probe.required_imports(ast.parse(source).body)
    assert [import_probe.describe_import(node) for node in found] == expected
