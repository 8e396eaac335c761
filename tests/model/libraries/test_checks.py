"""What is said of the binaries of a layer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.interface import LayerInterface
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.binaries import ELF, MACHO, PE, Binary
from venvstacks_rules.model.libraries.checks import library_report, refuse_ambiguous
from venvstacks_rules.model.libraries.offers import layer_libraries
from venvstacks_rules.model.libraries.report import (
    AmbiguousLibrary,
    LibraryReport,
    NewerThanTarget,
    OtherMachine,
    UnreadableBinary,
    UnresolvedLibrary,
)
from venvstacks_rules.model.libraries.target import Target
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

LINUX = Target(PLATFORMS["linux_x86_64"], "3.11.9", parsed_linux_target("glibc@2.28"), (13, 0))
MACOS = replace(LINUX, platform=PLATFORMS["macosx_arm64"])
WINDOWS = replace(LINUX, platform=PLATFORMS["win_amd64"])
ASKING = Binary("lib/x.so", "a", ELF, machine="x86_64", needed=("libp.so.1",))
TAG = "cp311-cp311-manylinux_2_28_x86_64.whl"


def wheel(*binaries: Binary, name: str = f"demo-1.0-{TAG}") -> AnalyzedWheel:
    return AnalyzedWheel(name, (), binaries)


def report(
    *wheels: AnalyzedWheel, target: Target = LINUX, lower: tuple[LayerInterface, ...] = ()
) -> LibraryReport:
    return library_report(wheels, target, layer_libraries(wheels, target, ()), lower)


# ------------------------------------------------------------------------------------- unresolved
def test_what_no_layer_provides() -> None:
    again = replace(ASKING, path="lib/a.so")
    found = report(wheel(ASKING, again), wheel(replace(ASKING, path="lib/y.so"), name="y.whl"))
    assert found.unresolved == (
        UnresolvedLibrary("libp.so.1", f"demo-1.0-{TAG}", ("lib/a.so", "lib/x.so")),
        UnresolvedLibrary("libp.so.1", "y.whl", ("lib/y.so",)),
    )


def test_what_a_layer_below_offers() -> None:
    lower = LayerInterface("framework-p", "3.11.9", ("libp.so.1",))
    assert report(wheel(ASKING), lower=(lower,)) == LibraryReport()


@pytest.mark.parametrize(
    ("target", "binary", "offered"),
    [
        (
            MACOS,
            Binary("x.so", "a", MACHO, machine="arm64", needed=("@rpath/libp.dylib",)),
            "libp.dylib",
        ),
        (WINDOWS, Binary("x.pyd", "a", PE, machine="amd64", needed=("P.dll",)), "p.dll"),
    ],
)
def test_names_are_compared_as_they_are_looked_up(
    target: Target, binary: Binary, offered: str
) -> None:
    lower = LayerInterface("framework-p", "3.11.9", (offered,))
    assert report(wheel(binary), target=target, lower=(lower,)).unresolved == ()
    (missing,) = report(wheel(binary), target=target).unresolved
    assert missing.library == binary.needed[0]


# ---------------------------------------------------------------------------------------- the claim
@pytest.mark.parametrize(
    ("minimum", "newer"), [("2.28", False), ("2.5", False), ("2.29", True), ("3.0", True)]
)
def test_the_glibc_of_the_target(minimum: str, newer: bool) -> None:
    binary = replace(ASKING, needed=(), minimum=minimum)
    expected = NewerThanTarget(
        f"glibc {minimum}", "glibc 2.28", "linux_target", f"demo-1.0-{TAG}", ("lib/x.so",)
    )
    assert report(wheel(binary)).newer_than_target == ((expected,) if newer else ())


def test_musl_has_no_versions_of_symbols() -> None:
    binary = replace(ASKING, needed=(), minimum="2.34")
    musl = replace(LINUX, linux_target=parsed_linux_target("musl"))
    assert report(wheel(binary), target=musl).newer_than_target == ()


@pytest.mark.parametrize(("minimum", "newer"), [("11.0", False), ("13.0", False), ("13.4", True)])
def test_the_macos_of_the_target(minimum: str, newer: bool) -> None:
    binary = Binary("lib/x.so", "a", MACHO, machine="arm64", minimum=minimum)
    other = replace(binary, machine="x86_64", minimum="99.0")
    expected = NewerThanTarget(
        "macOS 13.4", "macOS 13.0", "macosx_target", f"demo-1.0-{TAG}", ("lib/x.so",)
    )
    found = report(wheel(binary, other), target=MACOS)
    assert found.newer_than_target == ((expected,) if newer else ())


def test_wheels_for_other_machines() -> None:
    arm = Binary("lib/x.so", "a", ELF, machine="aarch64", needed=("libgone.so",))
    mac = Binary("lib/x.dylib", "a", MACHO, machine="arm64")
    assert report(wheel(arm, mac)) == LibraryReport(
        other_machine=(
            OtherMachine(
                ("elf aarch64", "macho arm64"), f"demo-1.0-{TAG}", ("lib/x.dylib", "lib/x.so")
            ),
        )
    )
    # They come with one that fits, or with wheels that claim nothing.
    assert report(wheel(arm, replace(ASKING, needed=()))) == LibraryReport()
    assert report(wheel(arm, name="demo-1.0-py3-none-any.whl")) == LibraryReport()


def test_what_cannot_be_read_is_not_warned_about() -> None:
    broken = Binary("lib/x.so", "a", ELF, problem="not readable as ELF: it is damaged")
    found = report(wheel(broken))
    assert found.unreadable == (
        UnreadableBinary(f"demo-1.0-{TAG}", "lib/x.so", "not readable as ELF: it is damaged"),
    )
    assert found.warnings() == ()


# --------------------------------------------------------------------------------------- ambiguous
def test_a_name_that_a_layer_below_has_several_of() -> None:
    below = LayerInterface("framework-p", "3.11.9", (), ("libother.so", "libp.so.1"))
    libraries = layer_libraries([wheel(ASKING)], LINUX, ())
    with pytest.raises(DefinitionError) as caught:
        refuse_ambiguous("//:app", libraries, (below,))
    assert str(caught.value) == (
        "//:app: it needs shared libraries with ambiguous names.\n"
        "  * `libp.so.1`, which `lib/x.so` needs: framework-p has several different libraries of "
        "that name, so it offers no library of that name. Exclude all but one with the "
        "`dynlib_exclude` of that layer."
    )
    other = LayerInterface("framework-q", "3.11.9", ("libp.so.1",))
    refuse_ambiguous("//:app", libraries, (below, other))


# ------------------------------------------------------------------------------------------- words
def test_what_is_written_and_said() -> None:
    found = LibraryReport(
        ambiguous=(AmbiguousLibrary("libq.so", ("a/libq.so", "b/libq.so")),),
        unresolved=(UnresolvedLibrary("libp.so", "w.whl", ("a", "b", "c", "d", "e")),),
        newer_than_target=(
            NewerThanTarget("macOS 14.0", "macOS 13.0", "macosx_target", "x.whl", ("a",)),
            NewerThanTarget("glibc 2.34", "glibc 2.28", "linux_target", "w.whl", ("a", "b")),
            NewerThanTarget("glibc 2.9", "glibc 2.28", "linux_target", "w.whl", ("b", "c")),
        ),
        other_machine=(OtherMachine(("elf aarch64",), "y.whl", ("a", "b")),),
    )
    assert found.warnings() == (
        "`a`, `b`, `c` and 2 more of w.whl need `libp.so`, which no layer of its chain, no run "
        "path and no machine of the platform provides. Require the package that has it, add files "
        "that work without it to `dynlib_exclude`, or name it in `accepted_libraries`. "
        "`a`, `b`, `c` of w.whl need up to glibc 2.34, but the layer is for glibc 2.28. Raise its "
        "`linux_target`, or require another version",
        "`a` of x.whl needs macOS 14.0, but the layer is for macOS 13.0. Raise its "
        "`macosx_target`, or require another version",
        "y.whl has binaries for other machines only (elf aarch64), such as `a`, `b`. Require "
        "another version",
    )
    assert found.to_dict() == {
        "ambiguous": [{"library": "libq.so", "files": ["a/libq.so", "b/libq.so"]}],
        "unresolved": [
            {"library": "libp.so", "wheel": "w.whl", "files": ["a", "b", "c", "d", "e"]}
        ],
        "newer_than_target": [
            {"needs": "macOS 14.0", "target": "macOS 13.0", "wheel": "x.whl", "files": ["a"]},
            {"needs": "glibc 2.34", "target": "glibc 2.28", "wheel": "w.whl", "files": ["a", "b"]},
            {"needs": "glibc 2.9", "target": "glibc 2.28", "wheel": "w.whl", "files": ["b", "c"]},
        ],
        "other_machine": [{"machines": ["elf aarch64"], "wheel": "y.whl", "files": ["a", "b"]}],
    }
    assert LibraryReport().to_dict() == {}


QT = UnresolvedLibrary("libQt63DCore.so.6", "qt.whl", ("qt/a/libx.so", "qt/b/liby.so"))
XCB = UnresolvedLibrary("libxcb.so.1", "qt.whl", ("qt/a/libx.so",), on_desktops=True)
EGL = UnresolvedLibrary("libEGL.so.1", "qt.whl", ("qt/c.so",), on_desktops=True)
OF_QT = (
    "`qt/a/libx.so`, `qt/b/liby.so` of qt.whl need `libQt63DCore.so.6`, which no layer of its "
    "chain, no run path and no machine of the platform provides. Require the package that has it, "
    "add files that work without it to `dynlib_exclude`, or name it in `accepted_libraries`"
)
OF_XCB = (
    "`qt/a/libx.so` of qt.whl needs `libxcb.so.1`, which only machines with a desktop provide. If "
    'the layer is for these only, add "desktop" to `accepted_libraries`'
)


def test_a_wheel_with_many_missing_libraries_has_one_warning() -> None:
    libraries = tuple(replace(QT, library=f"lib{letter}.so") for letter in "abcdefghij")
    other = replace(EGL, wheel="other.whl")
    assert LibraryReport(unresolved=(EGL, *libraries, XCB, other)).warnings() == (
        "qt.whl needs 10 libraries that no layer of its chain, no run path and no machine of the "
        "platform provides: "
        + ", ".join(f"`lib{letter}.so` (`libx.so` and 1 more)" for letter in "abcdefgh")
        + " and 2 more. Require the packages that have them, add files that work without them to "
        "`dynlib_exclude`, or name them in `accepted_libraries`. It needs 2 libraries that only "
        "machines with a desktop provide: `libEGL.so.1`, `libxcb.so.1`. If the layer is for these "
        'only, add "desktop" to `accepted_libraries`',
        "`qt/c.so` of other.whl needs `libEGL.so.1`, which only machines with a desktop provide. "
        'If the layer is for these only, add "desktop" to `accepted_libraries`',
    )


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ((), (f"{OF_QT}. {OF_XCB}",)),
        (("desktop",), (OF_QT,)),
        (("libqt63d*.so.6",), (OF_XCB,)),
        (("desktop", "libQt63DCore.so.6"), ()),
        (("libother.so", "Core.so.6"), (f"{OF_QT}. {OF_XCB}",)),
    ],
)
def test_what_a_layer_accepts_is_not_warned_about(
    accepted: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    found = LibraryReport(unresolved=(QT, XCB))
    assert found.warnings(accepted) == expected
    # The metadata says it all the same.
    assert [entry["library"] for entry in found.to_dict()["unresolved"]] == [
        "libQt63DCore.so.6",
        "libxcb.so.1",
    ]
    assert {key for entry in found.to_dict()["unresolved"] for key in entry} == {
        "library",
        "wheel",
        "files",
    }


def test_desktops_are_those_of_linux() -> None:
    asking = replace(ASKING, needed=("libxcb.so.1", "libpq.so.5"))
    assert [(each.library, each.on_desktops) for each in report(wheel(asking)).unresolved] == [
        ("libpq.so.5", False),
        ("libxcb.so.1", True),
    ]
    mac = Binary("x.so", "a", MACHO, machine="arm64", needed=("libxcb.so.1",))
    (missing,) = report(wheel(mac), target=MACOS).unresolved
    assert not missing.on_desktops
