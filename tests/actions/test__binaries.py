"""What is read in binaries of three formats, compared with what LLVM's tools and readelf read."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.elf import shared_library
from venvstacks_rules.actions._binaries import HEAD, binary_format, read_binaries
from venvstacks_rules.model.binaries import Binary

VECTORS = Path(__file__).parent.parent / "vectors" / "binaries"
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
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", readelf(path, "-V"))
    newest = max(((int(major), int(minor)) for major, minor in versions), default=None)
    assert found.minimum == (None if newest is None else f"{newest[0]}.{newest[1]}")


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs binutils")
def test_libraries_of_this_machine_are_read_as_readelf_reads_them(tmp_path: Path) -> None:
    folders = [Path(sys.base_prefix, "lib"), *Path("/usr/lib").glob("*-linux-gnu")]
    paths = sorted(path for folder in folders for path in folder.rglob("*.so*"))
    paths = [path for path in paths if path.is_file() and not path.is_symlink()][:150]
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
    ("needed", "problem"),
    [
        ("libx\n.so", "not readable as ELF: a name in it is none of a file"),
        ("l" * 5000, "not readable as ELF: a name in it is none of a file"),
    ],
)
def test_names_that_are_none(tmp_path: Path, needed: str, problem: str) -> None:
    library = shared_library(tmp_path / "libx.so", soname=needed)
    path = shared_library(tmp_path / "y.so", needs=[library])
    (found,) = read(path.read_bytes(), tmp_path)
    assert found.problem == problem
