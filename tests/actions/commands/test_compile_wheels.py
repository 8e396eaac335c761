from __future__ import annotations

import copy
import csv
import hashlib
import io
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.interpreter_archives import INSTALL_ONLY, WINDOWS, file, tar
from tests.support.wheels import FILE_NAME, decompressed, members, record_hash, wheel_bytes
from venvstacks_rules.actions.commands import (
    compile_files,
    compile_interpreter,
    compile_wheels,
    wheel_segments,
)
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.byte_code import (
    CompiledModules,
    CompileFilesRequest,
    CompileInterpreterRequest,
    Compiler,
    CompileWheelsRequest,
    WheelToCompile,
)
from venvstacks_rules.model.requests.segments import WheelInput, WheelSegmentsRequest

VERSION = sysconfig.get_config_var("py_version_short")
TAG = sys.implementation.cache_tag
COMPILER = Compiler(sys.executable, "")
FILES = {
    "demo/__init__.py": b"def f():\n    raise ValueError\n",
    "demo/templates/page.py": b"{{ page }} of\n",
    "demo/old/__init__.py": b"",
    "demo-1.0.data/data/share/demo/tool.py": b"import demo\n",
    "demo-1.0.data/purelib/extra.py": b"import demo\n",
    "demo-1.0.data/scripts/run.py": b"#!python\nimport demo\n",
    "demo/__pycache__/__init__.cpython-27.pyc": b"of somebody else",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as made:
        return {name: made.read(name) for name in made.namelist()}


def compiled(
    folder: Path, exclude: tuple[str, ...] = (), compiler: Compiler = COMPILER, output: str = "w"
) -> dict[str, bytes]:
    wheel = wheel_bytes(FILES)
    (folder / FILE_NAME).write_bytes(wheel)
    sha256 = hashlib.sha256(wheel).hexdigest()
    out = f"{output}/demo.zip"
    source = WheelToCompile(out, FILE_NAME, FILE_NAME, sha256, len(wheel), exclude)
    result = compile_wheels.run(to_json(CompileWheelsRequest((source,), VERSION, compiler)))
    found = contents(folder / out)
    assert result == CompiledModules(len(found))
    return found


def test_modules_in_site_packages_have_byte_code(folder: Path) -> None:
    found = compiled(folder)
    assert sorted(found) == [
        f"__pycache__/extra.{TAG}.pyc",
        f"demo/__pycache__/__init__.{TAG}.pyc",
        f"demo/old/__pycache__/__init__.{TAG}.pyc",
    ]
    # Nothing of the machine.
    assert b"demo/__init__.py" in found[f"demo/__pycache__/__init__.{TAG}.pyc"]
    assert not [name for name, data in found.items() if str(folder).encode() in data]
    assert sorted(path.name for path in folder.iterdir()) == [FILE_NAME, "w"]


def test_what_the_layer_leaves_out_has_none(folder: Path) -> None:
    assert sorted(compiled(folder, exclude=("old",))) == [
        f"__pycache__/extra.{TAG}.pyc",
        f"demo/__pycache__/__init__.{TAG}.pyc",
    ]


def test_an_interpreter_that_cannot_compile_is_named(folder: Path) -> None:
    with pytest.raises(InterpreterError) as caught:
        compiled(folder, compiler=Compiler("/nowhere/python", ""))
    assert str(caught.value) == (
        f"An interpreter cannot compile for Python {VERSION}:\n"
        "  * `/nowhere/python`: cannot be started: No such file or directory"
    )
    (folder / "python").write_text("#!/bin/sh\nexit 4\n")
    (folder / "python").chmod(0o755)
    with pytest.raises(InterpreterError) as caught:
        compiled(folder, compiler=Compiler("python", ""), output="again")
    assert str(caught.value) == (
        f"An interpreter cannot compile for Python {VERSION}:\n  * `python`: ended with exit code 4"
    )


@pytest.mark.parametrize("os_name", ["posix", "nt"])
def test_a_segment_has_the_byte_code_and_its_record_lists_it(folder: Path, os_name: str) -> None:
    found = compiled(folder)
    wheel = (folder / FILE_NAME).read_bytes()
    sha256 = hashlib.sha256(wheel).hexdigest()
    source = WheelInput("out.seg", FILE_NAME, FILE_NAME, sha256, len(wheel), byte_code="w/demo.zip")
    request = WheelSegmentsRequest((source,), VERSION, os_name, "layer", Compression("tar.zst", 1))
    (made,) = wheel_segments.run(to_json(request)).segments
    files = {entry.name: entry for entry in members(decompressed(Path("out.seg")))}
    site = "Lib/site-packages" if os_name == "nt" else f"lib/python{VERSION}/site-packages"
    for name, data in found.items():
        assert files[f"layer/{site}/{name}"].content == data
    paths = [file.path for file in made.files]
    assert paths[-1] == f"{site}/demo-1.0.dist-info/RECORD"
    assert paths[-4:-1] == [f"{site}/{name}" for name in sorted(found)]
    record = files[f"layer/{paths[-1]}"].content.decode()
    rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(record))}
    for name, data in found.items():
        assert rows[name] == [record_hash(data), str(len(data))]
    assert "demo/__pycache__/__init__.cpython-27.pyc" not in rows


