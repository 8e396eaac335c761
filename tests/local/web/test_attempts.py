"""How often a server is asked."""

from __future__ import annotations

from venvstacks_rules.local.web.attempts import Attempts


def test_there_is_one_attempt_more_than_there_are_waits() -> None:
    waited: list[float] = []
    attempts = Attempts([0.5, 2.0], waited.append)
    assert [attempts.again(slow=False) for _ in range(3)] == [True, True, False]
    assert waited == [0.5, 2.0]


def test_a_slow_server_is_asked_once_more() -> None:
    waited: list[float] = []
    attempts = Attempts([0.5, 2.0, 5.0, 9.0], waited.append)
    assert [attempts.again(slow=slow) for slow in (True, False, True)] == [True, True, False]
    assert waited == [0.5, 2.0]
