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
from pathlib import Path

import pytest
import zstandard

from venvstacks_rules.actions import (
    _interpreter_archive,
    _interpreter_probe,
    _interpreter_tree,
    interpreter_segment,
    pack_interpreter,
)
from venvstacks_rules.model.action_io import (
    Compression,
    FoundInterpreter,
    InterpreterSegmentRequest,
    PackInterpreterRequest,
    to_json,
)
from venvstacks_rules.model.errors import InterpreterError

HEADER = '#define PY_MAJOR_VERSION\t3\n#define PY_VERSION      \t"3.11.13"\n#define X 1\n'


def file(name: str, text: str = "", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(text.encode())
    member.mode = mode
    member.mtime = 1_700_000_000
    member.uid = member.gid = 1000
    member.uname = "someone"
    return member, text.encode()


def other(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member, b""


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.SYMTYPE, target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.LNKTYPE, target)


MINIMAL = (
    file("python/bin/python3.11", "ELF", 0o755),
    file("python/include/python3.11/patchlevel.h", HEADER),
)

INSTALL_ONLY = (
    other("python", tarfile.DIRTYPE),
    file("python/lib/python3.11/zipfile.py", "zip"),
    file("python/bin/python3.11", "ELF", 0o700),
    symlink("python/bin/python3", "python3.11"),
    file("python/bin/pip3", "#!", 0o755),
    file("python/bin/2to3-3.11", "#!", 0o755),
    symlink("python/bin/2to3", "2to3-3.11"),
    file("python/bin/python3.11-config", "#!", 0o755),
    symlink("python/bin/python3-config", "python3.11-config"),
    file("python/include/python3.11/patchlevel.h", HEADER),
    file("python/lib/libpython3.11.a", "!<arch>"),
    file("python/lib/libpython3.11.so.1.0", "ELF", 0o755),
    symlink("python/lib/libpython3.11.so", "libpython3.11.so.1.0"),
    file("python/lib/python3.11/EXTERNALLY-MANAGED", "[externally-managed]"),
    file("python/lib/python3.11/__pycache__/zipfile.cpython-311.pyc", "x"),
    file("python/lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile", "all:"),
    file("python/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a", "!<arch>"),
    file("python/lib/python3.11/old.pyc", "x"),
    file("python/lib/python3.11/pip.py", "not the installer"),
    file("python/lib/python3.11/sitecustomize.py", "x"),
    file("python/lib/python3.11/site-packages/README.txt", "x"),
    file("python/lib/python3.11/site-packages/_distutils_hack/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/distutils-precedence.pth", "x"),
    file("python/lib/python3.11/site-packages/pip/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/pip-24.0.dist-info/RECORD", "x"),
    file("python/lib/python3.11/site-packages/pkg_resources/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/setuptools/__init__.py", "x"),
    file("python/lib/python3.11/site-packages/setuptools-65.5.0.dist-info/RECORD", "x"),
    file("python/lib/python3.11/site-packages/sitecustomize.py", "x"),
    file("python/lib/python3.11/site-packages/wheel-0.40.dist-info/RECORD", "x"),
    file("python/lib/python3.11/site-packages/wheelhouse.py", "stays"),
    other("python/share/empty", tarfile.DIRTYPE),
    file("python/share/terminfo/x/xterm", "terminal"),
    hard_link("python/share/terminfo/x/xterm-old", "python/share/terminfo/x/xterm"),
    symlink("python/share/terminfo/climbing", "../../share/./terminfo/../terminfo/x"),
    symlink("python/share/dangling", "nothing"),
)


def tar(members) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(data: bytes, *, name="cpython.tar", version="3.11.13", sha256=None, size=None, to="s"):
    Path(name).write_bytes(data)
    request = InterpreterSegmentRequest(
        archive=name,
        sha256=sha256,
        size=size,
        python_version=version,
        install_target="cpython-3.11@2",
        compression=Compression("tar.zst", 3),
        output=to,
    )
    return interpreter_segment.run(to_json(request))


def entries(path="s") -> list[tarfile.TarInfo]:
    data = zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(Path(path).read_bytes()), read_across_frames=True
    )
    with tarfile.open(fileobj=io.BytesIO(data.read() + bytes(1024))) as archive:
        return archive.getmembers()


