"""What both halves share: names that moved or changed between versions, each in one place."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from pants.core.goals.test import TestResult
from pants.engine.addresses import Address
from pants.engine.process import FallibleProcessResult, ProcessCacheScope

from venvstacks_rules.pants_backend.pants_versions import RUNNING

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if RUNNING >= (2, 28):
    from pants.core.environments.target_types import (  # type: ignore[import-not-found,unused-ignore]
        EnvironmentField,
        EnvironmentTarget,
    )
else:
    from pants.core.util_rules.environments import EnvironmentField, EnvironmentTarget

ASKS_WHAT_TO_SKIP = RUNNING >= (2, 32)
"""Whether ``publish`` asks what it passes over before it packages anything."""

if RUNNING >= (2, 32):
    from pants.core.goals.publish import (  # type: ignore[attr-defined,unused-ignore]
        CheckSkipRequest,
        CheckSkipResult,
    )
else:
    CheckSkipRequest = CheckSkipResult = object

LOCAL_CACHE_SCOPE = getattr(
    ProcessCacheScope, "LOCAL_SUCCESSFUL", ProcessCacheScope.PER_RESTART_SUCCESSFUL
)
"""For outputs that are cheaper to make again than to fetch from a remote cache.

Without a scope for the local cache alone, only the daemon remembers the results.
"""


def toml_loads(content: bytes) -> dict[str, Any]:
    """Read TOML. Raises ValueError for anything else."""
    try:
        return tomllib.loads(content.decode())
    except RecursionError as e:
        raise ValueError(str(e)) from None


# One result until 2.18, a tuple of them from 2.19 on.
_TAKES_RESULTS = (
    "process_results" in inspect.signature(TestResult.from_fallible_process_result).parameters
)


def test_result(
    process_result: FallibleProcessResult, address: Address, output: Any, **more: Any
) -> TestResult:
    """The result of a process for the ``test`` goal."""
    made_of: Any = (process_result,) if _TAKES_RESULTS else process_result
    return TestResult.from_fallible_process_result(made_of, address, output, **more)


test_result.__test__ = False  # type: ignore[attr-defined]

__all__ = [
    "ASKS_WHAT_TO_SKIP",
    "LOCAL_CACHE_SCOPE",
    "CheckSkipRequest",
    "CheckSkipResult",
    "EnvironmentField",
    "EnvironmentTarget",
    "test_result",
    "toml_loads",
]
