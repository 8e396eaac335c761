"""Builds that are refused; integration tests build wheels with interpreters of layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.action_requests import REQUESTS
from venvstacks_rules.actions.commands import build_wheel
from venvstacks_rules.model.errors import InterpreterError, WheelError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.built_wheels import BuildWheelRequest


@pytest.fixture
def request_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.chdir(tmp_path)
    return REQUESTS["build-wheel"]()


def refused(request: dict[str, object]) -> str:
    with pytest.raises((WheelError, InterpreterError)) as caught:
        build_wheel.run(to_json(BuildWheelRequest(**request)))  # type: ignore[arg-type]
    return str(caught.value)


def test_another_archive_is_refused(request_of: dict[str, object]) -> None:
    actual = request_of["sha256"]
    assert refused({**request_of, "sha256": "0" * 64}) == (
        "A source archive is not the one that the lockfile pins:\n"
        f"  * demo 1.0: it has SHA-256 {actual}, not {'0' * 64}"
    )


def test_what_uv_says_is_passed_on(request_of: dict[str, object]) -> None:
    """The interpreter in this archive is no program."""
    message = refused(request_of)
    assert message.startswith("demo 1.0 cannot be built from source:\n  * ")
    assert "interpreter/bin/python3" in message
    assert not Path("out").exists()


def test_a_damaged_interpreter_archive_is_refused(request_of: dict[str, object]) -> None:
    Path(str(request_of["interpreter"])).write_bytes(b"no archive")
    assert "the interpreter archive `cpython.tar` is damaged" in refused(request_of)
