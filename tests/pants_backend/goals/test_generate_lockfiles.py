"""Which layers are locked when some are asked for."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address

from venvstacks_rules.pants_backend.goals.generate_lockfiles import layers_by_stack, layers_to_lock
from venvstacks_rules.pants_backend.targets.layers import VenvstacksFramework
from venvstacks_rules.pants_backend.targets.stacks import StackFramework, StackManifest

LOWER = {"rt": (), "fw": ("rt",), "other": ("rt",), "app": ("fw",), "top": ("fw", "other")}


@pytest.mark.parametrize(
    ("asked", "locked", "expected"),
    [
        (("rt",), set(LOWER), ("app", "fw", "other", "rt", "top")),
        (("fw",), set(LOWER), ("app", "fw", "top")),
        (("app",), set(LOWER), ("app",)),
        # What has no lock yet has to come along, and what is built on that.
        (("app",), set(LOWER) - {"fw"}, ("app", "fw", "top")),
        (("app",), set(), ("app", "fw", "other", "rt", "top")),
        ((), set(), ()),
    ],
)
def test_what_is_locked_along(
    asked: tuple[str, ...], locked: set[str], expected: tuple[str, ...]
) -> None:
    assert layers_to_lock(asked, LOWER, frozenset(locked)) == expected


def test_the_layers_of_a_stack_file_can_be_locked_together() -> None:
    stack = Address("src", target_name="stack")
    targets = [
        StackManifest(
            {"layers": [], "stack_file": "x.toml"}, stack.create_generated("__venvstacks__")
        ),
        StackFramework(
            {"files": ["x.toml"], "stack_file": "x.toml"}, stack.create_generated("framework-a")
        ),
        VenvstacksFramework({}, Address("src", target_name="b")),
    ]
    assert layers_by_stack(targets) == {"src:stack": ["src:stack#framework-a"]}
