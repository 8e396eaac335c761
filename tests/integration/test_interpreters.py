"""Interpreters from python-build-standalone's mirror, from targets, and from this machine."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import tomli
import zstandard
from pbs_installer import PythonVersion
from pbs_installer import _versions as table_module

from tests.support import pbs_archives
from tests.support.build_root import REPOSITORY, BuildRoot
from tests.support.http_server import FileServer, serve
from tests.support.interpreters import CapturedInterpreter, capture
from tests.support.outputs import native_platform, unpack
from tests.support.reader import Reader
from tests.support.shared_roots import shared_root

# What every release of CPython 3.9 has.
PLATFORMS = {name: key for name, key in pbs_archives.PLATFORMS.items() if name != "win_arm64"}
Table = dict[str, tuple[str, str]]
"""URL and hash of an archive, by platform."""

APPLICATION = """\
venvstacks_application(name="tell", launch_module="tell.py", runtime=":runtime")
"""
TELL = """\
import ctypes, lzma, sqlite3, ssl, sys
print("CPython", ".".join(map(str, sys.version_info[:3])), *sys.argv[1:])
"""
# Reads and imports what a relocated interpreter could look for at the place it came from.
IMPORTS = """\
import ctypes, ctypes.util, lzma, sqlite3, ssl, sys, sysconfig, encodings.idna, zoneinfo
ssl.create_default_context()
sqlite3.connect(":memory:").execute("select 1").fetchone()
lzma.decompress(lzma.compress(b"x"))
ctypes.CDLL(None)
sysconfig.get_config_vars()
print(sys.prefix)
"""
SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/etc/", "/usr/share/", "/proc/", "/dev/")


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> CapturedInterpreter:
    return capture("3.9", tmp_path_factory.mktemp("captured"))


@pytest.fixture(scope="module")
def table(captured: CapturedInterpreter) -> Table:
    """URL and hash of the archive for each platform, in the table of pbs-installer."""
    versions = table_module.PYTHON_VERSIONS
    major, minor, micro = (int(part) for part in captured.python_version.split("."))
    release = PythonVersion("cpython", major, minor, micro, False)
    if release not in versions:
        pytest.skip(f"python-build-standalone never had CPython {captured.python_version}")
    found = {}
    for name, key in PLATFORMS.items():
        url, sha256 = versions[release][key]
        assert sha256 is not None
        found[name] = (url, sha256)
    return found


@pytest.fixture(scope="module")
def served(captured: CapturedInterpreter, table: Table) -> dict[str, bytes]:
    """What lies at the mirror: our archive for this platform, something of another size else."""
    files = {}
    for number, (name, (url, _)) in enumerate(table.items(), start=1):
        path = urlsplit(url).path.partition("/releases/download")[2]
        content = captured.archive if name == native_platform() else b"x" * number
        files[f"/mirror/pbs{path}"] = content
    files["/cpython.tar.gz"] = captured.archive
    return files


@pytest.fixture(scope="module")
def server(served: dict[str, bytes]) -> Iterator[FileServer]:
    with serve(served) as server:
        yield server


def runtime(version: str, more: str = "") -> str:
    return (
        f'venvstacks_runtime(name="runtime", python_implementation="cpython@{version}",\n'
        f"    platforms={list(PLATFORMS)!r}, {more})\n"
    )


@pytest.fixture(scope="module")
def local() -> Iterator[BuildRoot]:
    with shared_root() as root:
        yield root


@pytest.fixture(scope="module")
def pbs(local: BuildRoot, captured: CapturedInterpreter, server: FileServer) -> BuildRoot:
    """The same with another provider."""
    options = {
        "PANTS_VENVSTACKS_PYTHON_PROVIDER": "pbs",
        "PANTS_VENVSTACKS_PYTHON_MIRROR": f"{server.url}/mirror/pbs/",
    }
    root = replace(local, environment={**local.environment, **options})
    root.write("app/BUILD", runtime(captured.python_version) + APPLICATION)
    root.write("app/tell.py", TELL)
    root.succeed("generate-lockfiles")
    return root


LOCKFILE = "app/requirements/runtime/pylock.runtime.toml"


def test_the_lock_pins_the_archive_of_each_platform(
    pbs: BuildRoot, table: Table, served: dict[str, bytes], server: FileServer
) -> None:
    pinned = tomli.loads(pbs.read(LOCKFILE))["tool"]["venvstacks-rules"]["interpreters"]
    assert {pin["platform"]: (pin["url"], pin["sha256"]) for pin in pinned} == table
    sizes = {pin["platform"]: pin["size"] for pin in pinned}
    paths = dict(zip(PLATFORMS, served))
    assert sizes == {name: len(served[path]) for name, path in paths.items()}
    assert sorted(server.requests) == sorted(("HEAD", path) for path in paths.values())


def test_locking_again_asks_the_mirror_for_nothing(pbs: BuildRoot, server: FileServer) -> None:
    before, asked = pbs.read(LOCKFILE), len(server.requests)
    pbs.succeed("generate-lockfiles")
    assert pbs.read(LOCKFILE) == before
    assert server.requests[asked:] == []


def refusal(table: Table, captured: CapturedInterpreter, server: FileServer) -> str:
    """What is said of our archive, which is not the one of the table."""
    url, sha256 = table[native_platform()]
    ours = hashlib.sha256(captured.archive).hexdigest()
    path = urlsplit(url).path.partition("/releases/download")[2]
    size = len(captured.archive)
    return (
        "LockError: A file cannot be fetched as a lockfile pins it:\n"
        f"  * app:runtime: {server.url}/mirror/pbs{path}: Wrong digest for downloaded file: "
        f"want Digest {{ hash: Fingerprint<{sha256}>, size_bytes: {size} }} "
        f"got Digest {{ hash: Fingerprint<{ours}>, size_bytes: {size} }}\n"
        "    Check the network and the index or mirror, or renew the lockfile with "
        "`pants generate-lockfiles --resolve=app:runtime`."
    )


def test_the_build_pins_the_interpreter_where_another_tool_wrote_the_lock(
    pbs: BuildRoot, table: Table, captured: CapturedInterpreter, server: FileServer
) -> None:
    lock, asked = pbs.read(LOCKFILE), len(server.requests)
    foreign, table_of_ours, _ = lock.partition("[tool.venvstacks-rules")
    assert table_of_ours
    pbs.write(LOCKFILE, foreign)
    refused = pbs.pants("package", "app:runtime")
    pbs.write(LOCKFILE, lock)
    assert refused.code == 1
    assert refused.error == refusal(table, captured, server)
    assert [method for method, _ in server.requests[asked:]] == ["HEAD", "GET"]


def test_an_archive_with_another_hash_is_refused_then_one_with_the_right_runs(
    pbs: BuildRoot,
    table: Table,
    captured: CapturedInterpreter,
    server: FileServer,
) -> None:
    refused = pbs.pants("package", "app:runtime")
    assert refused.code == 1
    assert refused.error == refusal(table, captured, server)

    sha256 = table[native_platform()][1]
    ours = hashlib.sha256(captured.archive).hexdigest()
    lock = pbs.read(LOCKFILE)
    assert lock.count(sha256) == 1
    pbs.write(LOCKFILE, lock.replace(sha256, ours))
    pbs.succeed("package", "app:")
    metadata = json.loads(pbs.read(f"dist/app/{native_platform()}/runtime.json"))
    assert metadata["python_implementation"] == f"cpython@{captured.python_version}"
    done = pbs.succeed("run", "app:tell", "--", "from", "pbs")
    assert done.stdout == f"CPython {captured.python_version} from pbs\n"


@pytest.mark.slow
def test_archives_of_targets(
    captured: CapturedInterpreter, server: FileServer, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(captured.archive).hexdigest()
    native = native_platform()
    local = f"python_archives={{{native!r}: ':cpython'}}"
    remote = f"python_archives={{{native!r}: ':remote'}}"
    targets = f"""\
