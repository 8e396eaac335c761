"""The fields ``byte_code`` and ``sealed``."""

from __future__ import annotations

import pytest

from tests.support.definitions import application, framework, problems, resolve_layers, runtime


def test_a_sealed_layer_includes_its_byte_code() -> None:
    definitions = [
        runtime(sealed=True),
        framework("fw", byte_code="none"),
        application("app", "fw"),
        application("sealed", sealed=True, byte_code="included"),
    ]
    layers, found = resolve_layers(definitions, patch_release_needed=False)
    assert found == ()
    assert {name: (x.byte_code, x.sealed) for name, x in layers.items()} == {
        "src:py": ("included", True),
        "src:fw": ("none", False),
        "src:app": (None, False),
        "src:sealed": ("included", True),
    }


@pytest.mark.parametrize("byte_code", ["deployed", "none"])
def test_it_cannot_leave_it_to_others(byte_code: str) -> None:
    assert problems(runtime(sealed=True, byte_code=byte_code)) == [
        f"src:py: `byte_code` is {byte_code!r}, but a sealed layer has its byte code in the "
        "archive. Remove it."
    ]


def test_all_layers_below_are_sealed() -> None:
    below = [runtime(sealed=True), framework("a", sealed=True), framework("b")]
    assert problems(*below, application("app", "a", "b", sealed=True)) == [
        "src:app: `sealed` is True, but src:b below is not sealed: something would still be "
        "written there. Set `sealed=True` there, too, or remove it here."
    ]
