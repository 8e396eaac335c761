"""The applications that ``tailor`` proposes for entry points."""

from __future__ import annotations

import logging

import pytest
from pants.backend.python.target_types import PexBinary, PythonSourceTarget
from pants.core.goals.tailor import PutativeTargets
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.build import output_folders
from venvstacks_rules.pants_backend.goals import tailor_applications
from venvstacks_rules.pants_backend.goals.tailor_applications import PutativeApplicationsRequest
from venvstacks_rules.pants_backend.graph import (
    layer_targets,
    layers,
    module_files,
    repository_modules,
    stack_files,
    stack_targets,
    stacks,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

RUNTIME = 'venvstacks_runtime(name="py", python_implementation="cpython@3.11.13")\n'
FRAMEWORK = 'venvstacks_framework(name="fw", runtime="{}:py")\n'
MODULES = (
    *(layer_targets, layers, module_files, output_folders, repository_modules, stack_files),
    *(stack_targets, stacks),
)


@pytest.fixture
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[
            *(rule for module in MODULES for rule in module.rules()),
            *tailor_applications.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(PutativeTargets, [PutativeApplicationsRequest]),
        ],
        target_types=[*target_types(), PexBinary, PythonSourceTarget],
    )
    runner.set_options(["--venvstacks-tailor-applications"])
    return runner


def proposed(runner: RuleRunner, *folders: str) -> list[tuple[str, str]]:
    """The folder and the stanza of each proposal."""
    request = PutativeApplicationsRequest(folders)
    found = runner.request(PutativeTargets, [request])
    return [(target.path, target.generate_build_file_stanza("    ")) for target in found]


def stanza(name: str, module: str, *more: str) -> str:
    lines = [f'name="{name}",', f'launch_module="{module}",', *more]
    inner = "".join(f"    {line}\n" for line in sorted(lines[1:], key=lambda line: line))
    return f"venvstacks_application(\n    {lines[0]}\n{inner})\n"


def test_entry_points(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": RUNTIME,
            "src/BUILD": 'pex_binary(name="serve", entry_point="server.py")\n'
            'pex_binary(name="tool", entry_point="tool.py")\n'
            'pex_binary(name="call", entry_point="call.py:main")\n'
            'pex_binary(name="dotted", entry_point="src.dotted")\n'
            'pex_binary(name="script", script="black")\n'
            'pex_binary(name="standard", entry_point="calendar.py")\n',
            "src/report/__main__.py": "",
            "src/report/pages/__init__.py": "",
            "src/my.folder/__main__.py": "",
            "elsewhere/other/__main__.py": "",
        }
    )
    runtime = 'runtime="base:py",'
    assert proposed(runner, "src", "src/report", "src/my.folder") == [
        ("src", stanza("report", "report", runtime)),
        ("src", stanza("server", "server.py", runtime)),
        ("src", stanza("tool-app", "tool.py", runtime)),
    ]
    runner.set_options([])
    assert proposed(runner, "src", "src/report") == []


def test_code_of_packages_is_named_as_it_is_imported(runner: RuleRunner) -> None:
    binaries = {"a": "gunicorn.py", "b": "serve.py:main", "c": "shop.other.tool:run", "d": "shop.x"}
    binaries["e"] = "shop.other.tool:stop"
    runner.write_files(
        {
            "base/BUILD": RUNTIME,
            "src/shop/api/BUILD": "".join(
                f'python_source(name="{name}-code", source="{name}.py")\n'
                for name in ("gunicorn", "serve")
            )
            + "".join(
                f'pex_binary(name="{name}", entry_point="{entry}")\n'
                for name, entry in binaries.items()
            ),
            "src/shop/api/gunicorn.py": "",
            "src/shop/api/serve.py": "",
            "src/shop/other/BUILD": 'python_source(source="tool.py")\n',
            "src/shop/other/tool.py": "",
            "src/shop/deep/BUILD": 'python_source(source="__main__.py")\n',
            "src/shop/deep/__main__.py": "",
        }
    )
    runtime = 'runtime="base:py",'
    assert proposed(runner, "src/shop/api", "src/shop/other", "src/shop/deep") == [
        ("src/shop", stanza("deep", "shop.deep", runtime)),
        ("src/shop/api", stanza("gunicorn", "shop.api.gunicorn", runtime)),
        ("src/shop/api", stanza("serve", "shop.api.serve:main", runtime)),
        ("src/shop/other", stanza("tool", "shop.other.tool:run", runtime)),
    ]


def test_modules_that_an_application_has(runner: RuleRunner) -> None:
    application = 'venvstacks_application(name="{}", runtime=":py", launch_module="{}"{})\n'
    runner.write_files(
        {
            "src/BUILD": RUNTIME
            + 'pex_binary(name="serve", entry_point="server.py")\n'
            + application.format("s", "server.py", ', support_modules=["words"]')
            + application.format("r", "report/", "")
            + application.format("i", "acme.imported:main", "")
            + 'pex_binary(name="imported", entry_point="acme/imported.py")\n',
            "src/report/__main__.py": "",
            "src/report/pages/__main__.py": "",
            "src/words/__main__.py": "",
            "src/words2/__main__.py": "",
        }
    )
    folders = ("src", "src/acme", "src/report", "src/report/pages", "src/words", "src/words2")
    assert proposed(runner, *folders) == [
        ("src", stanza("words2", "words2", 'runtime=":py",')),
    ]


