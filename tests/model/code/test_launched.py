"""The file of a launch module that is named as it is imported."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.code.launched import (
    NearModules,
    function_problem,
    launch_problem,
    launched_file,
)
from venvstacks_rules.model.layers.launch_names import LaunchName

PATHS = ["acme/__init__.py", "acme/server.py", "acme/tool/__main__.py", "ns/part/x.py"]
NOTHING = NearModules(None, None, ())


@pytest.mark.parametrize(
    ("module", "function", "expected"),
    [
        ("acme.server", None, "acme/server.py"),
        ("acme.server", "main", "acme/server.py"),
        ("acme.tool", None, "acme/tool/__main__.py"),
        ("acme", "main", "acme/__init__.py"),
        ("acme.sever", None, None),
    ],
)
def test_the_file_of_a_launch_module(
    module: str, function: str | None, expected: str | None
) -> None:
    assert launched_file(LaunchName(module, function), PATHS) == expected


@pytest.mark.parametrize(
    ("module", "function", "near", "expected"),
    [
        ("acme", None, NOTHING, "a package without a `__main__.py`. Add `acme/__main__.py`."),
        (
            "ns.part",
            "main",
            NOTHING,
            "a package without an `__init__.py`. Add `ns/part/__init__.py`.",
        ),
        ("acme.sever", None, NOTHING, "but there is no such module. Did you mean 'acme.server'?"),
        (
            "web.mange",
            None,
            NearModules(None, None, ("web.manage", "web.urls")),
            "but there is no such module. Did you mean 'web.manage'?",
        ),
        (
            "other.thing",
            None,
            NOTHING,
            "but there is no such module: no source root has `other/thing.py`. Correct the name, "
            "or name the target that generates the module in `dependencies`.",
        ),
        (
            "other.thing",
            None,
            NearModules("src/other/thing.py", "src/other:lib", ()),
            "but no first-party code of the layer has that module. `src/other:lib` owns "
            "`src/other/thing.py`: name it in `dependencies`.",
        ),
        (
            "other.thing",
            None,
            NearModules("src/other/thing.py", None, ("other.things",)),
            "but no target owns `src/other/thing.py`. Add a `python_sources` target for it.",
        ),
    ],
)
def test_a_launch_module_that_is_missing(
    module: str, function: str | None, near: NearModules, expected: str
) -> None:
    assert launch_problem(LaunchName(module, function), PATHS, near) == expected


@pytest.mark.parametrize(
    "source",
    [
        "def main(): ...",
        "async def main(): ...",
        "class main: ...",
        "main = print",
        "main: object = print",
        "from x import other as main",
        "import main",
        "try:\n    from x import main\nexcept ImportError:\n    main = None",
        "if True:\n    def main(): ...",
        "for main in (1, 2): ...",
        "with open('x') as main: ...",
        "(main := print)",
        "def set():\n    global main\n    main = print",
        # What cannot be known.
        "from x import *",
        "def __getattr__(name): ...",
        "globals()['main'] = print",
        "locals()['main'] = print",
        "builtins.exec('main = print')",
        "setattr(module, 'main', print)",
        "import sys\nsys.modules[__name__] = App()",
        "here.__dict__['main'] = print",
        "match = case = 1\ndef f(:",
    ],
)
def test_a_function_that_may_be_there(source: str) -> None:
    assert function_problem(LaunchName("acme.server", "main"), source, PATHS) is None


@pytest.mark.parametrize(
    ("function", "source", "expected"),
    [
        (
            "mian",
            "def main(): ...",
            "but `acme.server` has no `mian`. Did you mean 'main'?",
        ),
        (
            "main",
            "def run():\n    main = 1\nclass App:\n    def main(self): ...",
            "but `acme.server` has no `main`. Define it, or correct the name.",
        ),
        (
            "App.run",
            "lambda App: App",
            "but `acme.server` has no `App`. Define it, or correct the name.",
        ),
    ],
)
def test_a_function_that_is_not_there(function: str, source: str, expected: str) -> None:
    assert function_problem(LaunchName("acme.server", function), source, PATHS) == expected


def test_what_is_called_may_be_in_a_module_of_a_package() -> None:
    assert function_problem(LaunchName("acme", "server.main"), "", PATHS) is None
    assert function_problem(LaunchName("ns", "part.x.main"), "", PATHS) is None
    assert function_problem(LaunchName("acme.server"), "", PATHS) is None
