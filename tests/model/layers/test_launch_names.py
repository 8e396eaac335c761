"""Launch modules that are named as they are imported."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.launch_names import LAUNCHER, LaunchName, launch_name


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("acme.server", LaunchName("acme.server")),
        ("acme.server:main", LaunchName("acme.server", "main")),
        ("tool:App.run", LaunchName("tool", "App.run")),
        ("tool:", LaunchName("tool", "")),
        ("server.py", None),
        ("server", None),
        ("acme/server", None),
        ("../server.d/x", None),
        ("..", None),
        ("", None),
        ("acme\\server", None),
    ],
)
def test_names_and_paths(written: str, expected: LaunchName | None) -> None:
    assert launch_name(written) == expected


def test_what_is_started() -> None:
    assert LaunchName("acme.server").started == "acme.server"
    assert LaunchName("acme.server", "main").started == LAUNCHER
    assert LaunchName("acme.server", "main").top_level == "acme"


@pytest.mark.parametrize("written", ["acme.server", "a:b", "a.b:C.d"])
def test_good_names(written: str) -> None:
    name = launch_name(written)
    assert name is not None
    assert name.problem is None


@pytest.mark.parametrize("written", ["acme..x", "a:", ":a", "a:b()", "a.class", "a b.c", "a:b:c"])
def test_bad_names(written: str) -> None:
    name = launch_name(written)
    assert name is not None
    assert name.problem == (
        "which is not of the form `package.module` or `package.module:function`. Correct it, or "
        "name a `.py` file or a package directory."
    )
