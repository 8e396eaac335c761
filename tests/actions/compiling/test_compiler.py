from __future__ import annotations

import importlib.util
import json
import marshal
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType

import pytest

from tests.support.interpreters import installed
from venvstacks_rules.actions.compiling import compiler
from venvstacks_rules.actions.compiling.compiler import byte_code, canonical

VERSION = sysconfig.get_config_var("py_version_short")

# Constants of every kind; sets, whose order is that of hashes; texts that are interned or not;
# texts of one character, which are one object in the whole process; and a number that equals
# nothing.
EVERYTHING = '''\
"""Über: documented."""
import sys
A = ("a", "ä", "+", "name", "no name", b"bytes", 1, -5, 2**70, 1.5, 2j, None, ..., True, ())
NAN = 1e999 - 1e999

def inner(ä, *, key="ä"):
    """Twice the same."""
    return ä in {"zz", "a", "ä", None, b"x", ("p", 1), 3.5, "no name"} or key in {"other", "zz"}

class Named:
    """Twice the same."""
    def method(self):
        return lambda: [inner(x, key="no name") for x in A], f"{self!r:>10}"
'''


# One of each X.Y of this machine, and a second release of one if there is one.
INTERPRETERS = sorted({one.executable for one in installed()})


def run(
    folder: Path,
    python: str,
    modules: Mapping[str, bytes],
    *,
    names: Sequence[str] = (),
    flags: Sequence[str] = ("-I", "-S", "-B", "-X", "utf8"),
    env: Mapping[str, str] = {},
    version: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Compile `modules` in a new process, in the order of `names`, into ``out.zip``."""
    for name, source in modules.items():
        place = folder / "sources" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source)
    files = [[str(folder / "sources" / n), n, n, True] for n in names or modules]
    probe = "import sys;print('%d.%d' % sys.version_info[:2])"
    found = subprocess.run([python, "-c", probe], stdout=subprocess.PIPE, text=True, check=True)
    output = folder / "out.zip"
    output.unlink(missing_ok=True)
    request = {"version": version or found.stdout.strip(), "output": str(output), "files": files}
    (folder / "request.json").write_text(json.dumps(request))
    return subprocess.run(
        [python, *flags, str(compiler.__file__), str(folder / "request.json")],
        env=dict(env),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "out.zip") as made:
        return {name: made.read(name) for name in sorted(made.namelist())}


@pytest.mark.parametrize("python", INTERPRETERS)
def test_bytes_do_not_depend_on_the_process(tmp_path: Path, python: str) -> None:
    library = Path(os.__file__).parent
    modules = {
        "everything.py": EVERYTHING.encode(),
        # `ä` as a name makes the text of that character an interned one.
        "other.py": "ä = 1\nclass no: ä = '+'\nimport zz\n".encode(),
        **{f"lib/{n}": (library / n).read_bytes() for n in ("ast.py", "html/entities.py")},
    }
    seen = []
    environments: tuple[tuple[tuple[str, ...], dict[str, str], bool, int], ...] = (
        (("-I", "-S", "-B", "-X", "utf8"), {}, False, 0o022),
        (("-S", "-B"), {"PYTHONHASHSEED": "1", "LC_ALL": "C"}, True, 0o077),
        (("-B",), {"PYTHONHASHSEED": "77", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"}, False, 0o002),
    )
    for flags, env, backwards, umask in environments:
        names = sorted(modules, reverse=backwards)
        before = os.umask(umask)
        try:
            done = run(tmp_path, python, modules, names=names, flags=flags, env=env)
        finally:
            os.umask(before)
        assert done.returncode == 0, done.stdout
        seen.append(contents(tmp_path))
    assert len(seen[0]) == 4
    assert seen[0] == seen[1] == seen[2]


def test_releases_of_one_version_give_the_same_bytes(tmp_path: Path) -> None:
    by_version: dict[str, list[str]] = {}
    for found in installed():
        by_version.setdefault(found.python_version.rpartition(".")[0], []).append(found.executable)
    several = [executables for executables in by_version.values() if len(executables) > 1]
    for executables in several:
        made = []
        for python in executables:
            assert run(tmp_path, python, {"m.py": EVERYTHING.encode()}).returncode == 0
            made.append(contents(tmp_path))
        assert made[0] == made[1]


def test_byte_code_does_what_the_source_does() -> None:
    made = byte_code(EVERYTHING.encode(), "pkg/everything.py", checked=True)
    assert made is not None
    header, body = made[:16], made[16:]
    expected = importlib.util.MAGIC_NUMBER + (0b11).to_bytes(4, "little")
    assert header == expected + importlib.util.source_hash(EVERYTHING.encode())
    code = marshal.loads(body)
    assert isinstance(code, CodeType)
    assert code.co_filename == "pkg/everything.py"
    namespace: dict[str, object] = {"__name__": "everything"}
    exec(code, namespace)
    inner = namespace["inner"]
    assert callable(inner)
    assert [inner(x) for x in ("ä", None, 4)] == [True, True, False]
    assert inner.__doc__ == "Twice the same."
    assert [type(x) for x in namespace["A"]] == [  # type: ignore[attr-defined]
        type(x) for x in ("", "", "", "", "", b"", 0, 0, 0, 0.0, 0j, None, ..., True, ())
    ]


def test_the_second_time_changes_nothing() -> None:
    made = byte_code(EVERYTHING.encode(), "m.py", checked=False)
    assert made is not None
    assert made[4:8] == b"\x01\0\0\0"
    assert canonical(made[16:]) == made[16:]
    assert canonical(marshal.dumps(marshal.loads(made[16:]))) == made[16:]


def test_what_is_used_once_has_no_number() -> None:
    made = byte_code(b"x = 'once'\ny = 'twice'\nz = 'twice'\n", "m.py", checked=True)
    assert made is not None
    # The first bit says that the object is used again.
    assert b"Z\x04once" in made
    assert bytes((ord("Z") | 0x80,)) + b"\x04once" not in made


@pytest.mark.parametrize(
    "source",
    [b"{{ template }}\nclass", b"print 'for Python 2'\n", b"# coding: nowhere\n", b"x = 1\0",
     b"x = " + b"(" * 5000 + b")" * 5000],
    ids=["template", "older", "coding", "null", "deep"],
)  # fmt: skip
def test_what_is_no_python_is_left_out(source: bytes) -> None:
    assert byte_code(source, "m.py", checked=True) is None


def test_a_file_that_is_no_python_does_not_stop_the_others(tmp_path: Path) -> None:
    modules = {"a/ok.py": b"x = 1\n", "a/template.py": b"{{ x }} y\n", "top.py": b"assert (1, 2)\n"}
    done = run(tmp_path, sys.executable, modules)
    assert (done.returncode, done.stdout) == (0, "")
    tag = sys.implementation.cache_tag
    assert list(contents(tmp_path)) == [
        f"__pycache__/top.{tag}.pyc",
        f"a/__pycache__/ok.{tag}.pyc",
    ]


def test_an_interpreter_of_another_version_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, {"m.py": b""}, version="3.2")
    assert (done.returncode, done.stdout) == (3, f"it is cpython {VERSION}\n")
    assert not (tmp_path / "out.zip").exists()
