from __future__ import annotations

from dataclasses import replace

from venvstacks_rules.model.layers.definitions import LayerDefinition
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import (
    Problem,
    StackOrigin,
    TargetOrigin,
    suggestion,
)
from venvstacks_rules.model.layers.resolve import judged_layers

STACK = StackOrigin("src/stack.toml", "frameworks[1]", "framework-a")


def test_a_problem_is_shown_where_the_value_stands() -> None:
    problem = Problem("platforms[0]", "is 'amiga'.")
    assert TargetOrigin("src:a").message(problem) == "src:a: `platforms[0]` is 'amiga'."
    assert STACK.message(problem) == "src/stack.toml: `frameworks[1].platforms[0]` is 'amiga'."


def test_a_problem_of_the_whole_definition() -> None:
    problem = Problem("", "neither is set.", concerns=("runtime", "frameworks"))
    assert TargetOrigin("src:a").message(problem) == "src:a: neither is set."
    assert STACK.message(problem) == "src/stack.toml: `frameworks[1]`: neither is set."
    assert problem.fields == ("runtime", "frameworks")


def test_the_field_of_a_problem() -> None:
    assert Problem("platforms[0]", "").fields == ("platforms",)
    assert Problem('package_indexes."a.b"', "").fields == ("package_indexes",)
    overridden = Problem("frameworks", "", concerns=("index_overrides",))
    assert overridden.fields == ("frameworks", "index_overrides")


def test_targets_of_a_folder_share_their_lockfiles_place() -> None:
    addresses = ("src/a:x", "src/a", "src/a:stack#app-x", "src/a#b")
    assert {TargetOrigin(address).stack for address in addresses} == {"src/a"}


def test_suggestions() -> None:
    assert suggestion("Platform", ["platforms", "name"]) == "platforms"
    assert suggestion("othr", ["Other"]) == "Other"
    assert suggestion("colour", ["platforms", "name"]) is None
    assert suggestion("old_frameworks", ["frameworks"], likeness=0.9) is None


def test_names_of_commands() -> None:
    commands = ("uvicorn", "x.y-z", "python3.11", "../x", "uvicorn", "aux")
    broken = LayerDefinition(
        "src:py",
        LayerKind.RUNTIME,
        "py",
        python_implementation="cpython@3.11.13",
        console_scripts=commands,
    )
    _, problems = judged_layers([broken], patch_release_needed=True)
    end = "Name a console script of a package."
    assert [problem.message for problem in problems] == [
        f"src:py: `console_scripts[2]` is 'python3.11', which is a name of the interpreter. {end}",
        f"src:py: `console_scripts[3]` is '../x', which cannot be the name of a command. {end}",
        f"src:py: `console_scripts[4]` is 'uvicorn', which is named before. {end}",
        f"src:py: `console_scripts[5]` is 'aux', for which on Windows `aux` is the name of a "
        f"device. {end}",
    ]
    sound = replace(broken, console_scripts=commands[:2])
    layers, _ = judged_layers([sound], patch_release_needed=True)
    assert layers["src:py"].console_scripts == commands[:2]


def test_a_problem_tells_whose_it_is() -> None:
    broken = LayerDefinition(
        "src:py", LayerKind.RUNTIME, "py", ("!",), python_implementation="cpython@3.11.13"
    )
    layers, (problem,) = judged_layers([broken], patch_release_needed=True)
    assert layers == {}
    assert problem.definition is broken
    assert problem.address == broken.address
    assert problem.problem.key == "requirements[0]"
    assert problem.message == broken.origin.message(problem.problem)
