"""Which packages several applications use."""

from __future__ import annotations

from dataclasses import replace

from tests.support.summaries import a_layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.sharing import SharedUse, shared_uses

RUNTIME = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 5)])
ONE = a_layer(LayerKind.APPLICATION, "one", [RUNTIME], [("rich", 5), ("alone", 5)])
TWO = a_layer(LayerKind.APPLICATION, "two", [RUNTIME], [("rich", 5)])
THREE = replace(a_layer(LayerKind.APPLICATION, "three", [RUNTIME]), packages=())


def test_packages_of_two_applications_or_more() -> None:
    assert shared_uses([RUNTIME, ONE, TWO, THREE]) == (
        SharedUse("numpy", (("py", "1.2.3"),), ("app-one", "app-three", "app-two")),
        # Two copies: a framework could have it once.
        SharedUse("rich", (("app-one", "1.2.3"), ("app-two", "1.2.3")), ("app-one", "app-two")),
    )


def test_one_application_shares_with_nobody() -> None:
    assert shared_uses([RUNTIME, ONE]) == ()
    assert shared_uses([]) == ()
