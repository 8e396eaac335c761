"""Processes that tests start."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """For `preexec_fn`: what runs tests in the background ignores SIGINT, and passes that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
