"""Launch and support modules: from where they are taken, and which of their files count."""

from __future__ import annotations

from pathlib import Path

import pytest
from pants.core.target_types import FileTarget
from pants.engine.addresses import Address
from pants.engine.fs import Snapshot
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph import dependencies, layer_targets, layers, stack_files
from venvstacks_rules.pants_backend.graph.layer_modules import LayerModules, LayerModulesRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

RUNTIME = 'venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13")\n'
APP = 'venvstacks_application(name="app", runtime=":rt", launch_module={!r}, support_modules={!r})'

TREE = {
    ".gitignore": "*.log\n__pycache__/\n",
    "lib/tool/__init__.py": "VALUE = 1\n",
    "lib/tool/__main__.py": "print('started')\n",
    "lib/tool/.gitignore": "/build/\n*.tmp\n!keep.tmp\n",
    "lib/tool/build/out.py": "",
    "lib/tool/a.tmp": "",
    "lib/tool/keep.tmp": "kept\n",
    "lib/tool/noise.log": "",
    "lib/tool/__pycache__/x.pyc": "",
    "lib/tool/b/c.txt": "c\n",
    "lib/tool/b-x/build/d.txt": "d\n",
    "lib/tool/b/.gitattributes": "",
    "lib/tool/empty/.gitkeep": "",
    "lib/tool/stray.pyc": "not of Python\n",
    "lib/tool/BUILD.pants": "# no target\n",
    "lib/one.py": "ONE = 1\n",
}
# What `hash_module(path, walk_iter=SourceTreeGit(root).walk)` of venvstacks 0.8.0 gives for this
# tree without BUILD files, in a git repository of its own.
TOOL_HASH = "sha256/7fbcb27baabc6820daa904ae02f39116d90e36983d32fbc1b9096c39ffb12587"
ONE_HASH = "sha256:7c56172399106597d1f54af491a517ae3dd644acbb62b00084eeb975f2731912"
TOOL_FILES = {
    "tool/__init__.py",
    "tool/__main__.py",
    "tool/b-x/build/d.txt",
    "tool/b/c.txt",
    "tool/keep.tmp",
    "tool/stray.pyc",
}


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *dependencies.rules(),
            *layers.rules(),
            *module_rules(),
            *layer_targets.rules(),
            *stack_files.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(LayerModules, [LayerModulesRequest]),
        ],
        target_types=[*target_types(), FileTarget],
    )


def layer_modules(runner: RuleRunner, folder: str, launch: str, support: list[str]) -> LayerModules:
    build = RUNTIME + APP.format(launch, support)
    runner.write_files({**TREE, f"{folder}/BUILD" if folder else "BUILD": build})
    runner.set_options([])  # Pants reads the .gitignore of the build root when it starts.
    found = runner.request(LayerModules, [LayerModulesRequest(Address(folder, target_name="app"))])
    assert isinstance(found, LayerModules)
    return found


@pytest.mark.parametrize(
    ("folder", "launch", "support"),
    [
        ("lib", "tool", "one.py"),
        ("lib", "./tool/", "../lib/one.py"),
        ("src/app", "../../lib/tool", "../../lib/one.py"),
        ("", "lib/tool/", "lib//one.py"),
    ],
)
def test_modules_from_anywhere_in_the_repository(
    runner: RuleRunner, folder: str, launch: str, support: str
) -> None:
    found = layer_modules(runner, folder, launch, [support])
    assert found.launch_hash == TOOL_HASH
    assert [(module.name, module.hash) for module in found.support_hashes] == [("one", ONE_HASH)]
    assert {file.path for file in found.files} == {*TOOL_FILES, "one.py"}
    snapshot = runner.request(Snapshot, [found.digest])
    assert {file.source for file in found.files} == set(snapshot.files)
    assert set(snapshot.files) == {f"lib/{file.path}" for file in found.files}


def test_support_modules_are_sorted_and_may_lie_in_each_other(runner: RuleRunner) -> None:
    found = layer_modules(runner, "lib", "one.py", ["tool/b/../../tool", "./tool/__init__.py"])
    assert [module.name for module in found.support_hashes] == ["__init__", "tool"]


@pytest.mark.parametrize(
    ("launch", "problem"),
    [
        (
            "../../x.py",
            "'../../x.py', which is outside of the build root. Move it into the build root.",
        ),
        ("/x.py", "'/x.py', which is outside of the build root. Move it into the build root."),
        (
            "..",
            "'..', which is the folder of the BUILD file, or one above it. Name a `.py` file or a "
            "package directory in it.",
        ),
        (
            "tool/../",
            "'tool/../', which is the folder of the BUILD file, or one above it. Name a `.py` file "
            "or a package directory in it.",
        ),
        (
            "tool/../../gone.py",
            "'tool/../../gone.py', but there is no `gone.py` in the repository. Create it, or "
            "correct the path.",
        ),
        (
            "tool/build",
            "'tool/build', but there is no such file or directory beside the BUILD file. "
            "Create it, or correct the path.",
        ),
        (
            "lib/one.py",
            "'lib/one.py', but there is no such file or directory beside the BUILD file. Paths "
            "start there, not at the root of the repository: write 'one.py'.",
        ),
        (
            "lib/tool/",
            "'lib/tool/', but there is no such file or directory beside the BUILD file. Paths "
            "start there, not at the root of the repository: write 'tool'.",
        ),
    ],
)
def test_modules_that_cannot_be_taken(runner: RuleRunner, launch: str, problem: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        layer_modules(runner, "lib", launch, [])
    errors = list(caught.value.wrapped_exceptions)
    assert len(errors) == 1
    assert str(errors[0]).splitlines()[1:] == [f"  * lib:app: `launch_module` names {problem}"]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (
            "/etc/hostname",
            'Failed to read link "{root}/lib/tool/link": Absolute symlink: "/etc/hostname"',
        ),
        ("../tool", "Maximum link depth exceeded at Link"),
    ],
)
def test_links_that_cannot_be_followed(runner: RuleRunner, target: str, problem: str) -> None:
    runner.write_files(TREE)
    Path(runner.build_root, "lib/tool/link").symlink_to(target)
    Path(runner.build_root, "lib/tool/other").symlink_to("one.py")
    with pytest.raises(ExecutionError) as caught:
        layer_modules(runner, "lib", "tool", [])
    (error,) = list(caught.value.wrapped_exceptions)
    assert isinstance(error, DefinitionError)
    start = "A launch or support module cannot be read:\n  * lib/tool: "
    assert str(error).startswith(start + problem.format(root=runner.build_root))
    assert str(error).endswith(
        ". Links in a module have to be relative, and must not lead to a folder above themselves."
    )


def test_interpreter_archives_are_no_code_of_a_runtime(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "src/BUILD": 'file(name="archive", source="cpython.tar.gz")\n'
            "venvstacks_runtime(\n"
            '    name="rt",\n    python_implementation="cpython@3.11.13",\n'
            '    python_archives={"linux_x86_64": ":archive"},\n)\n',
            "src/cpython.tar.gz": "an interpreter",
        }
    )
    found = runner.request(LayerModules, [LayerModulesRequest(Address("src", target_name="rt"))])
    assert found.files == ()
    assert found.hashes == ()
