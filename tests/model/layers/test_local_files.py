"""Requirements that name a wheel of the repository."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.definitions import LayerDefinition
from venvstacks_rules.model.layers.local_files import local_file, relative_to
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.requirements import requirement_problem
from venvstacks_rules.model.layers.resolve import judged_layers

WHEEL = "demo_pkg-1.0+cu1-py3-none-any.whl"


@pytest.mark.parametrize(
    ("written", "pin", "folder"),
    [
        (f"demo-pkg @ file:{WHEEL}", "demo-pkg==1.0+cu1", "."),
        (f"demo-pkg @ file:./wheels/{WHEEL}", "demo-pkg==1.0+cu1", "wheels"),
        (f"demo-pkg@file:../a%20b/{WHEEL}", "demo-pkg==1.0+cu1", "../a b"),
        (
            f"Demo.Pkg[x, y] @ file:wheels/{WHEEL} ; sys_platform == 'linux'",
            "Demo.Pkg[x, y]==1.0+cu1 ; sys_platform == 'linux'",
            "wheels",
        ),
    ],
)
def test_a_file_is_a_version_and_a_folder(written: str, pin: str, folder: str) -> None:
    assert requirement_problem(written) is None
    definition = LayerDefinition(
        "src:py",
        LayerKind.RUNTIME,
        "py",
        ("rich", written),
        python_implementation="cpython@3.11.13",
        local_wheels=("own", folder),
    )
    layers, problems = judged_layers([definition], patch_release_needed=True)
    assert not problems
    assert layers["src:py"].requirements == ("rich", pin)
    assert layers["src:py"].local_wheels == ("own", folder)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (
            f"///work/{WHEEL}",
            "is an absolute path, another one on each machine. Write it relative to the folder of "
            f"the definition, for example 'demo-pkg @ file:wheels/{WHEEL}'.",
        ),
        (
            "sources/demo-pkg",
            "is no wheel. Build a wheel of it, and name that, for example "
            "'demo-pkg @ file:wheels/demo-pkg-1.0-py3-none-any.whl'.",
        ),
        ("demo.whl", "is no file name of a wheel. Name the file as its build did."),
        (
            "wheels/other-1.0-py3-none-any.whl",
            "is a wheel of `other`. Write 'other @ file:wheels/other-1.0-py3-none-any.whl'.",
        ),
    ],
)
def test_what_cannot_be_used(path: str, problem: str) -> None:
    written = f"demo-pkg @ file:{path}"
    assert requirement_problem(written) == f"is {written!r}, which {problem}"


def test_a_wrong_marker() -> None:
    found = requirement_problem(f"demo-pkg @ file:{WHEEL} ; nonsense == 1")
    assert found is not None
    assert "which is not a requirement" in found


def test_other_requirements_name_no_file() -> None:
    for text in ("rich", "rich>=1 ; python_version > '3'", "rich @ https://a.example/x.whl"):
        assert local_file(text) is None
        assert relative_to(text, "/work", "src") == text


@pytest.mark.parametrize("start", ["file://", "file://localhost", "file:"])
def test_absolute_paths_in_the_repository(start: str) -> None:
    written = f"demo-pkg @ {start}/work/src/wheels/{WHEEL} ; os_name == 'nt'"
    end = "; os_name == 'nt'"
    assert relative_to(written, "/work", "src") == f"demo-pkg @ file:wheels/{WHEEL} {end}"
    assert relative_to(written, "/work/", "") == f"demo-pkg @ file:src/wheels/{WHEEL} {end}"
    assert relative_to(written, "/work", "a/b") == f"demo-pkg @ file:../../src/wheels/{WHEEL} {end}"
    assert relative_to(written, "/wor", "") == written