def error(data: bytes, **options) -> str:
    with pytest.raises(InterpreterError) as caught:
        run(data, **options)
    assert not Path("s").exists()
    return str(caught.value)


def test_what_is_kept():
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
        (0, 0, "", "", 315532800)
    }
    files = {item.path: item for item in result.segment.files}
    assert list(files) == [path for path, _ in expected]
    assert files["bin/python3.11"].sha256 == hashlib.sha256(b"ELF").hexdigest()
    assert files["bin/python3.11"].executable
    assert files["bin/python"].link_target == "python3.11"
    data = Path("s").read_bytes()
    assert result.segment.sha256 == hashlib.sha256(data).hexdigest()
    assert (result.segment.source, result.segment.path, result.segment.size) == (
        "interpreter",
        "s",
        len(data),
    )
    assert sorted(path.name for path in Path().iterdir()) == ["cpython.tar", "s"]


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
def test_compressed_archives_by_content(compress):
    plain = run(tar(INSTALL_ONLY))
    packed = run(compress(tar(INSTALL_ONLY)), name="no-suffix", to="s2")
    assert packed.segment.sha256 == plain.segment.sha256


def test_the_order_of_members_does_not_matter():
    assert (
        run(tar(INSTALL_ONLY)).segment.sha256
        == run(tar(sorted(INSTALL_ONLY, key=lambda m: m[0].name)), to="s2").segment.sha256
    )


def test_a_dot_before_the_names():
    members = [file(f"./{m.name}", c.decode(), m.mode) for m, c in MINIMAL]
    run(tar([other("./", tarfile.DIRTYPE), *members]))
    assert [m.name for m in entries()] == [
        "cpython-3.11@2/bin/python",
        "cpython-3.11@2/bin/python3",
        "cpython-3.11@2/bin/python3.11",
        "cpython-3.11@2/include/python3.11/patchlevel.h",
    ]


def test_a_hard_link_to_what_is_left_out_becomes_a_copy():
    run(tar([*MINIMAL, file("python/bin/tool", "T"), hard_link("python/lib/t", "python/bin/tool")]))
    (member,) = [m for m in entries() if m.name.endswith("/lib/t")]
    assert member.isreg()
    assert member.size == 1


def test_the_link_to_the_empty_site_packages_stays():
    link = symlink("python/lib/python3.11/dist-packages", "site-packages")
    run(tar([*MINIMAL, link]))
    (member,) = [m for m in entries() if m.issym() and "lib" in m.name]
    assert member.linkname == "site-packages"


# --------------------------------------------------------------------------- what was announced
def test_hash_and_size_are_checked():
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
def test_versions_that_fit(version):
    assert run(tar(MINIMAL), version=version).python_version == "3.11.13"


@pytest.mark.parametrize("version", ["3.1", "3.12", "3.11.1", "3.11.14"])
def test_versions_that_do_not_fit(version):
    assert error(tar(MINIMAL), version=version) == (
        "the interpreter archive `cpython.tar` holds another Python version\n"
        f"  * the runtime declares {version}, the archive holds 3.11.13; change "
        "`python_implementation`, or the archive"
    )


@pytest.mark.parametrize(
    ("members", "count"),
    [
        (MINIMAL[:1], 0),
        ((*MINIMAL[:1], file("python/include/python3.11/patchlevel.h", "")), 0),
        ((*MINIMAL[:1], file("python/include/python3.12/patchlevel.h", HEADER)), 0),
    ],
)
def test_no_version(members, count):
    assert error(tar(members)) == (
        "the interpreter archive `cpython.tar` does not say its Python version\n"
        "  * expected one file `python/include/python3.Y/patchlevel.h` that defines PY_VERSION, "
        f"as in python-build-standalone's archives, found {count}"
    )


