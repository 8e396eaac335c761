"""The file of a launch module that is named as it is imported."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.code.launched import launched_file
from venvstacks_rules.model.layers.launch_names import LaunchName

PATHS = ["acme/__init__.py", "acme/server.py", "acme/tool/__main__.py", "ns/part/x.py"]


@pytest.mark.parametrize(
    ("module", "function", "expected"),
    [
        ("acme.server", None, "acme/server.py"),
        ("acme.server", "main", "acme/server.py"),
        ("acme.tool", None, "acme/tool/__main__.py"),
        ("acme", "main", "acme/__init__.py"),
    ],
)
def test_found(module: str, function: str | None, expected: str) -> None:
    assert launched_file(LaunchName(module, function), PATHS) == (expected, "")


@pytest.mark.parametrize(
    ("module", "function", "expected"),
    [
        ("acme", None, "a package without a `__main__.py`. Add `acme/__main__.py`."),
        ("ns.part", "main", "a package without an `__init__.py`. Add `ns/part/__init__.py`."),
        (
            "acme.sever",
            None,
            "but no first-party code of the layer has that module. Did you mean 'acme.server'?",
        ),
        (
            "other.thing",
            None,
            "but no first-party code of the layer has that module. Name the `python_sources` "
            "target that owns `other/thing.py` in `dependencies`.",
        ),
    ],
)
def test_missing(module: str, function: str | None, expected: str) -> None:
    assert launched_file(LaunchName(module, function), PATHS) == (None, expected)
