"""What is said of layers that are locked on others whose locks are stale."""

from __future__ import annotations

from pants.util.docutil import bin_name
from pants.util.frozendict import FrozenDict

from tests.support.definitions import application, framework, resolve_layers, runtime
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.pants_backend.locks.freshness import CheckedLock, CheckedLocks
from venvstacks_rules.pants_backend.locks.lockfiles import LockFiles
from venvstacks_rules.pants_backend.locks.stale_below import stale_below_text

LAYERS, PROBLEMS = resolve_layers(
    [
        runtime(),
        framework("low"),
        framework("other"),
        application("app", "low"),
        application("tool", "low", "other"),
    ],
    patch_release_needed=True,
)


def chain(name: str, *stale: str) -> CheckedLocks:
    """The locks of a layer and of those below it."""
    top = LAYERS[f"src:{name}"]
    specs = [*reversed(top.lower), top.address]
    return CheckedLocks(
        FrozenDict(
            {
                spec: CheckedLock(
                    LAYERS[spec],
                    f"{spec}.toml",
                    LockState.STALE if spec[4:] in stale else LockState.VALID,
                    (),
                    LockFiles(None, None),
                )
                for spec in specs
            }
        )
    )


def test_one_command_for_all() -> None:
    chains = [chain("app", "py", "low"), chain("tool", "py", "low")]
    assert stale_below_text(chains, ("src:app", "src:tool")) == (
        "The lockfiles of layers below are stale: src:py, src:low. Once these are locked, what is "
        "locked now is stale again: src:app, src:tool. "
        f"`{bin_name()} generate-lockfiles --resolve=src:py` locks all of them, lower ones first."
    )


def test_layers_beside_each_other_are_all_in_the_command() -> None:
    text = stale_below_text([chain("app"), chain("tool", "low", "other")], ("src:app", "src:tool"))
    assert text == (
        "The lockfiles of layers below are stale: src:other, src:low. Once these are locked, what "
        f"is locked now is stale again: src:tool. `{bin_name()} generate-lockfiles "
        "--resolve=src:other --resolve=src:low` locks all of them, lower ones first."
    )


def test_nothing_without_a_stale_layer_below_that_stays() -> None:
    assert PROBLEMS == ()
    assert stale_below_text([], ()) is None
    # The layer's own lock may be stale: it is locked now.
    assert stale_below_text([chain("app", "app")], ("src:app",)) is None
    assert stale_below_text([chain("app", "low")], ("src:app", "src:low")) is None
