"""Wrong stack files: what a user reads of each."""

from __future__ import annotations

import pytest

from tests.support.stack_files import (
    APPLICATION,
    FRAMEWORK,
    INDEXES,
    OTHER_FRAMEWORK,
    RUNTIME,
    layer,
    parse,
    problems,
)
from venvstacks_rules.model.stack_file.checks import stack_file_problems, toml_problem

ALL = "linux_x86_64, linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64, win_arm64"

WRONG = {
    # The interpreter.
    "no implementation": (
        layer(RUNTIME, python_implementation=""),
        "`runtimes[0].python_implementation` is missing. Write, for example, "
        '`python_implementation = "cpython@3.11.13"`.',
    ),
    "an implementation of the wrong type": (
        layer(RUNTIME, python_implementation="3.11"),
        "`runtimes[0].python_implementation` is a float, not a string. Write, for example, "
        '`python_implementation = "cpython@3.11.13"`.',
    ),
    "another implementation": (
        layer(RUNTIME, python_implementation='"pypy@3.10.14"'),
        "`runtimes[0].python_implementation` is 'pypy@3.10.14', which is not of the form "
        "'cpython@X.Y.Z'. Write it as, for example, 'cpython@3.11.13'.",
    ),
    "no patch release": (
        layer(RUNTIME, python_implementation='"cpython@3.11"'),
        "`runtimes[0].python_implementation` is 'cpython@3.11', but the `archive` provider "
        "needs the patch release of its archives. Write it as, for example, 'cpython@3.11.13'.",
    ),
    # Modules.
    "no launch module": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, launch_module=""),
        "`applications[0].launch_module` is missing. Write, for example, "
        '`launch_module = "launch.py"`.',
    ),
    "launch modules": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, launch_module='["main.py"]'),
        "`applications[0].launch_module` is a list, not a string. Write, for example, "
        '`launch_module = "launch.py"`.',
    ),
    "an empty launch module": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, launch_module='""'),
        "`applications[0].launch_module` names '', which is empty. Name a `.py` file or a package "
        "directory.",
    ),
    "a launch module that is not there": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, launch_module='"gone.py"'),
        "`applications[0].launch_module` names 'gone.py', but there is no such file or directory "
        "beside the stack file. Create it, or correct the path.",
    ),
    "a launch module outside of the repository": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, launch_module='"../../out.py"'),
        "`applications[0].launch_module` names '../../out.py', which is outside of the build "
        "root. Move it into the build root.",
    ),
    "a launch module with a backslash": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, launch_module=r"'lib\main.py'"),
        r"`applications[0].launch_module` names 'lib\\main.py', with a backslash. "
        "Write 'lib/main.py'.",
    ),
    "a launch package that cannot be run": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, launch_module='"lib"'),
        "`applications[0].launch_module` names 'lib', a directory without a `__main__.py`, which "
        "`python -m` needs. Add one.",
    ),
    "a string for the support modules": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, support_modules='"lib"'),
        "`applications[0].support_modules` is a string, not a list of strings. Write, for "
        'example, `support_modules = ["support.py"]`.',
    ),
    "a support module that is not there": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, support_modules='["lib", "gone"]'),
        "`applications[0].support_modules[1]` names 'gone', but there is no such file or "
        "directory beside the stack file. Create it, or correct the path.",
    ),
    "a support module named as the launch module": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, support_modules='["pkg/", "lib/main.py"]'),
        "`applications[0].support_modules[1]` names 'lib/main.py', which would be imported as "
        "`main`, like 'main.py'. Rename one of them.",
    ),
    "a support module twice": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, support_modules='["lib", "lib"]'),
        "`applications[0].support_modules[1]` names 'lib', which is listed already. Remove one of "
        "them.",
    ),
    # Requirements.
    "no requirements": (
        layer(RUNTIME, requirements=""),
        "`runtimes[0].requirements` is missing. Write, for example, "
        '`requirements = ["scikit-learn>=1.5"]`.',
    ),
    "a string for the requirements": (
        layer(RUNTIME, requirements='"numpy"'),
        "`runtimes[0].requirements` is a string, not a list of strings. Write, for example, "
        '`requirements = ["scikit-learn>=1.5"]`.',
    ),
    "a requirement that is no string": (
        layer(RUNTIME, requirements="['numpy', 2]"),
        "`runtimes[0].requirements[1]` is an integer, not a string. Write, for example, "
        '`requirements = ["scikit-learn>=1.5"]`.',
    ),
    "a source to build from": (
        layer(RUNTIME, requirements='["rich @ https://example.org/rich.git"]'),
        "`runtimes[0].requirements[0]` is 'rich @ https://example.org/rich.git', a direct "
        "reference to something other than a wheel on a web server. Build a wheel of it and put it "
        "into a folder of `local_wheels`, or name the URL of a wheel, for example "
        "'rich @ https://example.org/rich-13.9.4-py3-none-any.whl'.",
    ),
    # Platforms.
    "a string for the platforms": (
        layer(RUNTIME, platforms='"linux_x86_64"'),
        "`runtimes[0].platforms` is a string, not a list of strings. Write, for example, "
        '`platforms = ["linux_x86_64"]`.',
    ),
    "an unknown platform": (
        layer(RUNTIME, platforms='["linux_x86_64", "linux"]'),
        "`runtimes[0].platforms[1]` is 'linux', which is not a target platform. "
        f"Choose from {ALL}.",
    ),
    "a platform that the runtime does not have": (
        layer(RUNTIME, platforms='["linux_x86_64"]') + layer(FRAMEWORK, platforms='["win_arm64"]'),
        "`frameworks[0].platforms[0]` is 'win_arm64', which `py` below does not have. "
        "A layer can only narrow the platforms of the layers below.",
    ),
    "a platform on a layer that is disabled": (
        RUNTIME
        + layer(FRAMEWORK, platforms="[]")
        + layer(APPLICATION, platforms='["linux_x86_64"]'),
        "`applications[0].platforms[0]` is 'linux_x86_64', which `framework-fw` below does not "
        "have. A layer can only narrow the platforms of the layers below.",
    ),
    "another C library": (
        layer(RUNTIME, linux_target='"uclibc@1.0"'),
        "`runtimes[0].linux_target` is 'uclibc@1.0', which is not `glibc@X.Y` or `musl@X.Y`. Write "
        "it as, for example, 'glibc@2.28'.",
    ),
    "not the C library of the runtime, but the default": (
        layer(RUNTIME, linux_target='"musl@1.2"') + FRAMEWORK,
        "`frameworks[0].linux_target` is 'glibc@2.28', but its runtime `py` is for musl. A process "
        "has one C library: write, for example, 'musl@1.2', or change that of the runtime.",
    ),
    "a C library that is no string": (
        layer(RUNTIME, linux_target="2.28"),
        "`runtimes[0].linux_target` is a float, not a string. Write, for example, "
        '`linux_target = "glibc@2.28"`.',
    ),
    "the name of a macOS": (
        layer(RUNTIME, macosx_target='"Ventura"'),
        "`runtimes[0].macosx_target` is 'Ventura', which is not a macOS version `X.Y`. Write it "
        "as, for example, '13.0'.",
    ),
    "a macOS that is no string": (
        layer(RUNTIME, macosx_target="14"),
        "`runtimes[0].macosx_target` is an integer, not a string. Write, for example, "
        '`macosx_target = "13.0"`.',
    ),
    # The rest.
    "a string for the exclusions": (
        layer(RUNTIME, dynlib_exclude='"*.so"'),
        "`runtimes[0].dynlib_exclude` is a string, not a list of strings. Write, for example, "
        '`dynlib_exclude = ["triton/**"]`.',
    ),
    "versioned as a string": (
        layer(RUNTIME, versioned='"yes"'),
        "`runtimes[0].versioned` is a string, not a boolean. Write, for example, "
        "`versioned = true`.",
    ),
    "versioned by a date": (
        layer(RUNTIME, versioned="2025-10-11"),
        "`runtimes[0].versioned` is a date, not a boolean. Write, for example, `versioned = true`.",
    ),
    # Indexes.
    "a list for the package indexes": (
        layer(RUNTIME, package_indexes='["cpu"]') + INDEXES,
        "`runtimes[0].package_indexes` is a list, not a table of strings. Write, for example, "
        '`package_indexes = { torch = "pytorch-cpu" }`.',
    ),
    "a package index that is no string": (
        layer(RUNTIME, package_indexes='{ torch = { index = "cpu" } }') + INDEXES,
        "`runtimes[0].package_indexes.torch` is a table, not a string. Write, for example, "
        '`package_indexes = { torch = "pytorch-cpu" }`.',
    ),
    "an unknown package index": (
        layer(RUNTIME, package_indexes='{ "zope.interface" = "zope" }') + INDEXES,
        "`runtimes[0].package_indexes.\"zope.interface\"` is 'zope', but no index has that name. "
        "Define it as `[[tool.uv.index]]`.",
    ),
    "a misspelt package index": (
        layer(RUNTIME, package_indexes='{ torch = "cu182" }') + INDEXES,
        "`runtimes[0].package_indexes.torch` is 'cu182', but no index has that name. "
        "Did you mean 'cu128'?",
    ),
    "a distribution twice": (
        layer(RUNTIME, package_indexes='{ zope-interface = "cpu", "Zope.Interface" = "cpu" }')
        + INDEXES,
        '`runtimes[0].package_indexes."Zope.Interface"` is for the same distribution as '
        "`package_indexes.zope-interface`: both names are spellings of zope-interface. "
        "Remove one of them.",
    ),
    "another index than the layer below": (
        layer(RUNTIME, package_indexes='{ torch = "cpu" }')
        + layer(FRAMEWORK, package_indexes='{ Torch = "cu128" }')
        + INDEXES,
        "`frameworks[0].package_indexes.Torch` is 'cu128', but `py` below takes torch from 'cpu'. "
        'Name the same index, or accept the difference: `index_overrides = { cpu = "cu128" }`.',
    ),
    "an override in the wrong direction": (
        layer(RUNTIME, package_indexes='{ torch = "cpu" }')
        + layer(
            FRAMEWORK,
            package_indexes='{ torch = "cu128" }',
            index_overrides='{ cu128 = "cpu" }',
        )
        + INDEXES,
        "`frameworks[0].package_indexes.torch` is 'cu128', but `py` below takes torch from 'cpu'. "
        'Name the same index, or accept the difference: `index_overrides = { cpu = "cu128" }`.',
    ),
    "two indexes below": (
        RUNTIME
        + layer(FRAMEWORK, package_indexes='{ torch = "cpu", torchvision = "cpu" }')
        + layer(OTHER_FRAMEWORK, package_indexes='{ torchvision = "cu128", torch = "cu128" }')
        + layer(APPLICATION, frameworks='["other", "fw"]')
        + INDEXES,
        "`applications[0].frameworks` brings together `framework-other`, which takes torch, "
        "torchvision from 'cu128', and `framework-fw`, which takes them from 'cpu'. To take "
        "them from 'cu128', write "
        '`index_overrides = { cpu = "cu128" }`.',
    ),
    "a list for the overrides": (
        layer(RUNTIME, index_overrides='["cpu"]'),
        "`runtimes[0].index_overrides` is a list, not a table of strings. Write, for example, "
        '`index_overrides = { pytorch-cpu = "pytorch-cu128" }`.',
    ),
    "an override that is no string": (
        layer(RUNTIME, index_overrides='{ "my index" = true }'),
        '`runtimes[0].index_overrides."my index"` is a boolean, not a string. Write, for example, '
        '`index_overrides = { pytorch-cpu = "pytorch-cu128" }`.',
    ),
    "an unknown priority index": (
        layer(RUNTIME, priority_indexes='["cpu", "nowhere"]') + INDEXES,
        "`runtimes[0].priority_indexes[1]` is 'nowhere', but no index has that name. "
        "Define it as `[[tool.uv.index]]`.",
    ),
    "a string for the priority indexes": (
        layer(RUNTIME, priority_indexes='"cpu"') + INDEXES,
        "`runtimes[0].priority_indexes` is a string, not a list of strings. Write, for example, "
        '`priority_indexes = ["pytorch-cpu"]`.',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_mistake_is_one_message(case: str) -> None:
    text, message = WRONG[case]
    assert problems(text) == [message]


def test_a_requirement_that_is_none() -> None:
    # The reason in the middle is that of the release of `packaging` at hand.
    (problem,) = problems(layer(RUNTIME, requirements="['numpy', 'rich>>13']"))
    assert problem.startswith(
        "`runtimes[0].requirements[1]` is 'rich>>13', which is not a requirement: "
    )
    assert problem.endswith(". Write it as in PEP 508, for example 'scikit-learn>=1.5'.")


def test_everything_wrong_is_reported_in_the_order_of_the_layers() -> None:
    found = problems(
        "runtime = 1\n"
        + layer(APPLICATION, launch_module='"gone.py"', versioned="0", support_modules='["?"]')
        + layer(FRAMEWORK, runtime='"pi"', platforms='["amiga", "linux_x86_64", 7, "os2"]')
        + layer(RUNTIME, name="", requirements='["rich @ file:///rich.whl"]', colour="1")
        + layer(RUNTIME, name='"x y"', package_indexes='{ torch = "cpu" }')
        + layer(RUNTIME, priority_indexes='["cpu"]')
    )
    assert [problem.split("`")[1] for problem in found] == [
        "runtime",
        "runtimes[0].name",
        "runtimes[0].requirements[0]",
        "runtimes[0].colour",
        "runtimes[1].name",
        "runtimes[1].package_indexes.torch",
        "runtimes[2].priority_indexes[0]",
        "frameworks[0].platforms[0]",
        "frameworks[0].platforms[2]",
        "frameworks[0].platforms[3]",
        "applications[0].launch_module",
        "applications[0].support_modules[0]",
        "applications[0].versioned",
    ]


def test_what_an_unreadable_value_would_cause_is_not_reported_as_well() -> None:
    indexed = layer(RUNTIME, package_indexes='{ torch = "cpu" }', priority_indexes='["cpu"]')
    other = layer(FRAMEWORK, package_indexes='{ torch = "cu128" }', index_overrides="{ cpu = 1 }")
    for text, keys in {
        indexed + "[tool.uv]\nindex = 'cpu'\n": ["tool.uv.index"],
        indexed + other + INDEXES: ["frameworks[0].index_overrides.cpu"],
        FRAMEWORK + layer(RUNTIME, name=""): ["runtimes[0].name"],
        FRAMEWORK.replace("runtime =", "runtimes ="): ["frameworks[0].runtimes"],
        APPLICATION + RUNTIME + "[frameworks]\n": ["frameworks"],
        # Not so what has nothing to do with it.
        RUNTIME + APPLICATION + layer(APPLICATION, name='"b"', frameworks="1"): [
            "applications[0].frameworks[0]",
            "applications[1].frameworks",
        ],
    }.items():
        assert [problem.split("`")[1] for problem in problems(text)] == keys


def test_layers_of_one_kind_come_in_the_order_of_the_file() -> None:
    wrong = [layer(RUNTIME, name=f'"py{i}"', linux_target='"libc6"') for i in range(12)]
    keys = [problem.split("`")[1] for problem in problems("".join(wrong))]
    assert keys == [f"runtimes[{i}].linux_target" for i in range(12)]


def test_layers_on_broken_ones_are_not_broken_by_that() -> None:
    found = problems(layer(RUNTIME, platforms='["amiga"]') + FRAMEWORK + APPLICATION)
    assert [problem.split("`")[1] for problem in found] == ["runtimes[0].platforms[0]"]


def test_credentials_in_a_requirement_are_refused_and_not_shown() -> None:
    wheel = "https://me:secret@example.org/rich-13.9.4-py3-none-any.whl"
    assert problems(layer(RUNTIME, requirements=f"['rich @ {wheel}', 'rich? @ {wheel}']"))[:1] == [
        "`runtimes[0].requirements[0]` is "
        "'rich @ https://example.org/rich-13.9.4-py3-none-any.whl', with credentials removed "
        "here; a lockfile would keep them. Put them into netrc, for example.org, and remove them "
        "from the requirement."
    ]
    assert "secret" not in str(
        problems(layer(RUNTIME, requirements=f"['rich? @ {wheel}', 'rich @ git+{wheel}']"))
    )


def test_index_names_are_not_judged_where_they_are_not_known() -> None:
    stack = parse(layer(RUNTIME, package_indexes='{ torch = "cpu" }', priority_indexes='["x"]'))
    assert not stack_file_problems(stack, modules={}, known_indexes=None, patch_release_needed=True)


def test_what_is_not_toml() -> None:
    assert toml_problem("src/stack.toml", "Invalid value (at line 2, column 8)") == (
        "src/stack.toml: it is not TOML: Invalid value (at line 2, column 8). Correct it there."
    )
