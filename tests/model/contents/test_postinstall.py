from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from venvstacks_rules.actions import postinstall
from venvstacks_rules.model.contents.postinstall import postinstall_text

SCRIPT = Path(postinstall.__file__).read_text(encoding="utf-8")


def text(byte_code: str, *, sealed: bool = False, system: str = "linux") -> str:
    return postinstall_text(SCRIPT, byte_code=byte_code, sealed=sealed, system=system)


def test_a_layer_that_is_compiled_has_the_script_itself() -> None:
    assert text("deployed") == SCRIPT


@pytest.mark.parametrize("byte_code", ["included", "none"])
def test_others_are_not_compiled(byte_code: str) -> None:
    made = text(byte_code)
    assert made.replace('main(["--no-compile", *sys.argv[1:]])', "main(sys.argv[1:])") == SCRIPT
    assert made != SCRIPT
    assert text("included", sealed=True, system="win") == made


@pytest.mark.parametrize("system", ["linux", "macosx"])
def test_that_of_a_sealed_layer_does_nothing(tmp_path: Path, system: str) -> None:
    script = tmp_path / "postinstall.py"
    script.write_text(text("included", sealed=True, system=system))
    command = [sys.executable, "-I", "-S", str(script), "--no-compile", "--deployed-in=/nowhere"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    assert done.stdout == b""
    assert [path.name for path in tmp_path.iterdir()] == ["postinstall.py"]


def test_another_script_is_refused() -> None:
    with pytest.raises(ValueError, match="the script does not end with"):
        postinstall_text("pass", byte_code="none", sealed=False, system="linux")
