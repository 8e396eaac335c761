from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from venvstacks_rules.model.layers.names import (
    LayerKind,
    layer_name,
    lock_file_stem,
    lockfile_path,
    name_problem,
)

R, F, A = LayerKind.RUNTIME, LayerKind.FRAMEWORK, LayerKind.APPLICATION
SHAPE = (
    "a layer's name may contain only ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, "
    "and must start and end with a letter or digit"
)


def test_kinds_put_a_prefix_before_the_name() -> None:
    assert [layer_name(kind, "x") for kind in (R, F, A)] == ["x", "framework-x", "app-x"]


@pytest.mark.parametrize("name", ["a", "cpython-3.11", "A_b.C-9", "0", "a@2", "c++17"])
def test_good_names(name: str) -> None:
    assert [name_problem(kind, name) for kind in LayerKind] == [None] * 3


@pytest.mark.parametrize("name", ["", "-a", "a.", "a b", "a/b", "ü", "a\n", "a@", ".."])
def test_bad_names(name: str) -> None:
    assert name_problem(R, name) == SHAPE


def test_a_runtime_may_not_look_like_another_kind() -> None:
    assert name_problem(R, "app-x") == "`app-` at the start is reserved for application layers"
    assert name_problem(R, "framework-x") == (
        "`framework-` at the start is reserved for framework layers"
    )
    assert name_problem(F, "app-x") is None
    assert name_problem(R, "apple") is None


def test_a_runtimes_name_is_that_of_a_folder_on_windows() -> None:
    assert name_problem(R, "aux.1") == "on Windows `aux.1` is the name of a device"
    assert name_problem(F, "aux.1") is None


def test_lockfiles_write_dots_as_underscores() -> None:
    assert lock_file_stem("cpython-3.11") == "cpython-3_11"
    assert lockfile_path("cpython-3.11") == PurePosixPath(
        "requirements/cpython-3.11/pylock.cpython-3_11.toml"
    )
