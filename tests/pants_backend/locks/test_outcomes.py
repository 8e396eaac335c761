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
        "      * x"
    )
    both = failure({"s:b": unlocked("s:b: no"), "s:a": unlocked("s:a: no")})
    assert str(both) == "2 layers cannot be locked: s:b, s:a\n  * s:a: no\n  * s:b: no"


def test_printing_what_changed_raises_it() -> None:
    error = VenvstacksError("s:low: no")
    with pytest.raises(VenvstacksError) as caught:
        _ = UnlockedLayers(error).upgraded
    assert caught.value is error
