"""Entries of the fields `exclude_files` and `include_scripts`."""

from __future__ import annotations

import pytest

from tests.support.definitions import framework, problems, resolve_layers, runtime
from venvstacks_rules.model.layers.wheel_globs import unknown_distributions


def messages(**entries: tuple[str, ...]) -> list[str]:
    return problems(runtime(), framework("fw", exclude_files=tuple(entries.items())))


@pytest.mark.parametrize(
    ("glob", "problem"),
    [
        ("", "is '', which matches nothing. Name files, for example '*.a'."),
        ("/", "is '/', which matches nothing. Name files, for example '*.a'."),
        ("torch\\test", "is 'torch\\\\test', with a backslash. Write 'torch/test'."),
        (
            "!torch/test",
            "is '!torch/test', but a glob cannot take files back. List what to leave out, or "
            "remove it.",
        ),
        (
            "/torch/test",
            "is '/torch/test', but globs match the end of a path in site-packages. Write "
            "'torch/test', without what is in front.",
        ),
        (
            "../share/man",
            "is '../share/man', but globs match the end of a path in site-packages. Write "
            "'share/man', without what is in front.",
        ),
        (
            "torch//test",
            "is 'torch//test', which matches nothing. Write a path without empty parts, '.' and "
            "'..'.",
        ),
    ],
)
def test_globs_that_cannot_be_used(glob: str, problem: str) -> None:
    assert messages(torch=("*.a", glob)) == [f"src:fw: `exclude_files.torch[1]` {problem}"]


def test_names_that_cannot_be_used() -> None:
    found = problems(
        runtime(),
        framework(
            "fw",
            exclude_files=(("torch>=2", ("a",)), ("A_b", ("a",)), ("a.B", ("b",)), ("c", ())),
        ),
    )
    assert found == [
        'src:fw: `exclude_files."torch>=2"` is not for the name of a distribution. Write, for '
        "example, 'torch'.",
        "src:fw: `exclude_files.\"a.B\"` is for the distribution of 'A_b', too. Write all globs in "
        "one entry.",
        "src:fw: `exclude_files.c` has no globs. Name files, for example '*.a', or remove the "
        "entry.",
    ]


def test_the_way_of_writing_does_not_matter() -> None:
    entries = (("Scikit_Learn", ("tests", "*.a", "tests")), ("numpy", ("tests/",)))
    layers, found = resolve_layers(
        [runtime(), framework("fw", exclude_files=entries)], patch_release_needed=True
    )
    assert found == ()
    layer = layers["src:fw"]
    assert layer.exclude_files == (("numpy", ("tests/",)), ("scikit-learn", ("*.a", "tests")))
    assert layer.excluded_of("scikit_learn-1.5-cp311-cp311-win_amd64.whl") == ("*.a", "tests")
    assert layer.excluded_of("scipy-1.5-cp311-cp311-win_amd64.whl") == ()
    assert layers["src:py"].excluded_of("numpy-1.5-cp311-cp311-win_amd64.whl") == ()


def test_distributions_that_are_not_installed() -> None:
    entries = tuple((name, ("*",)) for name in ("numpy", "scypi", "torch", "scipy"))
    found = list(
        unknown_distributions("exclude_files", entries, ["scipy", "joblib"], {"numpy": "//:low"})
    )
    assert [(problem.key, problem.text) for problem in found] == [
        (
            "exclude_files.numpy",
            "is for what the layer does not install. //:low below installs it: move the entry "
            "there.",
        ),
        (
            "exclude_files.scypi",
            "is for what the layer does not install. Did you mean 'scipy'?",
        ),
        (
            "exclude_files.torch",
            "is for what the layer does not install. It installs joblib, scipy.",
        ),
    ]
    (none,) = unknown_distributions("include_scripts", (("numpy", ("*",)),), [], {})
    assert none.key == "include_scripts.numpy"
    assert (
        none.text == "is for what the layer does not install. It installs none: remove the entry."
    )


@pytest.mark.parametrize(
    ("glob", "meant"), [("bin/jp.py", "jp.py"), ("Scripts\\jp.py", "jp.py"), ("", "tool.py")]
)
def test_names_of_scripts_that_cannot_be_used(glob: str, meant: str) -> None:
    entries = (("jmespath", ("j*", glob)),)
    assert problems(runtime(include_scripts=entries)) == [
        f"src:py: `include_scripts.jmespath[1]` is {glob!r}, which is not the name of a script. "
        f"Write {meant!r}."
    ]
