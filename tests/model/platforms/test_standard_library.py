"""The modules of the standard library, compared with those of the Python that runs the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from venvstacks_rules.model.platforms.standard_library import standard_library


def own() -> set[str]:
    """The modules that the running Python has without packages, except those of its own tests."""
    names = set(sys.builtin_module_names)
    library = Path(sys.base_prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    for path in (*library.iterdir(), *(library / "lib-dynload").iterdir()):
        if path.suffix in (".py", ".so"):
            names.add(path.name.split(".")[0])
        elif (path / "__init__.py").exists():
            names.add(path.name)
    left_out = ("_test", "_xx", "xx", "_sysconfigdata", "_ctypes_test", "__hello", "__phello")
    return {name for name in names if not name.startswith(left_out)} - {"sitecustomize"}


def test_this_python_has_the_same() -> None:
    known = standard_library(".".join(map(str, sys.version_info[:3])))
    assert own() - known == set()
    # Python itself tells the names since 3.10.
    assert getattr(sys, "stdlib_module_names", known) | {"test"} == known


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("calendar", "3.8 3.9 3.10 3.11 3.12 3.13 3.14 3.15"),
        ("zoneinfo", "3.9 3.10 3.11 3.12 3.13 3.14 3.15"),
        ("parser", "3.8 3.9"),
        ("distutils", "3.8 3.9 3.10 3.11"),
        ("cgi", "3.8 3.9 3.10 3.11 3.12"),
        ("tomllib", "3.11 3.12 3.13 3.14 3.15"),
        ("compression", "3.14 3.15"),
        ("winreg", "3.8 3.9 3.10 3.11 3.12 3.13 3.14 3.15"),
        ("requests", ""),
    ],
)
def test_each_version_has_its_own(name: str, versions: str) -> None:
    all_versions = [f"3.{minor}" for minor in range(8, 16)]
    assert " ".join(v for v in all_versions if name in standard_library(f"{v}.1")) == versions


def test_a_free_threaded_build_has_the_same() -> None:
    assert standard_library("3.14.0t") == standard_library("3.14")
