"""What becomes of the failure of an action."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend.processes.bare import ActionError, action_failure


def test_the_mistake_of_a_user_is_shown_without_ceremony() -> None:
    error = action_failure("lock-layer", 1, "warning: slow\nerror: //:x: no\n  * wheel\n\n")
    assert type(error) is VenvstacksError
    assert str(error) == "//:x: no\n  * wheel"


@pytest.mark.parametrize(
    ("exit_code", "stderr"),
    [
        (1, "Traceback (most recent call last):\n  ...\nzlib.error: bad\n"),
        (1, "Traceback (most recent call last):\n  ...\nOSError: bad\n"),
        (2, "error: usage\n"),
        (-9, ""),
    ],
)
def test_anything_else_is_shown_as_a_bug(exit_code: int, stderr: str) -> None:
    error = action_failure("launch", exit_code, stderr)
    assert type(error) is ActionError
    assert str(error) == (
        f"The action `launch` ended with exit code {exit_code}. This is a bug of venvstacks_rules; "
        f"please report it with what the action printed:\n{stderr.rstrip()}"
    )


def test_what_an_action_printed_does_not_speak_to_the_terminal() -> None:
    assert str(action_failure("launch", 1, "ValueError: \x1b[31m\n")).endswith(
        "\nValueError: \\x1b[31m"
    )