def test_own_files_have_byte_code_in_the_layer(folder: Path) -> None:
    site = f"lib/python{VERSION}/site-packages"
    (folder / "app.py").write_text("def main():\n    raise ValueError\n")
    request = CompileFilesRequest(
        files=(
            OwnFile(f"{site}/app.py", source="app.py"),
            OwnFile(f"{site}/_venvstacks_chain_0123.py", text="x = 1\n"),
            OwnFile(f"{site}/notes.txt", text=""),
            OwnFile("postinstall.py", text="x = 1\n"),
        ),
        python_version=VERSION,
        os_name="posix",
        compiler=COMPILER,
        byte_code="own.zip",
    )
    assert compile_files.run(to_json(request)) == CompiledModules(2)
    found = contents(folder / "own.zip")
    flags = {name: data[4] for name, data in found.items()}
    assert flags == {
        f"{site}/__pycache__/_venvstacks_chain_0123.{TAG}.pyc": 0b01,
        f"{site}/__pycache__/app.{TAG}.pyc": 0b11,
    }


def test_python_takes_it_and_a_changed_source_is_compiled_again(folder: Path) -> None:
    found = compiled(folder)
    site = folder / "site"
    for name, content in {**FILES, **found}.items():
        if not name.startswith("demo-"):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_bytes(content)
    start = [sys.executable, "-I", "-v", "-c", f"import sys; sys.path.insert(0, {str(site)!r})"]
    start[-1] += "; import demo; print(demo.f.__code__.co_filename); demo.f()"
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    done = subprocess.run(start, cwd=folder, capture_output=True, text=True, check=False)
    cached = f"{site}/demo/__pycache__/__init__.{TAG}.pyc"
    assert f"# {cached} matches {site}/demo/__init__.py" in done.stderr
    assert f"# code object from '{cached}'" in done.stderr
    assert "# wrote" not in done.stderr
    # Tracebacks have the place of the source.
    assert done.stdout == f"{site}/demo/__init__.py\n"
    assert f'File "{site}/demo/__init__.py", line 2, in f\n    raise ValueError' in done.stderr
    assert before == {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    (site / "demo/__init__.py").write_bytes(b"def f():\n    print('edited')\n")
    again = subprocess.run(start, cwd=folder, capture_output=True, text=True, check=True)
    assert again.stdout == f"{site}/demo/__init__.py\nedited\n"


def test_the_standard_library_of_a_runtime(folder: Path) -> None:
    version = f"{VERSION}.1"
    header = f'#define PY_VERSION "{version}"\n'

    def of_this_version(text: str) -> str:
        return text.replace("3.11", VERSION).replace("311", VERSION.replace(".", ""))

    for os_name, archive, library in (
        ("posix", INSTALL_ONLY, f"lib/python{VERSION}"),
        ("nt", WINDOWS, "Lib"),
    ):
        patchlevel = next(m for m, _ in archive if m.name.endswith("patchlevel.h"))
        found = [
            file(of_this_version(m.name), header, m.mode)
            if m is patchlevel
            else (_renamed(m, of_this_version), content)
            for m, content in archive
        ]
        module = f"python/{library}/json/tool.py"
        data = tar([*found, file(module, "def f(): raise ValueError\n")])
        (folder / "cpython.tar").write_bytes(data)
        request = CompileInterpreterRequest(
            os_name=os_name,
            case_sensitive=os_name == "posix",
            compiler=COMPILER,
            byte_code=f"{os_name}.zip",
            archive="cpython.tar",
            sha256=None,
            size=None,
            python_version=VERSION,
        )
        compile_interpreter.run(to_json(request))
        made = contents(folder / f"{os_name}.zip")
        code = made[f"{library}/json/__pycache__/tool.{TAG}.pyc"]
        # The same on all systems.
        assert b"json/tool.py" in code
        assert f"{library}/json/tool.py".encode() not in code
        assert not [name for name in made if "pip" in name and "site-packages" in name]


def _renamed(member: tarfile.TarInfo, rename: Callable[[str], str]) -> tarfile.TarInfo:
    new = copy.copy(member)
    new.name = rename(member.name)
    if member.linkname:
        new.linkname = rename(member.linkname)
    return new
