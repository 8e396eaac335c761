"""Stack files of the wrong shape: what a user reads of each."""

from __future__ import annotations

import pytest

from tests.support.stack_files import (
    APPLICATION,
    FRAMEWORK,
    RUNTIME,
    layer,
    problems,
)

COMMON_KEYS = (
    "requirements, platforms, linux_target, macosx_target, dynlib_exclude, package_indexes, "
    "index_overrides, priority_indexes, versioned"
)

WRONG = {
    # The file as a whole.
    "one table for a list": (
        "[runtimes]\nname = 'py'\n" + FRAMEWORK,
        "`runtimes` is a table, not an array of tables. Write `[[runtimes]]` above each.",
    ),
    "a string for a list": (
        "frameworks = 'fw'\n" + RUNTIME + APPLICATION,
        "`frameworks` is a string, not an array of tables. Write `[[frameworks]]` above each.",
    ),
    "strings for layers": (
        "runtimes = ['py']\n" + FRAMEWORK,
        "`runtimes[0]` is a string, not a table. Write `[[runtimes]]` above each layer.",
    ),
    "a misspelt list": (
        RUNTIME + FRAMEWORK.replace("frameworks", "framework") + APPLICATION,
        "`framework` is not part of a stack file. Did you mean `frameworks`?",
    ),
    "tool settings of the wrong type": (
        "tool = 1\n" + RUNTIME,
        "`tool` is an integer, not a table. Remove it.",
    ),
    "uv settings of the wrong type": (
        RUNTIME + "[tool]\nuv = 'uv.toml'\n",
        "`tool.uv` is a string, not a table. Write the settings below `[tool.uv]`.",
    ),
    "one table for the indexes": (
        RUNTIME + "[tool.uv.index]\nname = 'cpu'\n",
        "`tool.uv.index` is not an array of tables. Write `[[tool.uv.index]]` above each index.",
    ),
    # Keys that layers have, and that they have not.
    "an unknown key": (
        layer(RUNTIME, colour='"red"'),
        "`runtimes[0].colour` is not a key of a runtime. Choose from name, "
        f"python_implementation, {COMMON_KEYS}.",
    ),
    "an unknown key that needs quotes": (
        layer(FRAMEWORK, **{'"my key"': "1"}) + RUNTIME,
        '`frameworks[0]."my key"` is not a key of a framework. Choose from name, runtime, '
        f"frameworks, {COMMON_KEYS}.",
    ),
    "a misspelt key": (
        layer(RUNTIME, platform='["linux_x86_64"]'),
        "`runtimes[0].platform` is not a key of a runtime. Did you mean `platforms`?",
    ),
    "a misspelt key that is required": (
        RUNTIME.replace("requirements", "requirement"),
        "`runtimes[0].requirement` is not a key of a runtime. Did you mean `requirements`?",
    ),
    "a misspelt reference": (
        RUNTIME + FRAMEWORK + APPLICATION.replace("frameworks =", "framework ="),
        "`applications[0].framework` is not a key of an application. Did you mean `frameworks`?",
    ),
    "a key of another kind": (
        RUNTIME + layer(FRAMEWORK, launch_module='"main.py"'),
        "`frameworks[0].launch_module` is a key of applications only. Remove it.",
    ),
    "a runtime on a runtime": (
        layer(RUNTIME, runtime='"py"'),
        "`runtimes[0].runtime` is a key of frameworks and applications only. Remove it.",
    ),
    "the old name of a key in the wrong kind": (
        RUNTIME + layer(FRAMEWORK, fully_versioned_name='"cpython@3.11.13"'),
        "`frameworks[0].fully_versioned_name` is a key of runtimes only. Remove it.",
    ),
    "a key under its old name and its new one": (
        layer(RUNTIME, fully_versioned_name='"cpython@3.11.13"'),
        "`runtimes[0].fully_versioned_name` is the old name of `python_implementation`, which is "
        "set as well. Remove `fully_versioned_name`.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_mistake_is_one_message(case: str) -> None:
    text, message = WRONG[case]
    assert problems(text) == [message]