@pytest.mark.parametrize(
    "members", [MINIMAL[1:], (*MINIMAL[1:], file("python/bin/python3.11", "ELF", 0o644))]
)
def test_no_interpreter(members):
    assert error(tar(members)) == (
        "the interpreter archive `cpython.tar` has no interpreter\n"
        "  * expected an executable file `python/bin/python3.11`"
    )


# ------------------------------------------------------------------------------ hostile members
BELOW = "lies below `python/bin/python3.11`, which is no folder"


@pytest.mark.parametrize(
    ("members", "problems"),
    [
        ([file("/etc/passwd")], ["`/etc/passwd` is an absolute path"]),
        ([file("python/../../x")], ["`python/../../x` has a `..`"]),
        ([file("python/a\\b")], ["`python/a\\b` has a backslash"]),
        ([file("python/a\x1b[2J")], ["`python/a\x1b[2J` has a character that cannot be printed"]),
        ([file("other/x")], ["`other/x` lies outside the folder `python/`"]),
        ([file("pythonx")], ["`pythonx` lies outside the folder `python/`"]),
        ([file("python")], ["`python` is not a folder"]),
        ([file("python/bin/python3.11")], ["`python/bin/python3.11` is there twice"]),
        (
            [symlink("python/bin//./python3.11", "x")],
            ["`python/bin//./python3.11` is there twice"],
        ),
        (
            [symlink("python/l", "/etc/passwd")],
            ["`python/l` links to `/etc/passwd`, which is an absolute path"],
        ),
        (
            [symlink("python/l", "bin/../../../etc")],
            ["`python/l` links to `bin/../../../etc`, which leaves the archive's folder"],
        ),
        (
            [symlink("python/l", "..")],
            ["`python/l` links to `..`, which leaves the archive's folder"],
        ),
        ([symlink("python/l", "a\\b")], ["`python/l` links to `a\\b`, which has a backslash"]),
        (
            [hard_link("python/l", "/etc/passwd")],
            ["`python/l` is a hard link to `/etc/passwd`, which is no file before it"],
        ),
        (
            [hard_link("python/l", "python/../../x")],
            ["`python/l` is a hard link to `python/../../x`, which is no file before it"],
        ),
        (
            [other("python/f", tarfile.FIFOTYPE), other("python/d", tarfile.CHRTYPE)],
            [
                "`python/f` is neither a file, a folder nor a link",
                "`python/d` is neither a file, a folder nor a link",
            ],
        ),
        (
            [symlink("python/up", "lib"), file("python/up/x")],
            ["`python/up/x` lies below `python/up`, which is no folder"],
        ),
        ([file("python/bin/python3.11/x")], [f"`python/bin/python3.11/x` {BELOW}"]),
        (
            [other("python/bin/python3.11", tarfile.DIRTYPE)],
            ["`python/bin/python3.11` is a folder and a file or link at once"],
        ),
    ],
)  # fmt: skip
def test_hostile_members(members, problems):
    assert error(tar([*MINIMAL, *members])) == "\n".join(
        ["the interpreter archive `cpython.tar` is refused", *(f"  * {p}" for p in problems)]
    )


def test_a_link_through_a_link_cannot_leave():
    # `e` is `x/d/../..` through `d -> ..`: lexically inside, outside for the kernel.
    run(
        tar(
            [
                *MINIMAL,
                file("python/x/y/file"),
                symlink("python/x/y/d", "../.."),
                symlink("python/e", "x/y/d/../.."),
            ]
        )
    )
    targets = {m.name.partition("/")[2]: m.linkname for m in entries() if m.issym()}
    assert targets["x/y/d"] == "../.."
    assert targets["e"] == "x"


def test_a_loop_of_links_is_left_out():
    run(tar([*MINIMAL, symlink("python/a", "b"), symlink("python/b", "a")]))
    assert len(entries()) == 4


