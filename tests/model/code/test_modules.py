"""The modules that files of first-party code make."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.code.modules import (
    CodeModules,
    is_program,
    launch_files,
    module_files,
    module_name,
)
from venvstacks_rules.model.layers.interface import PackageFolder

CODE = CodeModules.of(
    ["acme/server/__init__.py", "acme/server/main.py", "acme/page.html", "tool.py", "a-b/x.py"]
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tool.py", "tool"),
        ("acme/server/main.py", "acme.server.main"),
        ("acme/server/__init__.py", "acme.server"),
        ("acme/server/__main__.py", "acme.server.__main__"),
        ("__init__.py", None),
        ("acme/page.html", None),
        ("acme/types.pyi", None),
        ("acme/_speed.cpython-311-x86_64-linux-gnu.so", "acme._speed"),
        ("acme/_speed.pyd", "acme._speed"),
        ("a-b/x.py", None),
        ("acme/2nd.py", None),
    ],
)
def test_name_of_a_file(path: str, expected: str | None) -> None:
    assert module_name(path) == expected


def test_files_of_a_name() -> None:
    assert launch_files("acme.server") == ("acme/server.py", "acme/server/__main__.py")
    assert module_files("acme.server") == ("acme/server.py", "acme/server/__init__.py")


def test_modules_packages_and_namespaces() -> None:
    assert CODE.modules == {"acme.server", "acme.server.main", "tool"}
    assert CODE.packages == {"acme.server"}
    assert CODE.namespaces == {"acme"}
    assert CODE.top_level == {"acme", "tool"}
    assert CODE.folders("us") == (
        PackageFolder("acme", False, ("us",)),
        PackageFolder("acme.server", True, ("us",)),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acme", True),
        ("acme.server", True),
        ("acme.server.main", True),
        ("acme.server.main.serve.deep", True),
        ("acme.server.anything", None),
        ("acme.server.anything.deep", False),
        ("acme.client", False),
        ("tool.run", True),
        ("tools", False),
        ("other", False),
    ],
)
def test_what_is_provided(name: str, expected: bool | None) -> None:
    assert CODE.provide(name) is expected
    assert CODE.provide(name, is_module=True) is bool(expected)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("acme/main.py", True),
        ("acme/page.html", False),
        ("acme/test_main.py", False),
        ("acme/main_test.py", False),
        ("acme/conftest.py", False),
        ("acme/tests/helper.py", False),
        ("acme/testing/helper.py", True),
    ],
)
def test_programs(path: str, expected: bool) -> None:
    assert is_program(path) is expected


def test_a_package_in_one_layer_is_a_namespace_in_another() -> None:
    joined = CODE.joined([CodeModules.of(["acme/__init__.py", "acme/util.py"]), CodeModules.of([])])
    assert joined.packages == {"acme", "acme.server"}
    assert joined.namespaces == set()
    assert joined.provide("acme.anything") is None
