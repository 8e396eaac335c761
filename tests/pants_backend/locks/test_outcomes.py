"""The error for layers that cannot be locked, beside others that can."""

from __future__ import annotations

import pytest
from pants.engine.fs import EMPTY_DIGEST

from venvstacks_rules.model.errors import LockError, VenvstacksError
from venvstacks_rules.pants_backend.locks.outcomes import LockOutcome, UnlockedLayers, failure

LOCKED = LockOutcome(EMPTY_DIGEST, None)


def unlocked(text: str) -> LockOutcome:
    return LockOutcome(EMPTY_DIGEST, VenvstacksError(text))


def test_one_reason_for_all_layers_is_the_error_itself() -> None:
    outcome = unlocked("s:low: no")
    assert failure({"s:low": outcome}) is outcome.error
    assert str(failure({"s:app": unlocked("s:low: no"), "s:low": outcome})) == "s:low: no"


def test_all_reasons_once_and_all_layers() -> None:
    error = failure(
        {
            "s:app": unlocked("s:low: no\n  * x"),
            "s:low": unlocked("s:low: no\n  * x"),
            "s:py": LOCKED,
        }
    )
    assert isinstance(error, LockError)
    assert str(error) == (
        "2 layers cannot be locked; the locks of the others were written: s:app, s:low\n"
        "  * s:low: no\n"
        "      * x\n"
        "    layers above wait for it: s:app"
    )
    both = failure({"s:b": unlocked("s:b: no"), "s:a": unlocked("s:a: no")})
    assert str(both) == "2 layers cannot be locked: s:b, s:a\n  * s:a: no\n  * s:b: no"


def test_layers_that_wait_are_named_with_what_they_wait_for() -> None:
    # The name of one begins with that of another.
    errors = {"s:web": "s:core: no", "s:core": "s:core: no", "s:client": "s:core: no"}
    other = {"s:core-2": "s:core-2: never", "s:last": "s:core-2: never"}
    found = {spec: unlocked(text) for spec, text in {**errors, **other}.items()}
    assert str(failure({**found, "s:py": LOCKED})).splitlines()[1:] == [
        "  * s:core-2: never",
        "    layers above wait for it: s:last",
        "  * s:core: no",
        "    layers above wait for it: s:web, s:client",
    ]


def test_a_layer_whose_definition_is_wrong_waits_for_nothing() -> None:
    text = "A launch module is missing:\n  * s:bad: no"
    found = {"s:bad": unlocked(text), "s:up": unlocked(text), "s:py": LOCKED}
    assert str(failure(found)).splitlines()[1:] == [
        "  * A launch module is missing:",
        "      * s:bad: no",
        "    layers above wait for it: s:up",
    ]
    del found["s:up"]
    assert "wait" not in str(failure(found))


def test_printing_what_changed_raises_it() -> None:
    error = VenvstacksError("s:low: no")
    with pytest.raises(VenvstacksError) as caught:
        _ = UnlockedLayers(error).upgraded
    assert caught.value is error
