"""How the tests are spread over the workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

# Imported before any test module: pytest puts an empty module in place of a `tests` that nobody
# has imported yet, and `tests.support` would not be found below that.
import tests.support  # noqa: F401  # pants: no-infer-dep

INTEGRATION = Path(__file__).parent / "integration"

# The environment of Pants has no Hypothesis, and no test that needs it.
with contextlib.suppress(ModuleNotFoundError):
    from hypothesis import HealthCheck, settings  # pants: no-infer-dep

    # How long an example takes says how busy the machine is.
    settings.register_profile(
        "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("any machine")


@pytest.hookimpl(hookwrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, Any, None]:
    """One worker more than processors: a third of the time tests wait, for disks and servers."""
    outcome = yield
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" not in os.environ:
        outcome.force_result(outcome.get_result() + 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each integration test file to one worker, and start with them: they take longest.

    A file's tests share what its fixtures set up (a workspace, a daemon), and so do files that
    name a group; other tests go to whichever worker is free.
    """
    for item in items:
        if INTEGRATION in item.path.parents:
            item.add_marker(pytest.mark.integration)
            # Pants takes minutes on a busy machine; a limit is for what never ends.
            item.add_marker(pytest.mark.timeout(1200))
            if item.get_closest_marker("xdist_group") is None:
                group = item.path.relative_to(INTEGRATION).as_posix()
                item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: INTEGRATION not in item.path.parents)
