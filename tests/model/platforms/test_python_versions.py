from __future__ import annotations

import pytest

from venvstacks_rules.model.platforms.python_versions import (
    is_free_threaded,
    is_release_of,
    language_version,
    names_patch_release,
    python_version_of,
    release,
    release_numbers,
    short_version,
)


@pytest.mark.parametrize(
    ("version", "released", "language", "short", "patch"),
    [
        ("3.11", "3.11", "3.11", "3.11", False),
        ("3.11.13", "3.11.13", "3.11", "3.11", True),
        ("3.14t", "3.14", "3.14", "3.14t", False),
        ("3.14.0t", "3.14.0", "3.14", "3.14t", True),
    ],
)
def test_the_parts_of_a_version(
    version: str, released: str, language: str, short: str, patch: bool
) -> None:
    assert is_free_threaded(version) == version.endswith("t")
    assert release(version) == released
    assert release_numbers(version) == tuple(map(int, released.split(".")))
    assert language_version(version) == language
    assert short_version(version) == short
    assert names_patch_release(version) is patch


def test_a_release_is_one_of_its_own_build_only() -> None:
    wanted = ("3.14", "3.14.0", "3.14t", "3.14.0t", "3.14.1", "3.1")
    assert [is_release_of("3.14.0", name) for name in wanted] == [True, True] + [False] * 4
    assert [name for name in wanted if is_release_of("3.14.0t", name)] == ["3.14t", "3.14.0t"]
    assert [name for name in wanted if is_release_of("3.14.10t", name)] == ["3.14t"]


def test_the_version_of_an_implementation() -> None:
    assert python_version_of("cpython@3.14.0t") == "3.14.0t"
    assert python_version_of("cpython@3.11") == "3.11"
