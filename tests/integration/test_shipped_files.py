"""Layers without files that nobody needs, and with scripts that somebody does; of real wheels."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.shared_roots import shared_root
from venvstacks_rules.model.platforms.interpreter_parts import strippable_parts

# greenlet has tests, sources and headers, jmespath a script. Python 3.11 has all that is stripped.
BUILD = f"""\
venvstacks_runtime(
    name="py", python_implementation="cpython@3.11", platforms=["{NATIVE}"], RUNTIME
)
venvstacks_framework(
    name="web",
    runtime=":py",
    requirements=["greenlet==3.1.1", "jmespath==1.0.1"],
    FRAMEWORK
)
venvstacks_application(
    name="show",
    frameworks=[":web"],
    launch_module="show.py",
    requirements=["greenlet", "jmespath"],
)
"""
SHOW = """\
import importlib.util
import greenlet
import jmespath
parts = ("greenlet.tests", "tkinter", "sqlite3")
print([name for name in parts if importlib.util.find_spec(name)], jmespath.search("a", {"a": 3}))
"""
SITE = "lib/python3.11/site-packages"
# The last one makes a segment that no earlier run has left in the cache.
GLOBS = ["*.cpp", "*.h", "*.hpp", "include", "tests", f"x-{uuid.uuid4()}"]
EXCLUDED = f'exclude_files={{"greenlet": {GLOBS}}},'
SCRIPTS = 'include_scripts={"jmespath": ["jp.py"]},'


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as root:
        root.write("s/show.py", SHOW)
        write(root)
        root.succeed("generate-lockfiles")
        yield root


def write(root: BuildRoot, framework: str = "", runtime: str = "") -> None:
    root.write("s/BUILD", BUILD.replace("FRAMEWORK", framework).replace("RUNTIME", runtime))


def metadata(root: BuildRoot, name: str, suffix: str = "") -> dict[str, Any]:
    data: dict[str, Any] = json.loads(root.read(f"dist/s/{NATIVE}/{name}{suffix}.json"))
    return data


def segments(root: BuildRoot, name: str) -> dict[str, dict[str, Any]]:
    """The segments of a layer by the name in front of their sources."""
    index = metadata(root, name, ".segments")
    return {segment["source"].split("-")[0]: segment for segment in index["segments"]}


def exported(root: BuildRoot) -> Path:
    root.succeed("venvstacks-export", "s:show")
    (layer,) = root.path.glob("dist/**/app-show")
    return layer.parent


def test_excluded_files_are_in_no_form_of_a_layer(root: BuildRoot) -> None:
    write(root)
    root.succeed("package", "s:web")
    before = segments(root, "framework-web")
    write(root, EXCLUDED)
    done = root.succeed("package", "s:web")
    after = segments(root, "framework-web")
    assert done.segments == {"framework-web.tar.zst": (1, 2)}
    assert after["jmespath"]["sha256"] == before["jmespath"]["sha256"]

    files = {file["path"]: file["size"] for file in before["greenlet"]["files"]}
    kept = {file["path"]: file["size"] for file in after["greenlet"]["files"]}
    gone = {path: size for path, size in files.items() if path not in kept}
    assert f"{SITE}/greenlet/tests/__init__.py" in gone
    assert f"{SITE}/greenlet/greenlet.cpp" in gone
    assert "include/site/python3.11/greenlet/greenlet.h" in gone
    assert not [path for path in gone if ".dist-info/" in path]
    assert kept.keys() < files.keys()
    assert metadata(root, "framework-web")["excluded_files"] == {
        "greenlet": {
            "globs": GLOBS,
            "files": len(gone),
            "size": sum(gone.values()),
        }
    }

    shown = json.loads(root.succeed("venvstacks-show", "--json", "s:web").stdout)
    assert shown["stacks"][0]["frameworks"][0]["sizes"]["excluded"] == sum(gone.values())

    folder = exported(root) / "framework-web"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert not found & gone.keys()
    assert kept.keys() <= found
    (record,) = folder.glob(f"{SITE}/greenlet-*.dist-info/RECORD")
    with record.open(newline="") as stream:
        listed = {row[0] for row in csv.reader(stream)}
    assert listed == {path.removeprefix(f"{SITE}/") for path in kept}
    # The application has no copy of what the framework has.
    assert root.succeed("run", "s:show").stdout == "['tkinter', 'sqlite3'] 3\n"
    root.succeed("test", "s:show")


def test_scripts_run_with_the_python_of_the_layer(root: BuildRoot, tmp_path: Path) -> None:
    write(root, SCRIPTS)
    moved = tmp_path / "else where"
    shutil.move(str(exported(root)), str(moved))
    for name in ("py", "framework-web"):
        python = moved / "py/bin/python3.11"
        subprocess.run([str(python), "-I", str(moved / name / "postinstall.py")], check=True)
    link = tmp_path / "jp"
    link.symlink_to(moved / "framework-web/bin/jp.py")
    for command in (moved / "framework-web/bin/jp.py", link):
        done = subprocess.run(
            [str(command), "a.b"], input='{"a": {"b": 5}}', stdout=-1, text=True, check=True
        )
        assert done.stdout == "5\n"


def test_names_and_globs_that_fit_nothing(root: BuildRoot) -> None:
    globs = 'exclude_files={"greenlet": ["*.lib", "tests"], "jmespath": ["*.pyi"]},'
    write(root, f'{globs} include_scripts={{"jmespath": ["jp"]}},')
    said = root.succeed("package", "s:web").stderr
    assert "[WARN] s:web: `exclude_files` of 'greenlet' has '*.lib', for no file of" in said
    assert (
        "[WARN] s:web: `exclude_files` of 'jmespath' has '*.pyi', for no file of "
        "`jmespath-1.0.1-py3-none-any.whl`. Correct or remove it."
    ) in said
    assert (
        "[WARN] s:web: `include_scripts` of 'jmespath' has 'jp', for no script of "
        "`jmespath-1.0.1-py3-none-any.whl`. Correct or remove it. `console_scripts` is for "
        "commands that it defines."
    ) in said
    write(root, 'exclude_files={"greenlets": ["tests"]}, include_scripts={"numpy": ["f2py"]},')
    assert root.pants("package", "s:show").error == (
        "DefinitionError: Layers choose files of what they do not install:\n"
        "  * s:web: `exclude_files.greenlets` is for what the layer does not install. Did you mean "
        "'greenlet'?\n"
        "  * s:web: `include_scripts.numpy` is for what the layer does not install. It installs "
        "greenlet, jmespath."
    )


def test_layers_start_on_an_interpreter_without_all_that_can_be_left_out(root: BuildRoot) -> None:
    write(root)
    root.succeed("package", "s:py")
    before = metadata(root, "py")["archive_size"]
    parts = [part for part in strippable_parts() if part not in ("inspect", "dis", "opcode")]
    assert {"tkinter", "development"} < set(parts)
    write(root, runtime=f"strip_interpreter={parts},")
    root.succeed("package", "s:py")
    assert metadata(root, "py")["stripped_interpreter"] == parts
    assert metadata(root, "py")["archive_size"] < before * 0.7
    write(root, runtime='strip_interpreter=["tkinter", "sqlite3"],')
    assert root.succeed("run", "s:show").stdout == "['greenlet.tests'] 3\n"
    root.succeed("test", "s:show")
    root.write("s/show.py", f"import sqlite3.dbapi2\n{SHOW}")
    assert root.pants("package", "s:show").error == (
        "DefinitionError: Code imports what no layer provides:\n"
        "  * s/show.py:1: it imports `sqlite3.dbapi2`, which neither s:show nor a layer below "
        "provides. Remove 'sqlite3' from the `strip_interpreter` of s:py. If the code does without "
        "it, add `# pants: no-infer-dep` to the line."
    )
    root.write("s/show.py", SHOW)
    python = exported(root) / "py/bin/python3.11"
    failed = subprocess.run(
        [str(python), "-c", "import _tkinter"], stderr=-1, text=True, check=False
    )
    assert failed.stderr.endswith("ModuleNotFoundError: No module named '_tkinter'\n")


def test_a_stack_file_by_overrides(root: BuildRoot) -> None:
    root.write("t/show.py", SHOW)
    root.write(
        "t/venvstacks.toml",
        f"""\
[[runtimes]]
name = "py"
python_implementation = "cpython@3.11"
platforms = ["{NATIVE}"]
requirements = ["jmespath==1.0.1"]
""",
    )
    root.write(
        "t/BUILD",
        'venvstacks_stack(name="stack", overrides={"py": {"strip_interpreter": ["tkinter"], '
        '"exclude_files": {"JMESPath": ["visitor.py"]}, "include_scripts": {"jmespath": ["*"]}'
        "}})\n",
    )
    root.succeed("generate-lockfiles", "--resolve=t:stack")
    root.succeed("package", "t:stack#py")
    found = json.loads(root.read(f"dist/t/{NATIVE}/py.json"))
    assert found["stripped_interpreter"] == ["tkinter"]
    assert found["excluded_files"]["jmespath"]["files"] == 1
    index = json.loads(root.read(f"dist/t/{NATIVE}/py.segments.json"))
    paths = {file["path"] for segment in index["segments"] for file in segment["files"]}
    assert {"bin/jp.py", "share/venv/scripts/jp.py"} <= paths
    assert not [path for path in paths if "tkinter" in path or path.endswith("/visitor.py")]
