"""Loading as it is played through, compared with the loader of this machine."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.elf import shared_library
from venvstacks_rules.actions.binaries.read import read_binaries
from venvstacks_rules.model.libraries.binaries import ELF, MACHO, Binary
from venvstacks_rules.model.libraries.loaders import (
    DyldLoader,
    ElfLoader,
    LayerFiles,
    Loaded,
    Loader,
)

DYNLIB = "share/venv/dynlib"


def binary(path: str, *needed: str, **facts: object) -> Binary:
    return Binary(path, "", ELF, needed=needed, **facts)  # type: ignore[arg-type]


def missed(
    *binaries: Binary, loader: Loader | None = None, named: tuple[Binary, ...] = ()
) -> list[str]:
    """What is looked up by its name while the first is loaded; `named` are found so."""
    loader = loader or ElfLoader()
    files = LayerFiles(
        loader,
        {each.path: each for each in (*binaries, *named)},
        {loader.plain_name(each.name or ""): each for each in named},
        DYNLIB,
    )
    root = Loaded(binaries[0], binaries[0].path.rpartition("/")[0])
    return [need.asked for need in files.load(root).needs]


# --------------------------------------------------------------------------------- this machine's
FOLDERS = ("a", "b", "c/d")
RUN_PATHS = (
    None,
    "$ORIGIN",
    "${ORIGIN}/../a",
    "$ORIGIN/../b:$ORIGIN",
    "$ORIGIN/../../b",
    "/nowhere",
)


def make_libraries(folder: Path, chance: random.Random) -> dict[str, Path]:
    names = [f"lib{letter}.so" for letter in "pqrstu"]
    places = {name: folder / chance.choice(FOLDERS) / name for name in names}
    stubs = [
        shared_library(folder / "stubs" / name, "-nostdlib", soname=name, source="int x;")
        for name in names
    ]
    for name, place in places.items():
        others = [stub for stub in stubs if stub.name != name]
        shared_library(
            place,
            "-nostdlib",
            source="int x;",
            soname=chance.choice((name, name, None)),
            needs=chance.sample(others, chance.randint(0, 3)),
            run_path=chance.choice(RUN_PATHS),
            inherited=chance.random() < 0.5,
        )
    return places


def not_found(path: Path, libraries: Path | None = None) -> set[str]:
    """What the loader of this machine does not find."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    if libraries is not None:
        environment["LD_LIBRARY_PATH"] = str(libraries)
    done = subprocess.run(
        ["ldd", str(path)], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    return set(re.findall(r"^\t(\S+) => not found", done.stdout, re.MULTILINE))


@pytest.mark.skipif(sys.platform != "linux", reason="asks the loader of Linux")
@pytest.mark.parametrize("seed", range(12))
def test_what_the_loader_of_this_machine_misses(tmp_path: Path, seed: int) -> None:
    places = make_libraries(tmp_path, random.Random(seed))
    by_path = {}
    for place in places.values():
        path = str(place.relative_to(tmp_path))
        (by_path[path],) = read_binaries(path, ELF, [place.read_bytes()], str(tmp_path))
    files = LayerFiles(ElfLoader(), by_path, {}, DYNLIB)
    for path, found in by_path.items():
        loaded = files.load(Loaded(found, path.rpartition("/")[0]))
        assert {need.asked for need in loaded.needs} == not_found(tmp_path / path), path


@pytest.mark.skipif(sys.platform != "linux", reason="asks the loader of Linux")
def test_the_origin_of_what_is_found_through_a_link_is_that_of_the_link(tmp_path: Path) -> None:
    inner = shared_library(tmp_path / "real/libinner.so", "-nostdlib", soname="libinner.so")
    shared_library(
        tmp_path / "real/libouter.so",
        "-nostdlib",
        soname="libouter.so",
        needs=[inner],
        run_path="$ORIGIN",
    )
    root = shared_library(
        tmp_path / "x.so", "-nostdlib", needs=[tmp_path / "real/libouter.so"], source="int x;"
    )
    links = tmp_path / DYNLIB
    links.mkdir(parents=True)
    (links / "libouter.so").symlink_to("../../../real/libouter.so")
    assert not_found(tmp_path / "real/libouter.so") == set()
    assert not_found(root, links) == {"libinner.so"}
    outer = binary("real/libouter.so", "libinner.so", name="libouter.so", run_paths=("$ORIGIN",))
    asking = binary("x.so", "libouter.so")
    within = binary("real/libinner.so", name="libinner.so")
    assert missed(asking, within, named=(outer,)) == ["libouter.so", "libinner.so"]


# ------------------------------------------------------------------------------------------- ELF
def test_a_run_path_of_another_library_is_of_no_use_unless_it_is_inherited() -> None:
    asking = binary("a/x.so", "libp.so", run_paths=("$ORIGIN/../b",))
    inherits = binary("a/x.so", "libp.so", run_paths=("$ORIGIN/../b",), inherited=True)
    others = (
        binary("b/libp.so", "libq.so", name="libp.so"),
        binary("b/libq.so", name="libq.so"),
    )
    assert missed(asking, *others) == ["libq.so"]
    assert missed(inherits, *others) == []
    assert missed(asking, *others, loader=ElfLoader(musl=True)) == []


def test_what_is_loaded_is_not_looked_for_again() -> None:
    root = binary("a/x.so", "libp.so", "libq.so", run_paths=("$ORIGIN",))
    assert missed(root, binary("a/libp.so", "libq.so"), binary("a/libq.so")) == []


@pytest.mark.parametrize(
    "run_path",
    ["/opt", "lib", "$ORIGIN/$LIB", "$ORIGIN/../../a", "$ORIGINAL", "x/$ORIGIN", "$ORIGIN$ORIGIN"],
)
def test_run_paths_that_lead_out_of_the_layer(run_path: str) -> None:
    root = binary("a/x.so", "libp.so", run_paths=(run_path,))
    assert missed(root, binary("a/libp.so"), binary("lib/libp.so")) == ["libp.so"]


def test_names_with_a_slash_are_paths() -> None:
    root = binary("a/x.so", "$ORIGIN/../b/libp.so", "./libp.so", run_paths=("$ORIGIN/../b",))
    assert missed(root, binary("b/libp.so")) == ["./libp.so"]


# ----------------------------------------------------------------------------------------- Mach-O
def image(
    path: str, *needed: str, name: str | None = None, run_paths: tuple[str, ...] = ()
) -> Binary:
    return Binary(path, "", MACHO, needed=needed, name=name, run_paths=run_paths, inherited=True)


def test_paths_of_dyld() -> None:
    root = image(
        "a/x.so",
        "@loader_path/.dylibs/libp.dylib",
        "@loader_path/../b/libq.dylib",
        "@rpath/libr.dylib",
        "@executable_path/../lib/libs.dylib",
        "/usr/local/lib/libt.dylib",
        run_paths=("/opt", "@executable_path/../b", "@loader_path/../b"),
    )
    others = [
        image(path)
        for path in (
            "a/.dylibs/libp.dylib",
            "b/libq.dylib",
            "b/libr.dylib",
            "lib/libs.dylib",
            "lib/libt.dylib",
        )
    ]
    assert missed(root, *others, loader=DyldLoader()) == [
        "@executable_path/../lib/libs.dylib",
        "/usr/local/lib/libt.dylib",
    ]


def test_run_paths_of_dyld_are_those_of_all_that_led_there() -> None:
    root = image("a/x.so", "@rpath/libp.dylib", run_paths=("@loader_path/../b",))
    inner = image("b/libp.dylib", "@rpath/libq.dylib", name="@rpath/libp.dylib")
    assert missed(root, inner, image("b/libq.dylib"), loader=DyldLoader()) == []
    assert missed(inner, image("b/libq.dylib"), loader=DyldLoader()) == ["@rpath/libq.dylib"]


def test_dyld_knows_a_library_by_its_install_name() -> None:
    root = image("a/x.so", "@loader_path/libp.dylib", "@rpath/libp.dylib")
    assert missed(root, image("a/libp.dylib", name="@rpath/libp.dylib"), loader=DyldLoader()) == []


def test_dyld_looks_names_up_by_their_last_part() -> None:
    library = image("b/libp.1.dylib", "@loader_path/libq.dylib", name="/opt/lib/libp.dylib")
    root = image("a/x.so", "@rpath/libp.dylib")
    # It knows where the link leads.
    found = missed(root, image("b/libq.dylib"), loader=DyldLoader(), named=(library,))
    assert found == ["@rpath/libp.dylib"]
