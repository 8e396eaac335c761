"""Wheels of the actions' own environment: unpacked, compiled, refused."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wheels import FILE_NAME, regular, wheel_bytes
from venvstacks_rules.actions.commands import install_wheel
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.tools import InstalledWheel, InstallWheelRequest

TAG = sys.implementation.cache_tag


def install(folder: Path, content: bytes, **changes: object) -> InstalledWheel:
    wheel = folder / FILE_NAME
    wheel.write_bytes(content)
    request = InstallWheelRequest(
        str(wheel),
        FILE_NAME,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        output=str(folder / "out"),
    )
    return install_wheel.run(json.dumps({**json.loads(to_json(request)), **changes}))


def refused(folder: Path, content: bytes, **changes: object) -> list[str]:
    with pytest.raises(WheelError) as caught:
        install(folder, content, **changes)
    assert caught.value.summary == f"The wheel `{FILE_NAME}` of the actions' lockfile is refused."
    assert not (folder / "out").exists()
    return list(caught.value.problems)


def test_files_lie_where_they_are_imported_from(tmp_path: Path) -> None:
    content = wheel_bytes(
        {
            "demo/__init__.py": b"VALUE = 1\n",
            "demo/data.txt": b"x",
            "demo-1.0.data/platlib/native.so": b"\x7fELF",
            "demo-1.0.data/purelib/pure.py": b"",
            "demo-1.0.data/scripts/tool": b"\x7fELF program",
            "demo-1.0.data/scripts/script": b"#!python\nprint()\n",
            "demo-1.0.data/headers/demo.h": b"",
            "demo-1.0.data/data/share/x": b"",
        },
        attributes={"demo/__init__.py": regular(0o755)},
    )
    assert install(tmp_path, content) == InstalledWheel(2)
    out = tmp_path / "out"
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == {
        "demo/__init__.py",
        f"demo/__pycache__/__init__.{TAG}.pyc",
        "demo/data.txt",
        "native.so",
        "pure.py",
        f"__pycache__/pure.{TAG}.pyc",
        "bin/tool",
        *(f"demo-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")),
    }
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (out / "bin/tool", out / "demo/__init__.py")
    }
    assert modes == {"tool": 0o755, "__init__.py": 0o644}


def test_byte_code_is_taken_without_a_look_at_the_source(tmp_path: Path) -> None:
    install(tmp_path, wheel_bytes({"demo.py": b"VALUE = 1\n"}))
    compiled = tmp_path / "out/__pycache__" / f"demo.{TAG}.pyc"
    data = compiled.read_bytes()
    assert data[:4] == importlib.util.MAGIC_NUMBER
    # Hash-based and unchecked, as PEP 552 numbers it.
    assert data[4:8] == b"\1\0\0\0"
    assert data[8:16] == importlib.util.source_hash(b"VALUE = 1\n")
    (tmp_path / "out/demo.py").write_text("VALUE = 2\n")
    shown = "import demo; print(demo.VALUE, demo.__file__)"
    path = str(tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {path!r}); {shown}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"1 {path}/demo.py\n"


def compiled(sources: Path, output: Path, prelude: str) -> bytes:
    script = (
        f"import sys; {prelude}\n"
        "from venvstacks_rules.actions.tools.byte_code import compile_modules\n"
        "compile_modules(sys.argv[1], ['demo.py'], sys.argv[2], 'shown')"
    )
    root = Path(install_wheel.__file__).parents[3]
    subprocess.run(
        [sys.executable, "-c", script, str(sources), str(output)],
        env={"PYTHONPATH": str(root), "PYTHONHASHSEED": "0"},
        check=True,
    )
    return (output / "__pycache__" / f"demo.{TAG}.pyc").read_bytes()


def test_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    (tmp_path / "other folder").mkdir()
    source = 'def f(x={"a", "b", "c"}):\n    """Doc."""\n    return x, "a", ("b", 1.5), f\n' * 3
    for folder in (tmp_path, tmp_path / "other folder"):
        (folder / "demo.py").write_text(source)
    first = compiled(tmp_path, tmp_path / "first", "")
    # What happens to be in use already decides what the compiler shares.
    prelude = "keep = [sys.intern(x) for x in ('f', 'x', 'a', 'Doc.', 'b')]"
    second = compiled(tmp_path / "other folder", tmp_path / "second", prelude)
    assert second == first


def test_modules_for_other_pythons_are_left_as_they_are(tmp_path: Path) -> None:
    content = wheel_bytes({"demo/old.py": b"print 'x'\n", "demo/odd.py": b"\0"})
    install(tmp_path, content)
    assert not (tmp_path / "out/demo/__pycache__").exists()


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    content = wheel_bytes({"demo.py": b""})
    found = hashlib.sha256(content).hexdigest()
    assert refused(tmp_path, content, sha256="0" * 64) == [
        f"it has sha256:{found} and {len(content)} bytes, not sha256:{'0' * 64} and {len(content)}"
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../demo.py", "the path contains `..`"),
        ("/demo.py", "the path is absolute"),
        ("demo-1.0.data/purelib/../../x.py", "the path contains `..`"),
    ],
)
def test_an_entry_that_leaves_the_folder_is_refused(
    tmp_path: Path, name: str, problem: str
) -> None:
    assert refused(tmp_path, wheel_bytes({name: b""})) == [f"`{name}`: {problem}"]


def test_links_are_refused(tmp_path: Path) -> None:
    content = wheel_bytes({"demo.py": b"/etc/passwd"}, attributes={"demo.py": 0o120777 << 16})
    assert refused(tmp_path, content) == ["`demo.py`: the entry is a symbolic link"]


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, b"text") == ["cannot be unpacked: File is not a zip file"]
