from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from venvstacks_rules.actions.commands import find_interpreter
from venvstacks_rules.actions.interpreters import capture, probe, search
from venvstacks_rules.actions.interpreters.capture import capture_of
from venvstacks_rules.actions.interpreters.probe import Installation
from venvstacks_rules.actions.interpreters.relocation import find_patchelf
from venvstacks_rules.model.errors import InterpreterError

Machine = Callable[[str, str], str]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="captures work on Linux")


def request(version: str, **fields: object) -> str:
    return json.dumps({"target": "//stacks:rt", "python_version": version, **fields})


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose interpreters are made by `add`; their version is what their file says."""
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(search, "FIXED_FOLDERS", (str(tmp_path / "usr/bin"),))
    monkeypatch.setattr(capture, "plan", lambda found: found)
    monkeypatch.setattr(capture, "fingerprint", lambda capture: f"of {capture.prefix}")

    def probe(executable: str) -> Installation | None:
        path = Path(executable)
        version, _, libc = path.read_bytes()[4:].decode().partition(" ")
        prefix = str(path.parent.parent)
        if not version:
            return None
        return Installation(executable, version, prefix, "", "", "lib", libc or None)

    monkeypatch.setattr(search, "probe", probe)

    def add(path: str, version: str) -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\x7fELF" + version.encode())
        file.chmod(0o755)
        return str(file)

    return add


def test_the_newest_patch_of_a_minor_version(machine: Machine) -> None:
    machine("home/.pyenv/versions/3.11.9/bin/python3.11", "3.11.9")
    newest = machine("home/.pyenv/versions/3.11.10/bin/python3.11", "3.11.10")
    machine("home/.pyenv/versions/3.12.1/bin/python3.12", "3.12.1")
    found = find_interpreter.run(request("3.11"))
    assert (found.executable, found.python_version) == (newest, "3.11.10")
    assert found.fingerprint == f"of {Path(newest).parent.parent}"


def test_an_exact_version_wins_over_a_newer_one(machine: Machine) -> None:
    exact = machine("home/.pyenv/versions/3.11.1/bin/python3.11", "3.11.1")
    machine("home/.pyenv/versions/3.11.10/bin/python3.11", "3.11.10")
    assert find_interpreter.run(request("3.11.1")).executable == exact


def test_a_free_threaded_build_is_taken_for_itself_only(machine: Machine) -> None:
    plain = machine("home/.pyenv/versions/3.14.0/bin/python3.14", "3.14.0")
    free = machine("home/.pyenv/versions/3.14.0t/bin/python3.14t", "3.14.0t")
    for version, expected in (("3.14", plain), ("3.14.0", plain), ("3.14t", free)):
        assert find_interpreter.run(request(version)).executable == expected
    found = find_interpreter.run(request("3.14.0t"))
    assert (found.executable, found.python_version) == (free, "3.14.0t")
    Path(free).unlink()
    with pytest.raises(InterpreterError) as caught:
        find_interpreter.run(request("3.14t"))
    assert str(caught.value).startswith(
        "//stacks:rt: no CPython 3.14t (free-threaded) was found on this machine\n"
    )
    assert caught.value.problems[1:] == (
        f"found 3.14.0 (`{plain}`)",
        "install it (for example `uv python install 3.14t` or `pyenv install 3.14t`), choose "
        "another `python_implementation`, or set `[venvstacks].python_provider` to `pbs` or "
        "`archive`",
    )


@pytest.mark.parametrize(
    ("host", "target", "other"),
    [("glibc", "musl@1.2", "musl"), ("musl", "glibc@2.28", "glibc")],
)
def test_an_interpreter_for_another_c_library_is_refused(
    machine: Machine, host: str, target: str, other: str
) -> None:
    python = machine("usr/bin/python3.11", f"3.11.9 {host}")
    assert find_interpreter.run(request("3.11", linux_target=host)).executable == python
    with pytest.raises(InterpreterError) as caught:
        find_interpreter.run(request("3.11", linux_target=target))
    assert caught.value.problems[1:] == (
        f"found 3.11.9 (`{python}`)",
        f"interpreters for {host} do not fit: `linux_target` is `{target}`; change that, or build "
        f"where {other} is the C library, or set `[venvstacks].python_provider` to `archive`",
    )


def test_one_that_only_compiles_may_have_any_c_library(machine: Machine, tmp_path: Path) -> None:
    musl = machine("home/.pyenv/versions/musl/bin/python3.11", "3.11.4 musl")
    found = find_interpreter.run(request("3.11", to_compile=True))
    assert (found.executable, found.python_version) == (musl, "3.11.4")
    assert found.fingerprint == hashlib.sha256(Path(musl).read_bytes()).hexdigest()
    with pytest.raises(InterpreterError) as caught:
        find_interpreter.run(request("3.12", to_compile=True))
    assert str(caught.value) == (
        "//stacks:rt: no CPython 3.12, which its byte code needs, was found on this machine\n"
        f"  * looked in `{tmp_path}/home/.local/share/uv/python/*/bin`, "
        f"`{tmp_path}/home/.pyenv/versions/*/bin`, `{tmp_path}/usr/bin`\n"
        f"  * found 3.11.4 (`{musl}`)\n"
        "  * install it (for example `uv python install 3.12` or `pyenv install 3.12`), add the "
        "platform of this machine to `platforms` of the runtime, or set `byte_code` to 'deployed'"
    )


def test_of_equal_versions_the_preferred_place(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/a:{tmp_path}/b")
    places = [
        "home/.local/share/uv/python/cpython-3.11.9-linux-x86_64-gnu/bin/python3.11",
        "home/.pyenv/versions/3.11.9/bin/python3.11",
        "a/python3",
        "b/python",
        "usr/bin/python3.11",
    ]
    files = [machine(place, "3.11.9") for place in places]
    chosen = []
    for file in files:
        chosen.append(find_interpreter.run(request("3.11")).executable)
        Path(file).unlink()
    assert chosen == files


def test_folders_that_variables_name(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYENV_ROOT", f"{tmp_path}/[pyenv]")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", f"{tmp_path}/uv")
    pyenv = machine("[pyenv]/versions/3.9.1/bin/python3.9", "3.9.1")
    uv = machine("uv/cpython-3.10.2/bin/python3", "3.10.2")
    assert find_interpreter.run(request("3.9")).executable == pyenv
    assert find_interpreter.run(request("3.10")).executable == uv


def test_shims_are_no_interpreters(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/shims")
    shim = Path(machine("shims/python3.11", "3.11.9"))
    shim.write_text("#!/bin/sh\nexec pyenv\n")
    with pytest.raises(InterpreterError, match="found no CPython 3 at all"):
        find_interpreter.run(request("3.11"))


def test_nothing_found(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/a:relative:{tmp_path}/usr/bin")
    old = machine("home/.pyenv/versions/3.9.18/bin/python3.9", "3.9.18")
    older = machine("a/python3", "3.8.1")
    with pytest.raises(InterpreterError) as caught:
        find_interpreter.run(request("3.12"))
    assert str(caught.value) == (
        "//stacks:rt: no CPython 3.12 was found on this machine\n"
        f"  * looked in `{tmp_path}/home/.local/share/uv/python/*/bin`, "
        f"`{tmp_path}/home/.pyenv/versions/*/bin`, `{tmp_path}/a`, `{tmp_path}/usr/bin`\n"
        f"  * found 3.8.1 (`{older}`), 3.9.18 (`{old}`)\n"
        "  * install it (for example `uv python install 3.12` or `pyenv install 3.12`), choose "
        "another `python_implementation`, or set `[venvstacks].python_provider` to `pbs` or "
        "`archive`"
    )


@pytest.mark.parametrize("version", ["3", "2.7", "3.11.x", "3.11.1.2", "t", "3.14tt", ""])
def test_a_wrong_version(version: str) -> None:
    with pytest.raises(InterpreterError) as caught:
        find_interpreter.run(request(version))
    assert str(caught.value) == (
        "//stacks:rt: wrong Python version\n"
        f"  * `{version}` is not `3.Y` or `3.Y.Z`, nor one of these with a `t`"
    )


# ------------------------------------------------------------- with the interpreter of the tests
def base_interpreter() -> str:
    executable = probe.real_executable(sys.executable)
    assert executable is not None
    return executable


def test_probe_agrees_with_the_running_interpreter() -> None:
    found = probe.probe(base_interpreter())
    assert found is not None
    assert found.python_version == "{}.{}.{}".format(*sys.version_info)
    assert found.libc == (platform.libc_ver()[0] or None)
    assert Path(found.prefix).samefile(sys.base_prefix)
    assert Path(found.stdlib, "os.py").samefile(os.__file__)


def says(folder: Path, **answers: object) -> str:
    """A program that answers the question for what it is as a CPython 3.14.0 would."""
    answer = {
        "implementation": "cpython",
        "release": True,
        "abiflags": "",
        "gil_disabled": False,
        "python_version": "3.14.0",
        "prefix": str(folder),
        "stdlib": "",
        "include": "",
        "platlibdir": "lib",
    }
    program = folder / "python3.14"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({**answer, **answers})}'\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("answers", "version"),
    [
        ({}, "3.14.0"),
        ({"gil_disabled": True, "abiflags": "t"}, "3.14.0t"),
        ({"abiflags": "d"}, None),
        ({"gil_disabled": True, "abiflags": "td"}, None),
        ({"release": False}, None),
        ({"implementation": "pypy"}, None),
    ],
)
def test_builds_with_another_abi(
    tmp_path: Path, answers: dict[str, object], version: str | None
) -> None:
    found = probe.probe(says(tmp_path, **answers))
    assert (found and found.python_version) == version


@linux_only
def test_the_c_library_of_a_program(tmp_path: Path) -> None:
    assert probe.libc_of(base_interpreter()) == platform.libc_ver()[0]
    assert probe.libc_of(__file__) is None
    assert probe.libc_of(str(tmp_path / "missing")) is None
    cut = tmp_path / "cut"
    cut.write_bytes(Path(base_interpreter()).read_bytes()[:70])
    assert probe.libc_of(str(cut)) is None


@linux_only
def test_the_c_library_of_a_program_for_musl(tmp_path: Path) -> None:
    program = tmp_path / "program"
    shutil.copyfile(base_interpreter(), program)
    loader = "/lib/ld-musl-x86_64.so.1"
    subprocess.run([find_patchelf(), "--set-interpreter", loader, str(program)], check=True)
    assert probe.libc_of(str(program)) == "musl"


@pytest.mark.skipif(shutil.which("musl-gcc") is None, reason="needs a compiler for musl")
def test_the_c_library_of_what_is_compiled_for_musl(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }")
    program = str(tmp_path / "program")
    subprocess.run(["musl-gcc", "-o", program, str(tmp_path / "main.c")], check=True)
    assert probe.libc_of(program) == "musl"


@pytest.mark.parametrize("option", ["--symlinks", "--copies"])
def test_a_virtual_environment_leads_to_its_base(tmp_path: Path, option: str) -> None:
    subprocess.run(
        [base_interpreter(), "-m", "venv", "--without-pip", option, str(tmp_path / "env")],
        check=True,
    )
    python = str(tmp_path / "env/bin/python3")
    assert probe.real_executable(python) == base_interpreter()


def test_what_does_not_run_is_no_interpreter(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    shutil.copyfile("/bin/true", broken)
    broken.chmod(0o755)
    assert probe.real_executable(str(broken)) == str(broken)
    assert probe.probe(str(broken)) is None


@linux_only
def test_the_interpreter_of_the_tests_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.setattr(search, "FIXED_FOLDERS", ())
    version = "{}.{}.{}".format(*sys.version_info)
    found = find_interpreter.run(request(version))
    assert (found.executable, found.python_version) == (base_interpreter(), version)
    assert found == find_interpreter.run(request(version))


@linux_only
def test_the_fingerprint_covers_names_modes_and_contents(tmp_path: Path) -> None:
    found = probe.probe(base_interpreter())
    assert found is not None
    stdlib = tmp_path / "lib/python3.9"
    stdlib.mkdir(parents=True)
    for name in ("os.py", "site.py"):
        (stdlib / name).write_text("1\n")
    copy = Installation(found.executable, "3.9.1", str(tmp_path), str(stdlib), "/nowhere", "lib")

    def fingerprint() -> str:
        return capture.fingerprint(capture.plan(copy))

    seen = [fingerprint()]
    (stdlib / "os.py").write_text("2\n")
    seen.append(fingerprint())
    (stdlib / "os.py").chmod(0o755)
    seen.append(fingerprint())
    (stdlib / "os.py").rename(stdlib / "os2.py")
    seen.append(fingerprint())
    assert len(set(seen)) == 4
    # What is not taken does not count.
    (stdlib / "site-packages").mkdir()
    (stdlib / "site-packages/x.py").write_text("")
    (stdlib / "__pycache__").mkdir()
    (stdlib / "__pycache__/os.pyc").write_text("")
    (stdlib / "sitecustomize.py").write_text("")
    assert fingerprint() == seen[-1]


@linux_only
def test_a_library_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    lost = Installation(sys.executable, "3.9.1", str(tmp_path), str(tmp_path / "lib"), "", "lib")
    with pytest.raises(InterpreterError) as caught:
        capture_of(lost)
    assert str(caught.value) == (
        f"CPython 3.9.1 (`{sys.executable}`) cannot be captured\n"
        f"  * `{tmp_path}/lib` cannot be read: No such file or directory; use another installation"
    )
