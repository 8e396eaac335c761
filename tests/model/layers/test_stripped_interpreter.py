"""Entries of the field `strip_interpreter`."""

from __future__ import annotations

import pytest

from tests.support.definitions import application, framework, problems, resolve_layers, runtime
from venvstacks_rules.model.layers.definitions import ModuleDefinition


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("os", "is 'os', which layers need to be deployed and to start. Remove it."),
        ("zlib", "is 'zlib', which is a part of the interpreter itself. Remove it."),
        (
            "tkinter.test",
            "is 'tkinter.test', but only whole modules can be left out, with what belongs to "
            "them. Write 'tkinter'.",
        ),
        (
            "_tkinter",
            "is '_tkinter', but only whole modules can be left out, with what belongs to them. "
            "Write 'tkinter'.",
        ),
        (
            "idle",
            "is 'idle', which is no part of the interpreter. Did you mean 'idlelib'?",
        ),
        (
            "numpy",
            "is 'numpy', which is no part of the interpreter. Name modules of the standard "
            "library, or 'development'.",
        ),
        ("test", "is 'test', which is named before."),
    ],
)
def test_parts_that_cannot_be_left_out(name: str, problem: str) -> None:
    found = problems(runtime(strip_interpreter=("test", name)))
    assert found == [f"src:py: `strip_interpreter[1]` {problem}"]


def test_layers_know_what_their_runtime_lacks() -> None:
    names = ("tkinter", "development", "lib2to3", "distutils", "venv")
    layers, found = resolve_layers(
        [runtime(strip_interpreter=names), framework("low"), framework("fw", "low")],
        patch_release_needed=True,
    )
    assert found == ()
    assert {layer.strip_interpreter for layer in layers.values()} == {tuple(sorted(names))}


def test_a_module_may_have_the_name_of_a_part_that_is_left_out() -> None:
    app = application("app", launch_module=ModuleDefinition("turtle.py", ("turtle.py",)))
    assert len(problems(runtime(), framework("fw"), app)) == 1
    assert problems(runtime(strip_interpreter=("turtle",)), framework("fw"), app) == []
