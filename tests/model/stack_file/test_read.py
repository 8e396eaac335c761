"""Stack files that are right: every key, in every form."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.stack_files import (
    APPLICATION,
    FRAMEWORK,
    INDEXES,
    RUNTIME,
    layer,
    parse,
    problems,
)
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.stack_file.read import StackFile, StackLayer, parse_stack_file

EVERYTHING = (
    """
[[applications]]
name = "report.2"
frameworks = ["left", "right@1"]
launch_module = "pkg/"
support_modules = ["lib", "../shared/tool.py"]
requirements = ["rich @ https://example.org/rich-13.9.4-py3-none-any.whl"]
versioned = true
platforms = []
macosx_target = "14"

[[runtimes]]
name = "py"
python_implementation = "cpython@3.11.13"
requirements = ["numpy>=2", "dlltracer; sys_platform == 'win32'"]
package_indexes = { torch = "cpu" }

[[frameworks]]
name = "left"
runtime = "py"
requirements = ["torch[opt]"]
linux_target = "glibc@2.35"
dynlib_exclude = ["triton/**", "*.so"]
package_indexes = { Torch = "cu128", "zope.interface" = "cpu" }
index_overrides = { cpu = "cu128" }
priority_indexes = ["cu128", "cpu"]

[[frameworks]]
name = "right@1"
frameworks = ["left"]
requirements = []
platforms = ["win_amd64", "linux_x86_64"]
linux_target = "glibc"
macosx_target = "13.0"
"""
    + INDEXES
    + """
[tool.uv]
exclude-newer = 2025-10-11

[tool.other]
anything = 1
"""
)

LAYERS = (
    StackLayer(
        key="runtimes[0]",
        kind=LayerKind.RUNTIME,
        name="py",
        python_implementation="cpython@3.11.13",
        requirements=("numpy>=2", "dlltracer; sys_platform == 'win32'"),
        linux_target="glibc@2.28",
        macosx_target="13.0",
        package_indexes=(("torch", "cpu"),),
    ),
    StackLayer(
        key="frameworks[0]",
        kind=LayerKind.FRAMEWORK,
        name="left",
        runtime="py",
        requirements=("torch[opt]",),
        linux_target="glibc@2.35",
        macosx_target="13.0",
        dynlib_exclude=("triton/**", "*.so"),
        package_indexes=(("Torch", "cu128"), ("zope.interface", "cpu")),
        index_overrides=(("cpu", "cu128"),),
        priority_indexes=("cu128", "cpu"),
    ),
    StackLayer(
        key="frameworks[1]",
        kind=LayerKind.FRAMEWORK,
        name="right@1",
        frameworks=("left",),
        requirements=(),
        platforms=("win_amd64", "linux_x86_64"),
        linux_target="glibc",
        macosx_target="13.0",
    ),
    StackLayer(
        key="applications[0]",
        kind=LayerKind.APPLICATION,
        name="report.2",
        frameworks=("left", "right@1"),
        requirements=("rich @ https://example.org/rich-13.9.4-py3-none-any.whl",),
        platforms=(),
        linux_target="glibc@2.28",
        macosx_target="14",
        launch_module="pkg/",
        support_modules=("../shared/tool.py", "lib"),
        support_keys=("support_modules[1]", "support_modules[0]"),
        versioned=True,
    ),
)


def test_every_key_is_read() -> None:
    stack = parse(EVERYTHING.replace('["left", "right@1"]', '["right@1", "left"]'))
    assert stack.layers[:3] == LAYERS[:3]
    assert stack.path == "src/stack.toml"
    assert stack.uv_config is not None
    assert stack.uv_config["exclude-newer"] == date(2025, 10, 11)
    assert stack.warnings == ()
    application = stack.layers[3]
    assert application.layer_name == "app-report.2"
    assert application.lower == ("framework-right@1", "framework-left")
    assert application.modules == ("pkg/", "../shared/tool.py", "lib")
    assert stack.layers[1].lower == ("py",)
    assert stack.layers[0].lower == ()
    assert problems(EVERYTHING.replace('["left", "right@1"]', '["right@1", "left"]')) == []


def test_layers_are_values() -> None:
    assert parse(EVERYTHING).layers == LAYERS
    assert hash(parse(EVERYTHING)) == hash(parse(EVERYTHING))


def test_targets_are_not_those_of_the_layer_below() -> None:
    text = layer(RUNTIME, linux_target='"glibc@2.35"', macosx_target='"14"') + FRAMEWORK
    assert [(x.linux_target, x.macosx_target) for x in parse(text).layers] == [
        ("glibc@2.35", "14"),
        ("glibc@2.28", "13.0"),
    ]


def test_the_caller_knows_the_default_of_macosx_target() -> None:
    document = {"runtimes": [{"name": "py"}, {"name": "py2", "macosx_target": "12"}]}
    stack = parse_stack_file(document, "s.toml", default_macosx_target="11.0")
    assert [x.macosx_target for x in stack.layers] == ["11.0", "12"]


def test_a_file_may_have_only_runtimes() -> None:
    assert problems(RUNTIME) == []


@pytest.mark.parametrize("text", ["", "runtimes = []\n[tool.black]\nline-length = 100\n"])
def test_a_file_without_layers(text: str) -> None:
    assert parse(text) == StackFile("src/stack.toml")
    assert problems(text) == [
        "it has no layers. Add some: `[[runtimes]]`, `[[frameworks]]` on these, `[[applications]]`."
    ]


def test_a_layer_lies_on_a_runtime_and_kinds_share_names() -> None:
    text = (
        RUNTIME
        + layer(FRAMEWORK, name='"py"')
        + layer(APPLICATION, name='"py"', frameworks="", runtime='"py"')
    )
    assert problems(text) == []
    assert [x.layer_name for x in parse(text).layers] == ["py", "framework-py", "app-py"]


def test_an_override_accepts_the_index_of_the_first_layer() -> None:
    below = (
        RUNTIME
        + layer(FRAMEWORK, package_indexes='{ torch = "cpu" }')
        + layer(FRAMEWORK, name='"gpu"', package_indexes='{ torch = "cu128" }')
    )
    accepted = layer(APPLICATION, frameworks='["gpu", "fw"]', index_overrides='{ cpu = "cu128" }')
    assert problems(below + accepted + INDEXES) == []


def test_old_keys_still_work_with_a_warning() -> None:
    text = (
        layer(RUNTIME, python_implementation="", fully_versioned_name='"cpython@3.11.13"')
        + layer(FRAMEWORK, build_requirements='["setuptools"]')
        + layer(APPLICATION, build_requirements="[]")
    )
    stack = parse(text)
    assert problems(text) == []
    assert stack.layers[0].python_implementation == "cpython@3.11.13"
    assert stack.warnings == (
        "src/stack.toml: `runtimes[0].fully_versioned_name` is now called "
        "`python_implementation`. Rename it.",
        "src/stack.toml: `frameworks[0].build_requirements` is not used any more. Remove it.",
        "src/stack.toml: `applications[0].build_requirements` is not used any more. Remove it.",
    )


def test_tables_that_are_not_of_a_stack_are_passed_over_with_a_warning() -> None:
    text = RUNTIME + "[old_frameworks]\nname = 1\n[project]\nname = 'x'\n"
    assert problems(text) == []
    assert parse(text).warnings == (
        "src/stack.toml: `old_frameworks` is not part of a stack file and has no effect. Remove "
        "it.",
        "src/stack.toml: `project` is not part of a stack file and has no effect. Remove it.",
    )
