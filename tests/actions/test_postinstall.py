"""``postinstall.py`` as it is used: copied into a layer and run by an interpreter."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.layer_archives import FULL_VERSION, SITE, VERSION
from venvstacks_rules.actions import postinstall

RUN = [sys.executable, "-I"]


def make_layer(folder: Path, sources: dict[str, str] | None = None, **changes: Any) -> Path:
    layer = folder / "app-a"
    (layer / SITE).mkdir(parents=True)
    metadata = layer / "share/venv/metadata"
    metadata.mkdir(parents=True)
    data = {
        "python": "bin/python",
        "py_version": FULL_VERSION,
        "base_python": f"../rt/bin/python{VERSION}",
        "site_dir": SITE,
        "pylib_dirs": [f"../framework-b/{SITE}", f"../rt/{SITE}"],
        "dynlib_dirs": [],
        **changes,
    }
    (metadata / "venvstacks_layer.json").write_text(json.dumps(data))
    shutil.copy(postinstall.__file__, layer / "postinstall.py")
    for name, text in (sources or {}).items():
        path = layer / SITE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return layer


def install(layer: Path, *args: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    command = [*RUN, str(layer / "postinstall.py"), *args]
    return subprocess.run(command, capture_output=True, text=True, **kwargs)


def snapshot(layer: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(layer)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in layer.rglob("*")
        if path.is_file()
    }


def test_configuration_is_written(tmp_path: Path) -> None:
    layer = make_layer(tmp_path)
    done = install(layer)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (layer / "pyvenv.cfg").read_text() == (
        f"home = {tmp_path}/rt/bin\n"
        "include-system-site-packages = false\n"
        f"version = {FULL_VERSION}\n"
        f"executable = {tmp_path}/rt/bin/python{VERSION}\n"
    )


@pytest.mark.parametrize("place", ["environment", "layer", "working directory"])
def test_modules_of_the_caller_are_not_imported(tmp_path: Path, place: str) -> None:
    layer = make_layer(tmp_path / "layers", {"a.py": "x = 1"})
    folder = layer if place == "layer" else tmp_path / "theirs"
    folder.mkdir(exist_ok=True)
    for name in ("argparse", "json", "sitecustomize", "subprocess"):
        (folder / f"{name}.py").write_text("raise SystemExit('theirs')")
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    if place == "environment":
        # Python itself imports this one before it gives us the control.
        (folder / "sitecustomize.py").unlink()
        env["PYTHONPATH"] = str(folder)
    done = subprocess.run(
        [sys.executable, str(layer / "postinstall.py"), "--deployed-in=/opt/a b"],
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (layer / "pyvenv.cfg").read_text().startswith("home = /opt/a b/rt/bin\n")
    assert [path.name.split(".")[0] for path in (layer / SITE / "__pycache__").iterdir()] == ["a"]


def test_a_runtime_needs_no_configuration(tmp_path: Path) -> None:
    layer = make_layer(tmp_path, python="bin/p", base_python="bin/p", pylib_dirs=[])
    assert install(layer).returncode == 0
    assert not (layer / "pyvenv.cfg").exists()


WINDOWS: dict[str, Any] = {
    "python": "Scripts/python.exe",
    "base_python": "../rt/python.exe",
    "site_dir": "Lib/site-packages",
    "pylib_dirs": ["../framework-b/Lib/site-packages", "../rt/Lib/site-packages"],
    "dynlib_dirs": ["../framework-b/Library/bin", "../rt/Library/bin"],
}


def make_windows_layer(folder: Path, version: str, launchers: dict[str, bytes]) -> Path:
    """A layer for Windows, beside a runtime with these launchers."""
    scripts = folder / "rt/Lib/venv/scripts/nt"
    scripts.mkdir(parents=True)
    for name, content in launchers.items():
        (scripts / name).write_bytes(content)
    layer = make_layer(folder, py_version=version, **WINDOWS)
    (layer / "lib").rename(layer / "Lib")
    (layer / "Lib/site-packages").mkdir()
    (layer / "Lib/site-packages/mod.py").write_text("x = 1\n")
    return layer


# As in `venv` of CPython 3.12, of 3.13 and of its free-threaded build.
@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("3.12.9", ("python.exe", "pythonw.exe")),
        ("3.13.0", ("venvlauncher.exe", "venvwlauncher.exe")),
        ("3.14.0t", ("venvlaunchert.exe", "venvwlaunchert.exe")),
    ],
)
def test_a_layer_for_windows_has_the_launchers_of_its_runtime(
    tmp_path: Path, version: str, names: tuple[str, str]
) -> None:
    others = {"python.exe": b"x", "venvlauncher.exe": b"y", "venvlaunchert.exe": b"z"}
    layer = make_windows_layer(tmp_path, version, {**others, names[0]: b"MZ1", names[1]: b"MZ2"})
    done = install(layer)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    scripts = {path.name: path.read_bytes() for path in (layer / "Scripts").iterdir()}
    assert scripts == {"python.exe": b"MZ1", "pythonw.exe": b"MZ2"}
    assert (layer / "pyvenv.cfg").read_text() == (
        f"home = {tmp_path}/rt\n"
        "include-system-site-packages = false\n"
        f"version = {version.rstrip('t')}\n"
        f"executable = {tmp_path}/rt/python.exe\n"
    )
    compiled = sorted(path.name.partition(".")[0] for path in layer.rglob("*.pyc"))
    assert compiled == ["mod"]
    before = snapshot(layer)
    assert install(layer).returncode == 0
    assert snapshot(layer) == before


def test_a_runtime_without_launchers_is_an_error(tmp_path: Path) -> None:
    layer = make_windows_layer(tmp_path, "3.13.1", {"python.exe": b"MZ", "pythonw.exe": b"MZ"})
    done = install(layer)
    folder = tmp_path / "rt/Lib/venv/scripts/nt"
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {layer}: the runtime lacks launchers of Python 3.13.1: deploy all of it first; "
        f"missing: {folder}/venvlauncher.exe, {folder}/venvwlauncher.exe\n",
    )
    assert not (layer / "pyvenv.cfg").exists()


@pytest.mark.parametrize(("option", "flags"), [(None, 0b11), ("--unchecked-hash", 0b01)])
def test_byte_code_is_hash_based_and_what_python_would_compile(
    tmp_path: Path, option: str | None, flags: int
) -> None:
    layer = make_layer(tmp_path, {"pkg/mod.py": "def f(x):\n    return [x, 'é']\n"})
    assert install(layer, *([option] if option else [])).returncode == 0
    source = layer / SITE / "pkg/mod.py"
    golden = py_compile.compile(
        str(source),
        cfile=str(tmp_path / "golden.pyc"),
        dfile=f"app-a/{SITE}/pkg/mod.py",
        doraise=True,
        optimize=0,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        if option
        else py_compile.PycInvalidationMode.CHECKED_HASH,
    )
    cached = Path(importlib.util.cache_from_source(str(source), optimization=""))
    assert cached.read_bytes()[:16] == Path(str(golden)).read_bytes()[:16]
    assert cached.read_bytes()[4] == flags
    assert cached.stat().st_mode & 0o777 == 0o644


def test_running_again_changes_no_file(tmp_path: Path) -> None:
    layer = make_layer(tmp_path, {f"m{n}.py": f"x = {n}" for n in range(250)})
    install(layer)
    before = snapshot(layer)
    assert sum(name.endswith(".pyc") for name in before) == 250
    assert install(layer).returncode == 0
    assert snapshot(layer) == before


def test_an_edited_source_and_time_based_byte_code_are_compiled_anew(tmp_path: Path) -> None:
    layer = make_layer(tmp_path, {"a.py": "x = 1", "b.py": "x = 1"})
    source, other = layer / SITE / "a.py", layer / SITE / "b.py"
    install(layer)
    source.write_text("x = 2")
    py_compile.compile(
        str(other), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP, doraise=True
    )
    install(layer)
    for path in (source, other):
        data = Path(importlib.util.cache_from_source(str(path), optimization="")).read_bytes()
        assert data[4:16] == b"\3\0\0\0" + importlib.util.source_hash(path.read_bytes())


def test_files_that_do_not_compile_are_passed_over_in_silence(tmp_path: Path) -> None:
    broken = {
        "template.py": "{% if name %}",
        "old.py": "print 'python 2'",
        "nul.py": "a\0b",
        "coding.py": "# coding: no-such-codec\n",
        "warns.py": "x = '\\d'; assert (1, 'always true')\n",
    }
    layer = make_layer(tmp_path, {**broken, "good.py": "x = 1"})
    done = install(layer)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = {path.name.split(".")[0] for path in (layer / SITE / "__pycache__").iterdir()}
    assert names == {"good", "warns"}


def test_no_compile_and_no_config(tmp_path: Path) -> None:
    chain = "_venvstacks_chain_0123"
    layer = make_layer(tmp_path, {"a.py": "x = 1", f"{chain}.py": "x = 1"})
    assert install(layer, "--no-compile", "--no-config").returncode == 0
    assert sorted(path.name for path in (layer / SITE).iterdir()) == [f"{chain}.py", "a.py"]
    install(layer, "--no-compile")
    # It is imported at every start.
    compiled = list((layer / SITE / "__pycache__").iterdir())
    assert [path.name.split(".")[0] for path in compiled] == [chain]
    assert (layer / "pyvenv.cfg").exists()
    before = snapshot(layer)
    install(layer, "--no-config", "--unchecked-hash")
    install(layer, "--no-compile", "--unchecked-hash")
    assert compiled[0].read_bytes()[4] == 0b01
    assert snapshot(layer).keys() - before.keys() == {
        f"{SITE}/__pycache__/{Path(importlib.util.cache_from_source('a.py')).name}"
    }


@pytest.mark.parametrize("left", [0, 3, 16, 20, -1], ids=lambda left: f"{left} bytes")
def test_byte_code_that_was_cut_is_made_again(tmp_path: Path, left: int) -> None:
    layer = make_layer(tmp_path, {"a.py": "def f(): return {1, 2}, 'x'"})
    install(layer)
    (cached,) = (layer / SITE / "__pycache__").iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(whole[:left])
    install(layer)
    assert cached.read_bytes() == whole


def test_layers_can_be_prepared_for_another_place(tmp_path: Path) -> None:
    layer = make_layer(tmp_path)
    install(layer, "--deployed-in=/opt/its place")
    assert (layer / "pyvenv.cfg").read_text().startswith("home = /opt/its place/rt/bin\n")


def test_byte_code_does_not_depend_on_place_environment_or_umask(tmp_path: Path) -> None:
    contents = []
    for number, umask in ((1, "000"), (2, "077")):
        layer = make_layer(tmp_path / str(number), {"a.py": "def f(): return {1, 2}, 'x'"})
        env = {**os.environ, "TZ": f"UTC{number}", "PYTHONPYCACHEPREFIX": str(tmp_path / "p")}
        script = f'umask {umask}; exec "$0" "$1"'
        command = ["sh", "-c", script, sys.executable, str(layer / "postinstall.py")]
        subprocess.run(command, check=True, env=env)
        (cached,) = (layer / SITE / "__pycache__").glob("a.*.pyc")
        contents.append((cached.name, cached.read_bytes(), cached.stat().st_mode))
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    "popen",
    [
        "def popen(*args, **kwargs): raise BlockingIOError(11, 'no more processes')",
        "def popen(command, **kwargs): return real(['/bin/false'], **kwargs)",
        "def popen(command, **kwargs): return real(['/bin/echo', 'chatter'], **kwargs)",
    ],
)
def test_all_is_compiled_where_other_processes_cannot_start_or_die(
    tmp_path: Path, popen: str
) -> None:
    layer = make_layer(tmp_path, {f"m{n}.py": f"x = {n}" for n in range(250)})
    code = (
        "import os, runpy, subprocess, sys\n"
        "os.sched_getaffinity = lambda pid: range(3)\n"
        f"real = subprocess.Popen\n{popen}\nsubprocess.Popen = popen\n"
        "runpy.run_path(sys.argv.pop(1), run_name='__main__')\n"
    )
    script = str(layer / "postinstall.py")
    done = subprocess.run([*RUN, "-c", code, script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((layer / SITE / "__pycache__").iterdir())) == 250


def test_a_place_for_byte_code_that_is_read_only_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layer = make_layer(tmp_path, {"a.py": "x = 1", "b.py": "x = 1"})

    def refuse(path: str, data: bytes) -> None:
        raise OSError(errno.EROFS, "Read-only file system", path)

    monkeypatch.setattr(postinstall, "_write", refuse)
    postinstall.compile_library(str(layer), 3)
    expected = f"note: {layer}: no leave to write the byte code of 2 files\n"
    assert capsys.readouterr().err == expected


LEAVES = "leaves the folder that holds the layers"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"base_python": "../../rt/python"}, f"base_python: `../../rt/python` {LEAVES}"),
        ({"python": "/usr/bin/python"}, f"python: `/usr/bin/python` {LEAVES}"),
        ({"site_dir": "../other/lib"}, "site_dir: `../other/lib` leaves the layer"),
        (
            {"pylib_dirs": ["../a/../../b"], "dynlib_dirs": "x"},
            f"pylib_dirs: `../a/../../b` {LEAVES}; dynlib_dirs: expected a list of strings",
        ),
        ({"py_version": 3}, "py_version: expected a string"),
    ],
)
def test_paths_that_leave_are_refused(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    layer = make_layer(tmp_path, **changes)
    done = install(layer)
    assert done.returncode == 1
    expected = f"error: {layer}: share/venv/metadata/venvstacks_layer.json: {problem}\n"
    assert done.stderr == expected
    assert not (layer / "pyvenv.cfg").exists()


def test_distribute_gives_every_share_about_the_same() -> None:
    files = [(size, f"f{size}") for size in (90_000, 10_000, 50_000, 40_000, 30_000)]
    shares = postinstall.distribute(files, 2)
    sizes = [sum(int(name[1:]) for name in share) for share in shares]
    assert sorted(sizes) == [100_000, 120_000]
    assert sorted(name for share in shares for name in share) == sorted(name for _, name in files)
