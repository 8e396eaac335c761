"""How often a server is asked for what it did not give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_SLOW_ATTEMPTS = 2
"""A server that is silent, or slow, is so again: it is given up after a minute."""


class Attempts:
    """Those of one request."""

    def __init__(self, waits: Sequence[float], pause: Callable[[float], None]) -> None:
        """`waits` has the seconds before each further attempt, for which `pause` waits."""
        self._waits = iter(waits)
        self._pause = pause
        self._slow = 0

    def again(self, *, slow: bool) -> bool:
        """Wait for the next attempt after a failed one; False, at once, if there is none.

        `slow` says that the failed one took long, as the next one then does, too.
        """
        self._slow += slow
        wait = next(self._waits, None)
        if wait is None or self._slow == _SLOW_ATTEMPTS:
            return False
        self._pause(wait)
        return True