file(name="cpython", source="cpython.tar.gz")
file(
    name="remote",
    source=http_source(
        "{server.url}/cpython.tar.gz", len={len(captured.archive)}, sha256="{sha256}"
    ),
)
"""
    options = {"PANTS_VENVSTACKS_PYTHON_PROVIDER": "archive"}
    with shared_root(environment=options) as root:
        for folder, archives in (("local", local), ("remote", remote)):
            build = runtime(captured.python_version, archives) + APPLICATION + targets
            root.write(f"{folder}/BUILD", build)
            root.write(f"{folder}/tell.py", TELL)
            root.write(f"{folder}/cpython.tar.gz", captured.archive)
        root.succeed("generate-lockfiles")
        root.succeed("package", "local:runtime", "remote:runtime")
        folders = [root.path / "dist" / name / native for name in ("local", "remote")]
        first, second = ((folder / "runtime.tar.zst").read_bytes() for folder in folders)
        assert first == second
        done = root.succeed("run", "remote:tell", "--", "from", "http")
        assert done.stdout == f"CPython {captured.python_version} from http\n"

        # As the page has it, in the format that it names.
        page = REPOSITORY / "docs/how-to/interpreters.md"
        tar = gzip.decompress(captured.archive)
        packed = zstandard.ZstdCompressor(3).compress(tar)
        root.write("interpreters/cpython-3.9-linux-x86_64.tar.zst", packed)
        places = {"cpython@3.9.18": f"cpython@{captured.python_version}"}
        assert len(Reader.of(root, tmp_path / "programs", places).follow(page)) == 2


def test_a_version_that_is_not_installed_is_a_message_with_what_is(
    local: BuildRoot, captured: CapturedInterpreter
) -> None:
    local.write("missing/BUILD", runtime("3.9.99"))
    local.succeed("generate-lockfiles", "--resolve=missing:runtime")
    done = local.pants("package", "missing:runtime")
    assert done.code == 1
    lines = [re.sub(r"\A\s*[-*] ", "", line.strip()) for line in done.error.splitlines()]
    assert (
        lines[0] == "VenvstacksError: missing:runtime: no CPython 3.9.99 was found on this machine"
    )
    assert f"{captured.python_version} (`" in lines[2]
    assert lines[3] == (
        "install it (for example `uv python install 3.9.99` or `pyenv install 3.9.99`), choose "
        "another `python_implementation`, or set `[venvstacks].python_provider` to `pbs` or "
        "`archive`"
    )
    assert len(lines) == 4


@pytest.fixture(scope="module")
def moved(local: BuildRoot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A runtime layer that was unpacked, moved, and has lost everything that it was made from."""
    local.write("moved/BUILD", runtime("3.9"))
    local.succeed("generate-lockfiles", "--resolve=moved:runtime")
    local.succeed("package", "moved:runtime")
    folder = tmp_path_factory.mktemp("moved")
    unpack(local.path / "dist" / "moved" / native_platform() / "runtime.tar.zst", folder / "first")
    shutil.move(str(folder / "first"), folder / "sec ond")
    yield folder / "sec ond" / "runtime"
    shutil.rmtree(folder)


