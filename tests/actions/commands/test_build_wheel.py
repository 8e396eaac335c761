"""Builds that are refused; integration tests build wheels with interpreters of layers."""

from __future__ import annotations

import zipfile
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


def test_pointers_of_git_lfs_are_no_files(tmp_path: Path) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as written:
        written.writestr("demo/text.py", f"POINTER = {pointer!r}\n")
        written.writestr("demo/large.py", pointer + "#" * 1024)
    build_wheel.refuse_pointers("demo 1.0", wheel)
    with zipfile.ZipFile(wheel, "a") as written:
        for name in ("a.bin", "b.bin", "c.bin", "d.bin"):
            written.writestr(f"demo/{name}", pointer)
    with pytest.raises(WheelError) as caught:
        build_wheel.refuse_pointers("demo 1.0", wheel)
    assert str(caught.value) == (
        "A package cannot be built from source:\n"
        "  * demo 1.0: in place of files, its wheel has pointers of Git LFS, which is not fetched: "
        "`demo/a.bin`, `demo/b.bin`, `demo/c.bin` and 1 more. Build the wheel where they are "
        "fetched, and put it into a folder of `local_wheels`."
    )
