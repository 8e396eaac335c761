"""What is read in binaries of three formats, compared with what LLVM's tools and readelf read."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pefile
import pytest

from tests.support.elf import shared_library
from venvstacks_rules.actions.binaries.facts import Limited, UnreadableError
from venvstacks_rules.actions.binaries.read import HEAD, binary_format, read_binaries
from venvstacks_rules.model.libraries.binaries import Binary

VECTORS = Path(__file__).parents[2] / "vectors" / "binaries"
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((VECTORS / "expected.json").read_text())


def read(content: bytes, folder: Path) -> list[Binary]:
    found = binary_format(content[:HEAD])
    return [] if found is None else read_binaries("x", found, [content], str(folder))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_what_is_read_is_what_llvm_reads(name: str, tmp_path: Path) -> None:
    found = read((VECTORS / name).read_bytes(), tmp_path)
    assert [each.problem for each in found] == [None] * len(found)
    for binary, expected in zip(found, EXPECTED[name]):
        facts = {
            **vars(binary),
            "needed": sorted(binary.needed),
            "optional": list(binary.optional),
            "run_paths": list(binary.run_paths),
        }
        assert {key: facts[key] for key in expected} == expected
    assert len(found) == len(EXPECTED[name])


def readelf(path: Path, option: str) -> str:
    return subprocess.run(
        ["readelf", "-W", option, str(path)], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def compared_with_readelf(path: Path, found: Binary) -> None:
    dynamic = readelf(path, "-d")
    assert list(found.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert found.name == next(iter(re.findall(r"\(SONAME\).*\[(.*)\]", dynamic)), None)
    # Of those that it needs: glibc's own libraries also define some.
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+).*  Version: ", readelf(path, "-V"))
    newest = max(((int(major), int(minor)) for major, minor in versions), default=None)
    assert found.minimum == (None if newest is None else f"{newest[0]}.{newest[1]}")


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs binutils")
def test_libraries_of_this_machine_are_read_as_readelf_reads_them(tmp_path: Path) -> None:
    folders = [Path(sys.base_prefix, "lib"), *Path("/usr/lib").glob("*-linux-gnu")]
    paths = sorted(path for folder in folders for path in folder.rglob("*.so*"))
    paths = [path for path in paths if path.is_file() and not path.is_symlink()]
    # Neighbors are alike.
    paths = paths[:: len(paths) // 50 + 1]
    compared = 0
    for path in paths:
        for found in read(path.read_bytes(), tmp_path):
            compared_with_readelf(path, found)
            compared += 1
    assert compared > 20


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs binutils")
@pytest.mark.parametrize("inherited", [False, True])
def test_run_paths(tmp_path: Path, inherited: bool) -> None:
    run_path = "$ORIGIN/../lib:/opt/lib:${ORIGIN}"
    path = shared_library(tmp_path / "x.so", run_path=run_path, inherited=inherited)
    (found,) = read(path.read_bytes(), tmp_path)
    assert found.run_paths == ("$ORIGIN/../lib", "/opt/lib", "${ORIGIN}")
    assert found.inherited is inherited
    assert f"({'RPATH' if inherited else 'RUNPATH'})" in readelf(path, "-d")


@pytest.mark.parametrize(
    ("options", "soname", "kind"),
    [
        (["-pie", "-fPIE"], None, "program"),
        (["-no-pie"], None, "program"),
        # As the C library's own: it can be started, and linked to.
        (["-shared", "-fPIC"], "libx.so.1", "library"),
    ],
)
def test_programs_are_told_from_libraries(
    tmp_path: Path, options: list[str], soname: str | None, kind: str
) -> None:
    path = shared_library(tmp_path / "x", "-shared", soname=soname)
    if soname is None:
        source = tmp_path / "main.c"
        source.write_text("int main(void) { return 0; }")
        subprocess.run(["gcc", *options, "-o", str(path), str(source)], check=True)
    (found,) = read(path.read_bytes(), tmp_path)
    assert found.kind == kind


def test_object_files_are_none(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int x;")
    subprocess.run(["gcc", "-c", "x.c"], cwd=tmp_path, check=True)
    content = (tmp_path / "x.o").read_bytes()
    assert content.startswith(b"\x7fELF")
    assert read(content, tmp_path) == []


def test_section_headers_are_not_needed(tmp_path: Path) -> None:
    path = shared_library(
        tmp_path / "x.so",
        soname="libx.so.1",
        source='#include <stdio.h>\nvoid f(void) { puts("x"); }',
    )
    (whole,) = read(path.read_bytes(), tmp_path)
    content = bytearray(path.read_bytes())
    content[40:48] = b"\xff" * 8  # e_shoff of 64 bits
    (stripped,) = read(bytes(content), tmp_path)
    assert whole.minimum is not None
    assert (stripped.name, stripped.needed) == (whole.name, whole.needed)
    assert (stripped.minimum, stripped.problem) == (whole.minimum, None)


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs binutils")
@pytest.mark.parametrize("options", [["-g"], ["-g", "-gz=zlib"], ["-g0"], ["-g", "-s"]])
def test_sections_for_debuggers(tmp_path: Path, options: list[str]) -> None:
    path = shared_library(tmp_path / "x.so", *options)
    (found,) = read(path.read_bytes(), tmp_path)
    lines = re.findall(r"^ +\[ *\d+\] (\.z?debug_.*)$", readelf(path, "-S"), re.MULTILINE)
    assert found.debug_size == sum(int(line.split()[4], 16) for line in lines)
    assert (found.debug_size > 0) is (options in (["-g"], ["-g", "-gz=zlib"]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (40, b"\xff" * 8),  # e_shoff
        (60, b"\xff\xff"),  # e_shnum
        (60, b"\x00\x00"),
        (62, b"\xfe\xff"),  # e_shstrndx
        (62, b"\x00\x00"),
    ],
)
def test_damaged_section_headers_count_as_none(tmp_path: Path, place: int, value: bytes) -> None:
    path = shared_library(tmp_path / "x.so", "-g", soname="libx.so.1")
    content = bytearray(path.read_bytes())
    content[place : place + len(value)] = value
    (found,) = read(bytes(content), tmp_path)
    assert (found.name, found.debug_size, found.problem) == ("libx.so.1", 0, None)


def test_sections_that_claim_more_than_the_file_has(tmp_path: Path) -> None:
    content = bytearray(shared_library(tmp_path / "x.so", "-g").read_bytes())
    table = int.from_bytes(content[40:48], "little")
    for at in range(table, len(content) - 63, 64):
        content[at + 32 : at + 40] = b"\xff" * 7 + b"\x00"
    (found,) = read(bytes(content), tmp_path)
    assert 0 <= found.debug_size <= len(content)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_whatever_is_damaged_ends_nothing(name: str, tmp_path: Path) -> None:
    random.seed(name)
    content = (VECTORS / name).read_bytes()
    # Where the tables are.
    interesting = [i for i, byte in enumerate(content) if byte] or [0]
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(random.randint(1, 12)):
            damaged[random.choice(interesting)] = random.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))
        if random.random() < 0.2:
            del damaged[random.randrange(len(damaged)) :]
        for found in read(bytes(damaged), tmp_path):
            assert found.problem is None or found.problem.startswith("not readable as ")
    assert list(tmp_path.iterdir()) == []


def test_tables_without_end_are_given_up(tmp_path: Path) -> None:
    content = bytearray((VECTORS / "linux_x86_64/libtones.so").read_bytes())
    # The dynamic section, made one entry that is repeated, behind all the rest.
    headers = [64 + 56 * n for n in range(int.from_bytes(content[56:58], "little"))]
    (dynamic,) = [at for at in headers if content[at : at + 4] == b"\x02\0\0\0"]
    content[dynamic + 8 : dynamic + 16] = len(content).to_bytes(8, "little")
    content += (b"\x01" + b"\0" * 15) * 3_000_000
    (found,) = read(bytes(content), tmp_path)
    assert found.problem is not None


@pytest.mark.parametrize(
    ("header", "machine"),
    [
        (struct.pack("<4s12B2HI3II6H", b"\x7fELF", 1, 1, 1, *bytes(9), 3, 62, 1, *bytes(4),
                     52, 32, 0, 40, 0, 0), "x86_64, 32 bits, little endian"),
        (struct.pack(">4s12B2HI3QI6H", b"\x7fELF", 2, 2, 1, *bytes(9), 3, 183, 1, *bytes(4),
                     64, 56, 0, 64, 0, 0), "aarch64, 64 bits, big endian"),
        (struct.pack("<4s12B2HI3QI6H", b"\x7fELF", 2, 1, 1, *bytes(9), 3, 183, 1, *bytes(4),
                     64, 56, 0, 64, 0, 0), "aarch64"),
    ],
    ids=["x32", "big endian", "its own"],
)  # fmt: skip
def test_another_abi_is_another_machine(tmp_path: Path, header: bytes, machine: str) -> None:
    (found,) = read(header, tmp_path)
    assert (found.machine, found.problem) == (machine, None)


def test_overlapping_sections_are_given_up(tmp_path: Path) -> None:
    count, megabyte = 40, 1024 * 1024
    sections = b"".join(
        struct.pack("<16s16sQQ8I", b"", b"", 0, megabyte, *bytes(8)) for _ in range(count)
    )
    segment = struct.pack(
        "<2I16s4Q4I", 0x19, 72 + len(sections), b"", *bytes(4), *bytes(2), count, 0
    )
    header = struct.pack("<8I", 0xFEEDFACF, 0x0100000C, 0, 6, 1, len(segment + sections), 0, 0)
    content = (header + segment + sections).ljust(megabyte, b"\0")
    (found,) = read(content, tmp_path)
    assert found.problem == "not readable as Mach-O: its tables are too large"


def test_small_reads_count() -> None:
    limited = Limited(io.BytesIO(bytes(100)), 10 * 128)
    for _ in range(10):
        limited.seek(0)
        assert limited.read(1) == b"\0"
    with pytest.raises(UnreadableError, match="its tables are too large"):
        limited.read(1)


def with_imports(count: int, name: bytes) -> bytes:
    """A library for Windows whose table of imports is another one, in the middle of nowhere."""
    content = (VECTORS / "win_amd64/play.pyd").read_bytes().ljust(1024 * 1024, b"\0")
    header = content.index(b"PE\0\0")
    # Of the optional header of 64 bits, the second directory.
    directory = header + 24 + 112 + 8
    at = len(content)
    table = struct.pack("<5I", 0, 0, 0, at, 1) * count + bytes(20)
    start = struct.pack("<2I", at + 64, len(table))
    return content[:directory] + start + content[directory + 8 :] + name.ljust(64, b"\0") + table


def test_imports_are_counted_before_they_are_kept(tmp_path: Path) -> None:
    (found,) = read(with_imports(3, b"x.dll"), tmp_path)
    assert found.needed == ("x.dll",) * 3
    content = with_imports(20_000, b"x.dll")
    tracemalloc.start()
    (found,) = read(content, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.problem == "not readable as PE: it needs too many libraries"
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (b"\xe4.dll", "damaged (UnicodeDecodeError)"),
        (b"a\n.dll", "it contains an invalid file name"),
        (b"", "it contains an invalid file name"),
    ],
)
def test_names_of_imports_that_are_none(tmp_path: Path, name: bytes, problem: str) -> None:
    (found,) = read(with_imports(1, name), tmp_path)
    assert found.problem == f"not readable as PE: {problem}"


def test_delayed_imports_of_old_linkers(tmp_path: Path) -> None:
    content = bytearray((VECTORS / "win_amd64/late.pyd").read_bytes())
    (found,) = read(bytes(content), tmp_path)
    assert found.optional
    base = 0x10000000
    header = content.index(b"PE\0\0")
    struct.pack_into("<H", content, header + 4, 0x14C)
    struct.pack_into("<Q", content, header + 24 + 24, base)
    pe = pefile.PE(data=bytes(content), fast_load=True)
    at = pe.get_offset_from_rva(pe.OPTIONAL_HEADER.DATA_DIRECTORY[13].VirtualAddress)
    (name,) = struct.unpack_from("<I", content, at + 4)
    struct.pack_into("<2I", content, at, 0, name + base)
    (old,) = read(bytes(content), tmp_path)
    assert (old.machine, old.optional, old.problem) == ("win32", found.optional, None)


@pytest.mark.parametrize(
    ("needed", "problem"),
    [
        ("libx\n.so", "not readable as ELF: it contains an invalid file name"),
        ("l" * 5000, "not readable as ELF: it contains an invalid file name"),
    ],
)
def test_names_that_are_none(tmp_path: Path, needed: str, problem: str) -> None:
    library = shared_library(tmp_path / "libx.so", soname=needed)
    path = shared_library(tmp_path / "y.so", needs=[library])
    (found,) = read(path.read_bytes(), tmp_path)
    assert found.problem == problem
