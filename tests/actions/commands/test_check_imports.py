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
    ScannedFile,
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
CALLED = """\
import os
def main(): raise SystemExit("called")
class App:
    run = main
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
        "called.py": CALLED,
        "wants.py": "import os\nos.environ['NOT_SET']\ndef main(): ...\n",
        "lacks.py": "import half\n",
        "many.py": "import half\nimport lacks\nfrom lacks import half\nimport not_there as n\n",
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
    launch: str | None = None,
) -> CheckedImports:
    archives, cache = cached
    files = tuple(ScannedFile(path, f"src/{path}") for path in scan)
    request = CheckImportsRequest("//:a", archives, cache, modules, files, launch)
    return check_imports.run(to_json(request))


def failures(
    cached: tuple[tuple[DeployedArchive, ...], str],
    modules: tuple[str, ...] = (),
    scan: tuple[str, ...] = (),
    launch: str | None = None,
) -> tuple[str, ...]:
    with pytest.raises(DeploymentError) as caught:
        check(cached, modules, scan, launch)
    expected = (
        "`//:a`: not everything can be imported in the deployed application. What is missing "
        "belongs to its `requirements` or `dependencies`, or to those of a layer below:"
    )
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
    refused = "`import shy` (src/shown.py:1): Unconfigured: call setup()"
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
    assert problems[0].startswith("`src/syntax.py`: SyntaxError: ")
    assert problems[2] == (
        "`import missing_one` (src/bad_app.py:1): "
        "ModuleNotFoundError: No module named 'missing_one'"
    )
    assert problems[1].startswith("`src/no_file.py`: FileNotFoundError: ")
    assert problems[3].startswith(
        "`from good import nothing` (src/bad_app.py:2): "
        "ImportError: cannot import name 'nothing' from"
    )
    assert problems[4:7] == (
        "`import half` (src/bad_app.py:3): ModuleNotFoundError: No module named 'not_there'",
        "`missing_two`: ModuleNotFoundError: No module named 'missing_two'",
        "`exits`: SystemExit: leaving",
    )
    assert problems[7].startswith("`broken`: SyntaxError: ")
    assert len(problems) == 8


def test_one_missing_module_is_one_problem(
    cached: tuple[tuple[DeployedArchive, ...], str],
) -> None:
    # What imports it itself comes first, wherever it stands.
    assert failures(cached, ("half", "not_there.part"), ("many.py",)) == (
        "`import not_there as n` (src/many.py:4), and 5 more imports: "
        "ModuleNotFoundError: No module named 'not_there'",
    )


def test_a_module_whose_function_is_called(
    cached: tuple[tuple[DeployedArchive, ...], str], capsys: pytest.CaptureFixture[str]
) -> None:
    for launch in ("called:main", "called:App.run"):
        assert check(cached, launch=launch) == CheckedImports((launch,))
    (problem,) = failures(cached, launch="called:mian")
    assert problem.startswith("`called:mian`: ImportError: cannot import name 'mian' from 'called'")
    assert failures(cached, launch="called:App.rnu") == (
        "`called:App.rnu`: ImportError: type object 'App' has no attribute 'rnu'",
    )
    assert failures(cached, launch="lacks:main") == (
        "`lacks:main`: ModuleNotFoundError: No module named 'not_there'",
    )
    # What it wants of a machine is not what the check is about.
    refused = "`wants:main`: KeyError: 'NOT_SET'"
    assert check(cached, launch="wants:main") == CheckedImports(("wants:main",), (refused,))
    assert refused in capsys.readouterr().err


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
