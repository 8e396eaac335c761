"""The start of a launch module, by the Python that runs the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from venvstacks_rules.model.contents.start import start_arguments

APP = """\
import json, queue, sys
names = sorted(name for name in globals() if not name.startswith("__"))
print(json.dumps([__name__, __spec__.name, sys.argv, sys.path[0], queue.__file__, names]))
"""


@pytest.mark.parametrize("folder", ["", "elsewhere"])
def test_a_module_starts_as_by_its_name_and_imports_nothing_from_where_the_user_is(
    tmp_path: Path, folder: str
) -> None:
    packages = tmp_path / "packages"
    (packages / "app").mkdir(parents=True)
    (packages / "app/__main__.py").write_text(APP)
    place = tmp_path / folder
    place.mkdir(exist_ok=True)
    for name in ("queue", "runpy", "json", "app", "os"):
        (place / f"{name}.py").write_text("raise SystemExit('hijacked')")
    version = ".".join(map(str, sys.version_info[:3]))
    start = start_arguments(version, "app")
    program = f"import sys; sys.path.append({str(packages)!r})"
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(program)
    done = subprocess.run(
        [sys.executable, *start, "a", "-x"],
        env={"PYTHONPATH": str(tmp_path / "site")},
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    name, spec, argv, first, queue, names = json.loads(done.stdout)
    assert (name, spec) == ("__main__", "app.__main__")
    assert argv == [str(packages / "app/__main__.py"), "a", "-x"]
    assert first == str(tmp_path / "site")
    assert not queue.startswith(str(tmp_path))
    assert names == ["json", "queue", "sys"]


@pytest.mark.parametrize(
    ("version", "safe"), [("3.9.18", False), ("3.10.0", False), ("3.11.7", True), ("3.14.0t", True)]
)
def test_python_has_an_option_since_3_11(version: str, safe: bool) -> None:
    start = start_arguments(version, "app")
    assert start == ("-P", "-m", "app") if safe else start[0] == "-c"