def test_a_moved_interpreter_imports_its_libraries(moved: Path) -> None:
    done = _run(moved, [])
    assert (done.returncode, done.stdout) == (0, f"{moved}\n"), done.stderr


def test_a_moved_interpreter_opens_nothing_outside(moved: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not on PATH")
    trace = tmp_path / "trace"
    tracer = ["strace", "-f", "-qq", "-e", "trace=open,openat,execve", "-o", str(trace)]
    done = _run(moved, tracer)
    assert (done.returncode, done.stdout) == (0, f"{moved}\n"), done.stderr
    succeeded = re.findall(r'\b(?:open|openat|execve)\([^"]*"([^"]+)".* = \d+$',
                           trace.read_text(), re.MULTILINE)  # fmt: skip
    opened = {os.path.normpath(path) for path in succeeded}
    assert any(path.startswith(f"{moved}/lib/python3.9/") for path in opened)
    outside = {path for path in opened if not path.startswith(f"{moved}/")}
    foreign = {path for path in outside if not path.startswith(SYSTEM) or "python" in path}
    assert foreign == set()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_moved_interpreter_maps_only_its_own_and_the_systems_libraries(moved: Path) -> None:
    code = IMPORTS + "print(open('/proc/self/maps').read())\n"
    done = _run(moved, [], code)
    assert done.returncode == 0, done.stderr
    mapped = set(re.findall(r"\s(/.*)$", done.stdout.partition("\n")[2], re.MULTILINE))
    own = {path for path in mapped if path.startswith(f"{moved}/")}
    assert any("_ssl" in path for path in own)
    foreign = {p for p in mapped - own if not p.startswith(SYSTEM) or "python" in p}
    assert foreign == set()


def _run(folder: Path, prefix: list[str], code: str = IMPORTS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, str(folder / "bin" / "python3.9"), "-I", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath},
        cwd="/",
    )
