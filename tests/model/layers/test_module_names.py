"""Launch and support modules with names of the standard library."""

from __future__ import annotations

import pytest

from tests.support.definitions import application, framework, problems, runtime
from venvstacks_rules.model.layers.definitions import ModuleDefinition


def module(path: str) -> ModuleDefinition:
    files = (path,) if path.endswith(".py") else (f"{path}/__main__.py",)
    return ModuleDefinition(path, files)


def found(version: str, launch: str, *support: str) -> list[str]:
    app = application(
        "app", launch_module=module(launch), support_modules=tuple(map(module, support))
    )
    return problems(runtime(python_implementation=f"cpython@{version}"), framework("fw"), app)


def test_each_such_module_is_refused() -> None:
    told = "is a module of the standard library of Python 3.11, and Python finds that one."
    assert found("3.11.13", "src/calendar.py", "queue", "src/mine.py") == [
        f"src:app: `launch_module` names 'src/calendar.py', which nothing could import: `calendar` "
        f"{told} Rename it.",
        f"src:app: `support_modules` names 'queue', which nothing could import: `queue` {told} "
        "Rename it.",
    ]


def test_a_module_is_named_as_the_definition_has_it() -> None:
    written = ModuleDefinition("src/calendar.py", ("src/calendar.py",), written="./calendar.py")
    app = application("app", launch_module=written)
    (problem,) = problems(runtime(python_implementation="cpython@3.11.13"), framework("fw"), app)
    assert problem.startswith("src:app: `launch_module` names './calendar.py', which nothing ")


def test_the_name_of_the_program_itself_is_refused() -> None:
    assert found("3.11.13", "src/__main__.py", "mine") == [
        "src:app: `launch_module` names 'src/__main__.py', which nothing could import: `__main__` "
        "is whatever Python was started with. Rename it, or put it into a package directory and "
        "name that."
    ]


# What the version of the runtime has counts.
@pytest.mark.parametrize(
    ("version", "name", "refused"),
    [
        ("3.10.13", "tomllib.py", False),
        ("3.11.7", "tomllib.py", True),
        ("3.12.1", "imp.py", False),
        ("3.14.0t", "compression", True),
        ("3.11.7", "Calendar.py", False),
        ("3.11.7", "test.py", True),
        ("3.11.7", "tests.py", False),
    ],
)
def test_the_version_of_the_runtime_decides(version: str, name: str, refused: bool) -> None:
    assert bool(found(version, name)) is refused