def test_many_problems_are_counted():
    message = error(tar([*MINIMAL, *(file(f"x{i:02}") for i in range(25))]))
    lines = message.splitlines()
    assert len(lines) == 22
    assert lines[-2:] == ["  * `x19` lies outside the folder `python/`", "  * and 5 more"]


# ---------------------------------------------------------------------------------------- damage
def damaged(reason: str) -> str:
    return f"the interpreter archive `cpython.tar` is damaged\n  * {reason}"


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_truncated(compress):
    data = compress(tar(INSTALL_ONLY))
    assert error(data[:-20]) == damaged("it ends in the middle of the compressed data")


def test_truncated_tar():
    data = tar(MINIMAL)
    end = data.rstrip(b"\0")
    cut = data[: -(-len(end) // 512) * 512]
    assert error(cut) == damaged("the end of the tar archive is missing")
    assert error(zstandard.compress(cut)) == damaged("the end of the tar archive is missing")


def test_a_broken_header_does_not_end_the_archive():
    data = bytearray(tar([*MINIMAL, *(file(f"python/{i}", "x" * 5000) for i in range(300))]))
    data[2048 : 2048 + 100] = b"\xff" * 100
    assert error(bytes(data)) == damaged("it has data behind the end of the tar archive")


def test_not_an_archive():
    assert error(b"<html>" * 1000) == damaged("invalid header")


def test_wrong_checksum():
    data = bytearray(gzip.compress(tar(MINIMAL)))
    data[-8] ^= 1
    assert error(bytes(data)) == damaged(
        "it cannot be decompressed: Error -3 while decompressing data: incorrect data check"
    )


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstandard.compress])
def test_absurd_growth(compress, monkeypatch):
    monkeypatch.setattr(_interpreter_archive, "MIN_LIMIT", 1_000_000)
    bomb = compress(tar([*MINIMAL, file("python/zeros", "\0" * 5_000_000)]))
    assert len(bomb) * _interpreter_archive.MAX_GROWTH < 1_000_000
    assert error(bomb) == damaged(
        "it grows beyond 1000000 bytes, which no interpreter of its size does"
    )


def test_too_many_members(monkeypatch):
    monkeypatch.setattr(_interpreter_archive, "MAX_MEMBERS", 3)
    members = [*MINIMAL, file("python/1"), file("python/2")]
    assert error(tar(members)) == damaged("it has more than 3 members")


def test_a_sparse_file_is_refused(folder):
    hole = folder / "python/hole"
    hole.parent.mkdir()
    with hole.open("wb") as stream:
        stream.truncate(10_000_000)
        stream.seek(0, io.SEEK_END)
        stream.write(b"x")
    subprocess.run(["tar", "-cSf", "sparse.tar", "python/hole"], check=True)
    assert error(Path("sparse.tar").read_bytes()) == (
        "the interpreter archive `cpython.tar` is refused\n"
        "  * `python/hole` is neither a file, a folder nor a link"
    )


# ---------------------------------------------------------------------------- a real interpreter
@pytest.mark.skipif(sys.platform != "linux", reason="captures work on Linux")
def test_a_captured_interpreter_runs_from_its_segment():
    executable = _interpreter_probe.real_executable(sys.executable)
    assert executable is not None
    found = _interpreter_probe.probe(executable)
    assert found is not None
    fingerprint = _interpreter_tree.fingerprint(_interpreter_tree.plan(found))
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
    data = zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(Path("s").read_bytes()), read_across_frames=True
    )
    subprocess.run(["tar", "-xf", "-"], input=data.read() + bytes(1024), check=True)
    code = "import json, ssl, sys; print(json.dumps([sys.version.split()[0], sys.prefix]))"
    python = Path("cpython-3.11@2/bin/python").absolute()
    done = subprocess.run([str(python), "-c", code], env={}, capture_output=True, check=True)
    assert json.loads(done.stdout) == [found.python_version, str(python.parent.parent)]
