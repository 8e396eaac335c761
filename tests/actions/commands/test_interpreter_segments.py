"""Archives in python-build-standalone's ``install_only`` layout, and hostile ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard

from tests.support.interpreter_archives import (
    HEADER,
    INSTALL_ONLY,
    MINIMAL,
    WINDOWS,
    entries,
    error,
    file,
    hard_link,
    other,
    run,
    symlink,
    tar,
)
from venvstacks_rules.actions.commands import pack_interpreter
from venvstacks_rules.actions.interpreters import capture, probe
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.interpreters import FoundInterpreter, PackInterpreterRequest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_kept() -> None:
    result = run(tar(INSTALL_ONLY))
    assert result.python_version == "3.11.13"
    expected = [
        ("bin/python", "python3.11"),
        ("bin/python3", "python3.11"),
        ("bin/python3.11", 0o755),
        ("include/python3.11/patchlevel.h", 0o644),
        ("lib/libpython3.11.so", "libpython3.11.so.1.0"),
        ("lib/libpython3.11.so.1.0", 0o755),
        ("lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile", 0o644),
        ("lib/python3.11/pip.py", 0o644),
        ("lib/python3.11/site-packages/README.txt", 0o644),
        ("lib/python3.11/site-packages/wheelhouse.py", 0o644),
        ("lib/python3.11/zipfile.py", 0o644),
        ("share/terminfo/climbing", "x"),
        ("share/terminfo/x/xterm", 0o644),
        ("share/terminfo/x/xterm-old", "xterm"),
    ]
    members = entries()
    assert [(m.name, m.linkname if m.issym() else m.mode) for m in members] == [
        (f"cpython-3.11@2/{path}", value) for path, value in expected
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {
        (0, 0, "", "", 315619200)
    }
    files = {item.path: item for item in result.segments[0].files}
    assert list(files) == [path for path, _ in expected]
    assert files["bin/python3.11"].sha256 == hashlib.sha256(b"ELF").hexdigest()
    assert files["bin/python3.11"].executable
    assert files["bin/python"].link_target == "python3.11"
    data = Path("s").read_bytes()
    assert result.segments[0].sha256 == hashlib.sha256(data).hexdigest()
    assert (result.segments[0].source, result.segments[0].path, result.segments[0].size) == (
        "interpreter",
        "s",
        len(data),
    )
    assert sorted(path.name for path in Path().iterdir()) == ["cpython.tar", "s"]


def test_what_is_stripped() -> None:
    more = (
        file("python/lib/python3.11/tkinter/__init__.py", "x"),
        file("python/lib/python3.11/lib-dynload/_tkinter.cpython-311-x86_64-linux-gnu.so", "ELF"),
        file("python/lib/tcl8.6/init.tcl", "x"),
        file("python/lib/libtcl8.6.so", "ELF"),
        symlink("python/lib/libtcl.so", "libtcl8.6.so"),
        symlink("python/lib/tcl8", "tcl8.6"),
    )
    whole = {file.path for file in run(tar([*INSTALL_ONLY, *more])).segments[0].files}
    made = run(tar([*INSTALL_ONLY, *more]), strip=("development", "tkinter"), to="t")
    assert made.python_version == "3.11.13"
    assert whole - {file.path for file in made.segments[0].files} == {
        "include/python3.11/patchlevel.h",
        "lib/libtcl.so",
        "lib/libtcl8.6.so",
        "lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile",
        "lib/python3.11/lib-dynload/_tkinter.cpython-311-x86_64-linux-gnu.so",
        "lib/python3.11/tkinter/__init__.py",
        "lib/tcl8",
        "lib/tcl8.6/init.tcl",
    }
    other_part = run(tar([*INSTALL_ONLY, *more]), strip=("idlelib",), to="u")
    assert {file.path for file in other_part.segments[0].files} == whole


def test_what_layers_for_windows_need_stays() -> None:
    bundled = "python/Lib/ensurepip/_bundled"
    more = (
        file("python/Lib/venv/__init__.py", "x"),
        file(f"{bundled}/pip-24.0-py3-none-any.whl", "x"),
        file(f"{bundled}/setuptools-65.5.0-py3-none-any.whl", "x"),
    )
    strip = ("development", "ensurepip", "tkinter", "venv")
    made = run(tar([*WINDOWS, *more]), os_name="nt", case_sensitive=False, strip=strip)
    assert [file.path for file in made.segments[0].files] == [
        "DLLs/_ssl.pyd",
        "DLLs/libssl-3.dll",
        "Lib/ensurepip/_bundled/pip-24.0-py3-none-any.whl",
        "Lib/os.py",
        "Lib/site-packages/README.txt",
        "Lib/venv/scripts/nt/python.exe",
        "Lib/venv/scripts/nt/pythonw.exe",
        "python.exe",
        "python311.dll",
        "pythonw.exe",
        "vcruntime140.dll",
        "vcruntime140_1.dll",
    ]


@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]),
        lzma.compress,
        lambda data: lzma.compress(data[:700]) + bytes(8) + lzma.compress(data[700:]),
        zstandard.compress,
        lambda data: zstandard.compress(data[:700]) + zstandard.compress(data[700:]),
    ],
)
def test_compressed_archives_by_content(compress: Callable[[bytes], bytes]) -> None:
    plain = run(tar(INSTALL_ONLY))
    packed = run(compress(tar(INSTALL_ONLY)), name="no-suffix", to="s2")
    assert packed.segments[0].sha256 == plain.segments[0].sha256


def test_the_order_of_members_does_not_matter() -> None:
    assert (
        run(tar(INSTALL_ONLY)).segments[0].sha256
        == run(tar(sorted(INSTALL_ONLY, key=lambda m: m[0].name)), to="s2").segments[0].sha256
    )


def test_a_dot_before_the_names() -> None:
    members = [file(f"./{m.name}", c.decode(), m.mode) for m, c in MINIMAL]
    run(tar([other("./", tarfile.DIRTYPE), *members]))
    assert [m.name for m in entries()] == [
        "cpython-3.11@2/bin/python",
        "cpython-3.11@2/bin/python3",
        "cpython-3.11@2/bin/python3.11",
        "cpython-3.11@2/include/python3.11/patchlevel.h",
    ]


def test_a_hard_link_to_what_is_left_out_becomes_a_copy() -> None:
    run(tar([*MINIMAL, file("python/bin/tool", "T"), hard_link("python/lib/t", "python/bin/tool")]))
    (member,) = [m for m in entries() if m.name.endswith("/lib/t")]
    assert member.isreg()
    assert member.size == 1


def test_the_link_to_the_empty_site_packages_stays() -> None:
    link = symlink("python/lib/python3.11/dist-packages", "site-packages")
    run(tar([*MINIMAL, link]))
    (member,) = [m for m in entries() if m.issym() and "lib" in m.name]
    assert member.linkname == "site-packages"


# --------------------------------------------------------------------------- what was announced
def test_hash_and_size_are_checked() -> None:
    data = tar(MINIMAL)
    digest = hashlib.sha256(data).hexdigest()
    assert error(data, sha256="0" * 64, size=7) == (
        "the interpreter archive `cpython.tar` is not the one that the lockfile pins; fetch it "
        "again, or renew the lockfile with `./pants generate-lockfiles`\n"
        f"  * size: expected 7 bytes, got {len(data)}\n"
        f"  * sha256: expected {'0' * 64}, got {digest}"
    )
    run(data, sha256=digest, size=len(data))


@pytest.mark.parametrize("version", ["3.11", "3.11.13"])
def test_versions_that_fit(version: str) -> None:
    assert run(tar(MINIMAL), version=version).python_version == "3.11.13"


@pytest.mark.parametrize("version", ["3.1", "3.12", "3.11.1", "3.11.14"])
def test_versions_that_do_not_fit(version: str) -> None:
    assert error(tar(MINIMAL), version=version) == (
        "the interpreter archive `cpython.tar` contains another Python version\n"
        f"  * the runtime declares {version}, the archive contains 3.11.13; change "
        "`python_implementation`, or the archive"
    )


@pytest.mark.parametrize(
    ("members", "count"),
    [
        (MINIMAL[:1], 0),
        ((*MINIMAL[:1], file("python/include/python3.11/patchlevel.h", "")), 0),
        ((*MINIMAL[:1], file("python/include/python3.12/patchlevel.h", HEADER)), 0),
        # No header has so much, and all of it is searched.
        (
            (
                *MINIMAL[:1],
                file("python/include/python3.11/patchlevel.h", f"{' ' * 70_000}\n{HEADER}"),
            ),
            0,
        ),
    ],
)
def test_no_version(members: Iterable[tuple[tarfile.TarInfo, bytes]], count: int) -> None:
    assert error(tar(members)) == (
        "the interpreter archive `cpython.tar` does not state its Python version\n"
        "  * expected one file `python/include/python3.Y/patchlevel.h` that defines PY_VERSION, "
        f"as in python-build-standalone's archives, found {count}"
    )


@pytest.mark.parametrize(
    "members", [MINIMAL[1:], (*MINIMAL[1:], file("python/bin/python3.11", "ELF", 0o644))]
)
def test_no_interpreter(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> None:
    assert error(tar(members)) == (
        "the interpreter archive `cpython.tar` has no interpreter\n"
        "  * expected an executable file `python/bin/python3.11`"
    )


# ------------------------------------------------------------------------------ hostile members
@pytest.mark.skipif(sys.platform != "linux", reason="captures work on Linux")
def test_a_captured_interpreter_runs_from_its_segment() -> None:
    executable = probe.real_executable(sys.executable)
    assert executable is not None
    found = probe.probe(executable)
    assert found is not None
    fingerprint = capture.fingerprint(capture.plan(found))
    packed = pack_interpreter.run(
        to_json(
            PackInterpreterRequest(
                FoundInterpreter(executable, found.python_version, fingerprint), "python.tar.zst"
            )
        )
    )
    result = run(
        Path("python.tar.zst").read_bytes(),
        version=found.python_version,
        sha256=packed.sha256,
        size=packed.size,
    )
    assert result.python_version == found.python_version
    # The interpreter or its library is large, and has a segment of its own.
    assert len(result.segments) > 1
    joined = b"".join(Path(segment.path).read_bytes() for segment in result.segments)
    data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(joined), read_across_frames=True)
    subprocess.run(["tar", "-xf", "-"], input=data.read() + bytes(1024), check=True)
    code = "import json, ssl, sys; print(json.dumps([sys.version.split()[0], sys.prefix]))"
    python = Path("cpython-3.11@2/bin/python").absolute()
    done = subprocess.run([str(python), "-c", code], env={}, capture_output=True, check=True)
    assert json.loads(done.stdout) == [found.python_version, str(python.parent.parent)]