@pytest.mark.parametrize(
    ("build", "base", "field"),
    [
        # A framework is on the runtime, so it is the only one that nothing is built on.
        (RUNTIME + FRAMEWORK.format(""), "", 'frameworks=[":fw",],'),
        # Layers beside the module come first.
        (FRAMEWORK.format("base"), RUNTIME + FRAMEWORK.format(""), 'frameworks=[":fw",],'),
        ("", RUNTIME + FRAMEWORK.format(""), 'frameworks=["base:fw",],'),
    ],
)
def test_what_it_is_built_on(runner: RuleRunner, build: str, base: str, field: str) -> None:
    runner.write_files({"src/BUILD": build, "base/BUILD": base, "src/report/__main__.py": ""})
    ((folder, text),) = proposed(runner, "src", "src/report")
    assert folder == "src"
    assert field in "".join(text.split())


TWO = RUNTIME + FRAMEWORK.format("") + FRAMEWORK.format("").replace('"fw"', '"more"')


@pytest.mark.parametrize(
    ("base", "choice"), [(TWO, "base:fw, base:more"), ("", "there are none yet")]
)
def test_what_the_user_has_to_choose(runner: RuleRunner, base: str, choice: str) -> None:
    runner.write_files({"base/BUILD": base, "src/report/__main__.py": ""})
    assert proposed(runner, "src", "src/report") == [
        (
            "src",
            f"# Set `runtime` or `frameworks` to what it is built on: {choice}.\n"
            + stanza("report", "report"),
        )
    ]


def test_nothing_that_would_break_layers(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner.write_files({"src/BUILD": TWO, "src/report/__main__.py": ""})
    assert proposed(runner, "src", "src/report") == []
    assert [record.message for record in caplog.records] == [
        "No application is proposed for src/report: it could be built on src:fw, src:more. Add a "
        "`venvstacks_application` that names one of them."
    ]


def test_what_a_pex_binary_has_and_an_application_can_have(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": RUNTIME,
            "src/shop/BUILD": 'python_source(name="lib", source="lib.py")\n'
            'pex_binary(name="gunicorn", entry_point="gunicorn.py", args=["-w", "4"], '
            'env={"A": "b"}, dependencies=[":lib", "!:extra", "base:data"])\n'
            'pex_binary(name="again", entry_point="gunicorn.py", dependencies=["./more.txt"])\n'
            'pex_binary(name="pages", entry_point="shop.pages.show:run", '
            'dependencies=[":lib", "!!:extra", "./data.txt", "//:root"])\n',
            "src/shop/lib.py": "",
            "src/shop/pages/BUILD": 'python_source(source="show.py")\n',
            "src/shop/pages/show.py": "",
            "BUILD": 'pex_binary(name="top", entry_point="shop.pages.show:run", '
            'dependencies=[":root", "./root.txt"])\n',
        }
    )
    runtime = 'runtime="base:py",'
    dependencies = "".join(
        f'        "{x}",\n' for x in ("./more.txt", ":lib", "!:extra", "base:data")
    )
    moved = "".join(
        f'        "{address}",\n'
        for address in (
            *("//:root", "//root.txt", "src/shop:lib", "!!src/shop:extra", "src/shop/data.txt"),
        )
    )
    assert proposed(runner, "src/shop", "src/shop/pages") == [
        (
            "src/shop",
            "# src/shop:gunicorn also has `args`, `env`, which an application cannot have.\n"
            + stanza(
                "gunicorn-app",
                "gunicorn.py",
                runtime,
                f"dependencies=[\n{dependencies}    ],",
            ),
        ),
        (
            "src/shop/pages",
            stanza("show", "shop.pages.show:run", runtime, f"dependencies=[\n{moved}    ],"),
        ),
    ]


def test_binaries_that_start_no_code_of_the_repository(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner.write_files(
        {
            "base/BUILD": 'venvstacks_runtime(name="py", python_implementation="cpython@3.11.13", '
            'console_scripts=["ruff"])\n',
            "src/BUILD": 'pex_binary(name="black", script="black")\n'
            'pex_binary(name="ruff", script="ruff")\n'
            'pex_binary(name="wsgi", entry_point="gunicorn.app:run")\n'
            'pex_binary(name="library")\n',
            "other/BUILD": 'pex_binary(name="mypy", script="mypy")\n',
        }
    )
    assert proposed(runner, "src") == []
    assert [record.message for record in caplog.records] == [
        f"No application is proposed for src:{name}: it starts `{command}`, which is no code of "
        "the repository. Name a command of a package in `console_scripts` of a layer, or write a "
        "module that calls it, for an application to launch."
        for name, command in (("black", "black"), ("wsgi", "gunicorn.app:run"))
    ]
