"""Captures of real interpreters: the one that runs the tests, and the system's where it is one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from venvstacks_rules.actions.commands import pack_interpreter
from venvstacks_rules.actions.interpreters import capture, relocation
from venvstacks_rules.actions.interpreters.probe import Installation, probe, real_executable
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.interpreters import FoundInterpreter, PackInterpreterRequest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="captures work on Linux")

SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1"}
EVERYTHING = """\
import bz2, ctypes, hashlib, json, lzma, sqlite3, ssl, sys, sysconfig, venv, zlib, zoneinfo
hashlib.sha256(b"x"); hashlib.new("sha3_256"); sqlite3.connect(":memory:")
print(json.dumps({
    "prefix": sys.prefix,
    "path": [p for p in sys.path if p],
    "purelib": sysconfig.get_path("purelib"),
    "files": [m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)],
    "maps": list({m.split()[-1] for m in open("/proc/self/maps") if "/" in m}),
}))
"""


Captured = tuple[Installation, FoundInterpreter, Path, Path]
"""An installation, what was found of it, its archive, and that archive unpacked."""


def find(executable: str) -> tuple[Installation, FoundInterpreter]:
    real = real_executable(executable)
    found = probe(real) if real is not None else None
    if found is None:
        pytest.skip(f"no CPython at {executable}")
    fingerprint = capture.fingerprint(capture.plan(found))
    return found, FoundInterpreter(found.executable, found.python_version, fingerprint)


def pack(found: FoundInterpreter, folder: Path) -> Path:
    """Capture into a new folder; returns the archive."""
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)
    try:
        result = pack_interpreter.run(to_json(PackInterpreterRequest(found, "python.tar.zst")))
    finally:
        os.chdir(before)
    archive = folder / "python.tar.zst"
    data = archive.read_bytes()
    assert result.path == "python.tar.zst"
    assert (result.size, result.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert list(folder.iterdir()) == [archive]
    return archive


def unpack(archive: Path, folder: Path) -> Path:
    reader = zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(archive.read_bytes()), read_across_frames=True
    )
    with tarfile.open(fileobj=io.BytesIO(reader.read())) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:
            tar.extractall(folder)
    return folder / "python"


@pytest.fixture(scope="module", params=["tests", "system"])
def captured(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Captured:
    executable = {"tests": sys.executable, "system": "/usr/bin/python3"}[request.param]
    installation, found = find(executable)
    folder = tmp_path_factory.mktemp("capture")
    archive = pack(found, folder / "packed")
    unpack(archive, folder / "unpacked")
    # Moved: nothing may remember where it was unpacked.
    return installation, found, archive, (folder / "unpacked/python").rename(folder / "moved tree")


def test_runs_from_anywhere_and_opens_nothing_of_the_original(captured: Captured) -> None:
    installation, _, _, tree = captured
    run = subprocess.run(
        [str(tree / "bin/python"), "-c", EVERYTHING],
        env=ENVIRONMENT,
        capture_output=True,
        check=True,
    )
    data = json.loads(run.stdout)
    version = ".".join(installation.python_version.split(".")[:2])
    assert data["prefix"] == str(tree)
    assert data["purelib"] == str(tree / f"lib/python{version}/site-packages")
    assert [p for p in data["path"] if not p.startswith(f"{tree}/")] == []
    assert [p for p in data["files"] if not p.startswith(f"{tree}/")] == []
    # The path has a space: the last word is what follows it.
    own = str(tree).rpartition(" ")[2]
    outside = [p for p in data["maps"] if not p.startswith((*SYSTEM, f"{own}/"))]
    assert outside == []
    assert not any("libpython" in p for p in data["maps"] if p.startswith(SYSTEM))


def test_packages_in_site_packages_are_found(captured: Captured, tmp_path: Path) -> None:
    installation, _, archive, _ = captured
    tree = unpack(archive, tmp_path)
    version = ".".join(installation.python_version.split(".")[:2])
    site_packages = tree / f"lib/python{version}/site-packages"
    site_packages.mkdir()
    (site_packages / "mine.py").write_text("")
    subprocess.run([str(tree / "bin/python3"), "-c", "import mine"], env=ENVIRONMENT, check=True)


def _target(path: Path) -> str | None:
    return os.readlink(path) if path.is_symlink() else None  # noqa: PTH115 - as a text


def test_layout(captured: Captured) -> None:
    installation, _, _, tree = captured
    version = ".".join(installation.python_version.split(".")[:2])
    assert sorted(p.name for p in tree.iterdir()) == ["bin", "include", "lib"]
    names = {path.name: _target(path) for path in (tree / "bin").iterdir()}
    python = f"python{version}"
    assert names == {"python": python, "python3": python, python: None}
    assert f'"{installation.python_version}' in (tree / f"include/{python}/patchlevel.h").read_text(
        encoding="utf-8"
    )
    library = tree / "lib" / python
    assert (library / "os.py").read_bytes() == Path(installation.stdlib, "os.py").read_bytes()
    for absent in ("test", "site-packages", "sitecustomize.py", "EXTERNALLY-MANAGED"):
        assert not (library / absent).exists(), absent
    assert list(library.glob("config-*")) == []
    assert list(tree.rglob("*.pyc")) == []
    assert list(tree.rglob("*.a")) == []


def test_no_text_names_the_machine(captured: Captured) -> None:
    installation, _, _, tree = captured
    variables = {}
    for path in tree.rglob("_sysconfigdata_*.py"):
        namespace: dict[str, dict[str, object]] = {}
        exec(path.read_text(encoding="utf-8"), namespace)
        variables = namespace["build_time_vars"]
    assert variables["MULTIARCH"]
    if installation.prefix == "/usr":
        return
    assert variables["prefix"] == "/install"
    assert variables["abs_srcdir"] == "/build"
    needle = installation.prefix.encode()
    guilty = [
        str(path)
        for path in tree.rglob("*")
        if path.is_file() and b"\0" not in path.read_bytes() and needle in path.read_bytes()
    ]
    assert guilty == []


def test_same_bytes_whoever_captures(captured: Captured, tmp_path: Path) -> None:
    _, found, archive, _ = captured
    work = tmp_path / "other"
    work.mkdir()
    (work / "request.json").write_text(to_json(PackInterpreterRequest(found, "o.tar.zst")))
    subprocess.run(
        [
            *("sh", "-c", 'umask 077; exec "$@"', "sh", sys.executable),
            *("-m", "venvstacks_rules.actions", "pack-interpreter"),
            *("--request", "request.json", "--result", "result.json"),
        ],
        cwd=work,
        env={
            "PYTHONPATH": str(Path(pack_interpreter.__file__).parents[3]),
            "TZ": "Asia/Tokyo",
            "LANG": "C",
            "HOME": "/nowhere",
            "PYTHONHASHSEED": "7",
        },
        check=True,
    )
    assert (work / "o.tar.zst").read_bytes() == archive.read_bytes()


def test_an_installation_that_changed_is_refused(captured: Captured) -> None:
    _, found, _, _ = captured
    stale = FoundInterpreter(found.executable, found.python_version, "sha256:0")
    with pytest.raises(InterpreterError) as caught:
        pack_interpreter.run(to_json(PackInterpreterRequest(stale, "x.tar.zst")))
    assert str(caught.value) == (
        f"CPython {found.python_version} (`{found.executable}`) cannot be captured\n"
        "  * the installation changed after it was found; start the build again"
    )


def patchelf(*arguments: str) -> str:
    command = [relocation.find_patchelf(), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture
def with_foreign_library(captured: Captured, tmp_path: Path) -> tuple[Path, Path, Path]:
    """An installation whose `_lzma` loads a library from a folder of its own."""
    _, _, archive, _ = captured
    tree = unpack(archive, tmp_path / "original")
    (module,) = (tree / "lib").glob("python3*/lib-dynload/_lzma*.so")
    maps = subprocess.run(
        [str(tree / "bin/python3"), "-c", "import _lzma; print(open('/proc/self/maps').read())"],
        env=ENVIRONMENT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    (library,) = {line.split()[-1] for line in maps.splitlines() if "liblzma" in line}
    foreign = tmp_path / "opt/xz/lib"
    foreign.mkdir(parents=True)
    name = "liblzma.so.5"
    (foreign / name).write_bytes(Path(library).read_bytes())
    patchelf("--set-rpath", str(foreign), str(module))
    return tree, module, foreign / name


def test_libraries_outside_the_system_come_along(
    with_foreign_library: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    tree, module, library = with_foreign_library
    _, found = find(str(tree / "bin/python3"))
    moved = unpack(pack(found, tmp_path / "packed"), tmp_path / "unpacked")
    library.unlink()
    assert (moved / "lib" / library.name).is_file()
    assert patchelf("--print-rpath", str(moved / module.relative_to(tree))) == "$ORIGIN/../.."
    code = (
        "import lzma; print([l.split()[-1] for l in open('/proc/self/maps') if 'liblzma' in l][0])"
    )
    run = subprocess.run(
        [str(moved / "bin/python3"), "-c", code],
        env=ENVIRONMENT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert Path(run.stdout.strip()).resolve() == moved / "lib" / library.name


def test_a_library_by_absolute_path_is_refused(
    with_foreign_library: tuple[Path, Path, Path],
) -> None:
    tree, module, library = with_foreign_library
    patchelf("--replace-needed", library.name, str(library), str(module))
    found = probe(os.path.realpath(tree / "bin/python3"))
    assert found is not None
    with pytest.raises(InterpreterError) as caught:
        capture.plan(found)
    assert str(caught.value) == (
        f"CPython {found.python_version} (`{found.executable}`) cannot be made relocatable; use "
        "another installation, or set `[venvstacks].python_provider` to `pbs`\n"
        f"  * `{module}` loads `{library}` by its absolute path, outside the system's folders"
    )


def small_installation(tmp_path: Path, **changes: str) -> Installation:
    stdlib = tmp_path / "lib/python3.9"
    stdlib.mkdir(parents=True)
    (stdlib / "site.py").write_text("")
    (stdlib / "real.py").write_text("")
    values = {
        "executable": "/bin/true",
        "python_version": "3.9.1",
        "prefix": str(tmp_path),
        "stdlib": str(stdlib),
        "include": str(tmp_path / "include/python3.9"),
        "platlibdir": "lib",
    }
    return Installation(**{**values, **changes})


def test_plan_of_links_and_headers(tmp_path: Path) -> None:
    found = small_installation(tmp_path, platlibdir="lib64")
    stdlib = Path(found.stdlib)
    (tmp_path / "elsewhere.py").write_text("")
    (stdlib / "sub").mkdir()
    (stdlib / "sub/inside.py").symlink_to(stdlib / "real.py")
    (stdlib / "outside.py").symlink_to(tmp_path / "elsewhere.py")
    (stdlib / "dangling.py").symlink_to("nothing.py")
    (stdlib / "loop.py").symlink_to("loop.py")
    header = tmp_path / "include/x86_64-linux-gnu/python3.9/pyconfig.h"
    header.parent.mkdir(parents=True)
    header.write_text("")
    files = {file.path: file for file in capture.plan(found).files}
    assert sorted(files) == [
        "bin/python",
        "bin/python3",
        "bin/python3.9",
        "include/python3.9/patchlevel.h",
        "include/x86_64-linux-gnu/python3.9/pyconfig.h",
        "lib/python3.9/outside.py",
        "lib/python3.9/real.py",
        "lib/python3.9/site.py",
        "lib/python3.9/sub/inside.py",
        "lib64",
    ]
    assert files["lib/python3.9/sub/inside.py"].link_target == "../real.py"
    assert files["lib/python3.9/outside.py"].source == str(tmp_path / "elsewhere.py")
    assert files["lib64"].link_target == "lib"
    assert files["include/python3.9/patchlevel.h"].text == '#define PY_VERSION "3.9.1"\n'


def test_a_linked_folder_outside_is_refused(tmp_path: Path) -> None:
    found = small_installation(tmp_path / "python")
    (tmp_path / "elsewhere").mkdir()
    (Path(found.stdlib) / "json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InterpreterError) as caught:
        capture.plan(found)
    assert str(caught.value) == (
        "CPython 3.9.1 (`/bin/true`) cannot be captured\n"
        f"  * `{found.stdlib}/json` of its standard library is a link to the folder "
        f"`{tmp_path}/elsewhere`; use another installation, or set "
        "`[venvstacks].python_provider` to `pbs`"
    )


def test_other_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(InterpreterError) as caught:
        capture.plan(small_installation(tmp_path))
    assert str(caught.value) == (
        "CPython 3.9.1 (`/bin/true`) cannot be captured\n"
        "  * capturing a local interpreter is not supported on `darwin` yet; set "
        "`[venvstacks].python_provider` to `pbs` or `archive`"
    )


def test_texts_name_constant_folders(tmp_path: Path) -> None:
    found = small_installation(tmp_path)
    variables = {
        "prefix": str(tmp_path),
        "LIBS": f"-L{tmp_path}/lib -L{tmp_path}.1/lib -L{tmp_path}-x",
        "abs_srcdir": "/tmp/build.1/Python",
        "SRC": "/tmp/build.1/Python/x",
        "N": 1,
    }
    expected = {
        "prefix": "/install",
        "LIBS": f"-L/install/lib -L{tmp_path}.1/lib -L{tmp_path}-x",
        "abs_srcdir": "/build",
        "SRC": "/build/x",
        "N": 1,
    }
    change = relocation.text_change("lib/python3.9/_sysconfigdata__linux_.py", found)
    assert change is not None
    namespace: dict[str, object] = {}
    exec(change(f"# comment\nbuild_time_vars = {variables!r}\n"), namespace)
    assert namespace["build_time_vars"] == expected
    change = relocation.text_change("lib/python3.14/_sysconfig_vars__linux_.json", found)
    assert change is not None
    assert json.loads(change(json.dumps(variables))) == expected
    assert relocation.text_change("lib/python3.9/os.py", found) is None
