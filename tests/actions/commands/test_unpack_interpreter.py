from __future__ import annotations

import hashlib
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.support.interpreter_archives import file, symlink, tar
from tests.support.interpreters import capture
from venvstacks_rules.actions.commands import unpack_interpreter
from venvstacks_rules.actions.compiling import compiler
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.byte_code import (
    UnpackedInterpreter,
    UnpackInterpreterRequest,
)

VERSION = sysconfig.get_config_var("py_version_short")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_unpacked_interpreter_compiles(folder: Path) -> None:
    captured = capture(VERSION, folder)
    (folder / "cpython.tar.gz").write_bytes(captured.archive)
    sha256 = hashlib.sha256(captured.archive).hexdigest()
    request = UnpackInterpreterRequest("cpython.tar.gz", sha256, captured.python_version, "out")
    python = unpack_interpreter.run(to_json(request)).python
    assert python == f"bin/python{VERSION}"
    library = folder / f"out/lib/python{VERSION}"
    assert not [name for name in ("test", "site-packages", "tkinter") if (library / name).exists()]
    (folder / "m.py").write_text("x = 1\n")
    (folder / "request.json").write_text(
        f'{{"version": "{VERSION}", "output": "o.zip", "files": [["m.py", "m.py", "m.py", true]]}}'
    )
    command = [f"out/{python}", "-I", "-S", "-B", str(compiler.__file__), "request.json"]
    subprocess.run(command, env={}, check=True)
    assert (folder / "o.zip").is_file()


def test_a_link_is_the_interpreter_too(folder: Path) -> None:
    (folder / "a.tar").write_bytes(
        tar(
            [
                file("python/bin/python3.11", "ELF", 0o755),
                symlink("python/bin/python3", "python3.11"),
            ]
        )
    )
    request = UnpackInterpreterRequest("a.tar", None, "3.11.2", "out")
    assert unpack_interpreter.run(to_json(request)) == UnpackedInterpreter("bin/python3.11")
    assert (folder / "out/bin/python3").resolve() == folder / "out/bin/python3.11"


def test_another_archive_than_the_pinned_one_is_refused(folder: Path) -> None:
    (folder / "a.tar").write_bytes(tar([file("python/bin/python3.11", "ELF", 0o755)]))
    with pytest.raises(InterpreterError) as caught:
        unpack_interpreter.run(to_json(UnpackInterpreterRequest("a.tar", "0" * 64, "3.11", "out")))
    assert str(caught.value) == (
        "An interpreter archive is not the one that the lockfile pins:\n  * `a.tar`"
    )


def test_an_archive_without_an_interpreter_is_refused(folder: Path) -> None:
    (folder / "a.tar").write_bytes(tar([file("python/bin/perl", "ELF", 0o755)]))
    with pytest.raises(InterpreterError) as caught:
        unpack_interpreter.run(to_json(UnpackInterpreterRequest("a.tar", None, "3.11", "out")))
    assert str(caught.value) == (
        "the interpreter archive `a.tar` has no interpreter\n"
        "  * expected an executable file `python/bin/python3.11`"
    )
