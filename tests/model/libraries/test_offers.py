"""Which libraries a layer offers, and what its binaries need, from facts of their files."""

from __future__ import annotations

from typing import Any

import pytest

from venvstacks_rules.model.contents.files import OwnLink
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.binaries import BUNDLE, ELF, MACHO, PE, PROGRAM, Binary
from venvstacks_rules.model.libraries.offers import LayerLibraries, layer_libraries
from venvstacks_rules.model.libraries.target import Target
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

SITE = "lib/python3.11/site-packages"
WINDOWS_SITE = "Lib/site-packages"
MACHINES = {ELF: "x86_64", MACHO: "arm64", PE: "amd64"}


def target(platform: str = "linux_x86_64", linux_target: str = "glibc") -> Target:
    return Target(PLATFORMS[platform], "3.11.13", parsed_linux_target(linux_target), (13, 0))


LINUX, MACOS, WINDOWS = target(), target("macosx_arm64"), target("win_amd64")


def binary(path: str, content: str = "a", binary_format: str = ELF, **facts: Any) -> Binary:
    site = WINDOWS_SITE if binary_format == PE else SITE
    facts.setdefault("machine", MACHINES[binary_format])
    return Binary(f"{site}/{path}", content * 64, binary_format, **facts)


def dylib(path: str, name: str, **facts: Any) -> Binary:
    return binary(path, facts.pop("content", "a"), MACHO, name=name, inherited=True, **facts)


def dll(path: str, *needed: str, **facts: Any) -> Binary:
    return binary(path, "a", PE, needed=needed, **facts)


def libraries(
    *binaries: Binary, exclude: tuple[str, ...] = (), target: Target = LINUX
) -> LayerLibraries:
    return layer_libraries([AnalyzedWheel("demo-1.0.whl", (), binaries)], target, exclude)


def needs(found: LayerLibraries) -> list[str]:
    return [f"{need.asking.path.split('/')[-1]}: {need.asked}" for need in found.needs]


def test_the_link_is_relative_to_its_folder() -> None:
    assert libraries(binary("torch/lib/libtorch.so", name="libtorch.so")).links == (
        OwnLink(
            "share/venv/dynlib/libtorch.so",
            "../../../lib/python3.11/site-packages/torch/lib/libtorch.so",
        ),
    )


@pytest.mark.parametrize(
    ("path", "facts", "offered"),
    [
        ("torch/lib/libc10.so", {"name": "libc10.so"}, ["libc10.so"]),
        ("torch/lib/libc10.so", {}, ["libc10.so"]),
        ("nvrtc/libnvrtc.so.12", {"name": "libnvrtc.so.12"}, ["libnvrtc.so.12"]),
        # A program may load it by the file's name, and what is linked to it asks for the soname.
        ("z3/libz3.so", {"name": "libz3.so.4"}, ["libz3.so", "libz3.so.4"]),
        # Nobody asks for it by the file's name.
        ("a/libx.so.1.2.3", {"name": "libx.so.1"}, ["libx.so.1"]),
        ("a/odd.so.1", {"name": "odd.so.1"}, ["odd.so.1"]),
        ("pkg/plain.so", {}, []),
        ("pkg/_ext.cpython-311-x86_64-linux-gnu.so", {"name": "lib_ext.so"}, []),
        ("pkg/_ext.abi3.so", {}, []),
        ("numpy.libs/libgomp-a34b3233.so.1", {"name": "libgomp-a34b3233.so.1"}, []),
        ("numpy.libs/libq-96973f99-934c22de.so", {"name": "libq-96973f99-934c22de.so"}, []),
        ("scipy.libs/libo-r0-0119ef04.3.27.so", {"name": "libo-r0-0119ef04.3.27.so"}, []),
        ("a/libx.3-12345678.so", {}, ["libx.3-12345678.so"]),
        ("a/libx-12345.so", {"name": "libx-12345.so"}, ["libx-12345.so"]),
        # The machine's own would be replaced in every process.
        ("a/libstdc++.so.6", {"name": "libstdc++.so.6"}, []),
        ("a/libpython3.11.so.1.0", {"name": "libpython3.11.so.1.0"}, []),
        ("a/lib.so", {"name": "libcuda.so.1"}, ["lib.so"]),
        # So would be what the standard library of an interpreter of the machine is linked to.
        ("kaleido/executable/lib/libsqlite3.so.0", {"name": "libsqlite3.so.0"}, []),
        ("a/libcrypto.so.1.1", {"name": "libcrypto.so.1.1"}, []),
        ("a/libtcl8.6.so", {"name": "libtcl8.6.so"}, []),
        ("a/libsqlite3.so", {"name": "libsqlite3.so"}, ["libsqlite3.so"]),
        ("bin/tool", {"kind": PROGRAM, "name": "libtool.so"}, []),
        ("a/libx.so", {"machine": "aarch64"}, []),
        ("a/libx.so", {"problem": "not readable as ELF: it is damaged"}, []),
    ],
)
def test_what_linux_layers_offer(path: str, facts: dict[str, Any], offered: list[str]) -> None:
    assert list(libraries(binary(path, **facts)).offered) == offered


def test_a_library_that_python_may_be_linked_to_is_for_its_own_package_alone() -> None:
    found = libraries(
        binary("kaleido/executable/lib/libsqlite3.so.0", "b", name="libsqlite3.so.0"),
        binary("kaleido/executable/lib/libsoftokn3.so", needed=("libsqlite3.so.0",)),
    )
    assert found.offered == ("libsoftokn3.so",)
    # Its program finds it by a way of its own, as in any other environment.
    assert needs(found) == []


@pytest.mark.parametrize(
    ("path", "name", "facts", "offered"),
    [
        ("torch/libc10.dylib", "@rpath/libc10.dylib", {}, ["libc10.dylib"]),
        ("a/libx.1.2.dylib", "/usr/local/lib/libx.1.dylib", {}, ["libx.1.2.dylib", "libx.1.dylib"]),
        ("numpy/.dylibs/libq.dylib", "/DLC/numpy/.dylibs/libq.dylib", {}, []),
        ("numpy/.dylibs/libq.dylib", "@rpath/libq.dylib", {}, []),
        ("a/libx.dylib", "libx.dylib", {"kind": BUNDLE}, []),
        ("a/_ext.cpython-311-darwin.so", "@rpath/lib_ext.dylib", {}, []),
        ("a/module.so", "@rpath/module.so", {}, []),
        ("a/libx.dylib", "libx.dylib", {"machine": "x86_64"}, []),
    ],
)
def test_what_macos_layers_offer(
    path: str, name: str, facts: dict[str, Any], offered: list[str]
) -> None:
    assert list(libraries(dylib(path, name, **facts), target=MACOS).offered) == offered


def test_a_name_of_the_system_is_offered_where_it_is_needed_only() -> None:
    # The loader of macOS looks for this name in the folder of links before /usr/lib.
    copy = dylib("a/lib/libiconv.2.dylib", "@rpath/libiconv.2.dylib")
    user = dylib("a/_a.so", "@rpath/_a.so", needed=("/usr/lib/libiconv.2.dylib",))
    assert libraries(copy, user, target=MACOS) == LayerLibraries(())
    asking = dylib("a/_a.so", "@rpath/_a.so", needed=("@rpath/libiconv.2.dylib",))
    found = libraries(copy, asking, target=MACOS)
    assert (found.offered, found.used) == (("libiconv.2.dylib",), True)


def test_libraries_outside_site_packages_are_offered() -> None:
    found = libraries(Binary("lib/libtbb.so.12", "a", ELF, machine="x86_64", name="libtbb.so.12"))
    assert found.links == (OwnLink("share/venv/dynlib/libtbb.so.12", "../../../lib/libtbb.so.12"),)


def test_copies_of_one_library_are_one() -> None:
    found = libraries(
        binary("b/libx.so.1", name="libx.so.1"), binary("a/libx.so.1", name="libx.so.1")
    )
    assert [link.target for link in found.links] == [f"../../../{SITE}/a/libx.so.1"]
    assert found.ambiguous == ()


def test_a_private_library_that_no_run_path_finds_is_linked() -> None:
    private = binary("demo.libs/libq-12345678.so.1", name="libq-12345678.so.1")
    asking = binary("demo/_x.abi3.so", needed=("libq-12345678.so.1",))
    found = libraries(asking, private)
    assert found.offered == ("libq-12345678.so.1",)
    assert found.used
    assert found.needs == ()


def test_a_private_library_that_a_run_path_finds_is_not_linked() -> None:
    private = binary("demo.libs/libq-12345678.so.1", name="libq-12345678.so.1")
    asking = binary(
        "demo/_x.abi3.so", needed=("libq-12345678.so.1",), run_paths=("$ORIGIN/../demo.libs",)
    )
    found = libraries(asking, private)
    assert (found.offered, found.used, found.needs) == ((), False, ())


def test_an_extension_module_that_another_is_linked_to() -> None:
    module = binary("demo/_x.abi3.so", name="_x.abi3.so")
    assert libraries(module, binary("demo/_y.abi3.so", needed=("_x.abi3.so",))).offered == (
        "_x.abi3.so",
    )


def test_what_an_offered_library_needs_is_linked_as_it_is_found_from_there() -> None:
    # `$ORIGIN` is the folder of the link that a library is found by.
    private = binary("demo.libs/libq-12345678.so.1", name="libq-12345678.so.1")
    offered = binary(
        "demo/libx.so",
        name="libx.so",
        needed=("libq-12345678.so.1",),
        run_paths=("$ORIGIN/../demo.libs",),
    )
    found = libraries(offered, private)
    assert found.offered == ("libq-12345678.so.1", "libx.so")
    assert not found.used


def test_dyld_knows_where_a_linked_library_really_is() -> None:
    private = dylib("demo/.dylibs/libq.dylib", "/DLC/demo/.dylibs/libq.dylib")
    offered = dylib(
        "demo/libx.dylib", "@rpath/libx.dylib", needed=("@loader_path/.dylibs/libq.dylib",)
    )
    assert libraries(offered, private, target=MACOS).offered == ("libx.dylib",)


def test_programs_have_processes_of_their_own() -> None:
    library = binary("demo/libx.so", name="libx.so")
    found = libraries(library, binary("demo/tool", kind=PROGRAM, needed=("libx.so",)))
    assert found.offered == ("libx.so",)
    assert not found.used


def test_what_nothing_provides() -> None:
    found = libraries(
        binary("demo/_x.abi3.so", needed=("libabsent.so.1", "libc.so.6", "libcuda.so.1")),
        binary("demo/libx.so", name="libx.so", needed=("libgone.so",), optional=("libweak.so",)),
    )
    assert needs(found) == ["_x.abi3.so: libabsent.so.1", "libx.so: libgone.so"]


# ---------------------------------------------------------------------------- several of one name
def test_different_libraries_that_nothing_needs_are_not_offered() -> None:
    found = libraries(binary("a/libx.so", "a", name="libx.so"), binary("b/libx.so", "b"))
    assert found.offered == ()
    assert [(each.library, each.files) for each in found.ambiguous] == [
        ("libx.so", (f"{SITE}/a/libx.so", f"{SITE}/b/libx.so"))
    ]
    assert found.problems == ()


def test_different_libraries_that_run_paths_tell_apart() -> None:
    found = libraries(
        binary("a/libx.so", "a", name="libx.so"),
        binary("a/_x.abi3.so", needed=("libx.so",), run_paths=("$ORIGIN",)),
        binary("b/libx.so", "b", name="libx.so"),
        binary("b/_x.abi3.so", needed=("libx.so",), run_paths=("$ORIGIN",)),
    )
    assert (found.offered, found.problems, found.needs) == ((), (), ())
    assert [each.library for each in found.ambiguous] == ["libx.so"]


def test_different_libraries_that_are_needed_are_a_problem() -> None:
    asking = binary("demo/_x.abi3.so", needed=("libx.so",))
    both = (binary("a/lib/libx.so", "a", name="libx.so"), binary("b/lib/libx.so", "b"))
    found = libraries(asking, *both)
    assert found.problems == (
        f"`libx.so`, which `{SITE}/demo/_x.abi3.so` needs and its run paths do not find:\n"
        f"`{SITE}/a/lib/libx.so`\n"
        f"`{SITE}/b/lib/libx.so`\n"
        'Exclude all but one of them, for example with `dynlib_exclude=["b/lib/libx.so"]`.',
    )
    assert found.offered == ()
    chosen = libraries(asking, *both, exclude=("b/lib/libx.so",))
    assert (chosen.problems, chosen.offered) == ((), ("libx.so",))
    assert chosen.links[0].target == f"../../../{SITE}/a/lib/libx.so"


def test_a_library_is_not_offered_where_what_it_needs_could_be_another() -> None:
    found = libraries(
        binary("a/libx.so", name="libx.so", needed=("libq.so",), run_paths=("$ORIGIN",)),
        binary("a/libq.so", "a", name="libq.so"),
        binary("b/libq.so", "b", name="libq.so"),
    )
    assert (found.offered, found.problems) == ((), ())


def test_grafted_copies_count_among_those_of_a_name() -> None:
    # What is in the folder takes the place of every library of the name, on macOS.
    found = libraries(
        dylib("a/libomp.dylib", "@rpath/libomp.dylib"),
        dylib("b/.dylibs/libomp.dylib", "/DLC/b/.dylibs/libomp.dylib", content="b"),
        target=MACOS,
    )
    assert found.offered == ()
    assert [each.library for each in found.ambiguous] == ["libomp.dylib"]


# ------------------------------------------------------------------------------------- exclusion
def test_what_is_excluded_is_neither_linked_nor_missed() -> None:
    found = libraries(
        binary("demo/_x.abi3.so", needed=("libx.so.1",)),
        binary("demo/lib/libx.so.1.2", name="libx.so.1"),
        exclude=("demo/**",),
    )
    assert (found.offered, found.needs, found.used) == ((), (), False)


def test_what_is_excluded_misses_nothing() -> None:
    plugin = binary("demo/plugins/_x.abi3.so", needed=("libgone.so",))
    assert needs(libraries(plugin)) == ["_x.abi3.so: libgone.so"]
    assert needs(libraries(plugin, exclude=("plugins/*",))) == []


# --------------------------------------------------------------------------------------- Windows
def test_windows_layers_link_nothing() -> None:
    found = libraries(dll("torch/lib/C10.dll"), target=WINDOWS)
    assert (found.offered, found.links, found.used) == (("c10.dll",), (), False)


def test_windows_names_are_compared_without_case_and_found_in_the_layer() -> None:
    found = libraries(
        dll("torch/lib/c10.dll"),
        dll("torch/_C.pyd", "C10.DLL", "KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll"),
        dll("torch/_D.pyd", "Python311.dll", "MSVCP140.dll", "VCRUNTIME140_1.dll"),
        target=WINDOWS,
    )
    assert needs(found) == ["_D.pyd: MSVCP140.dll"]


def test_extension_modules_of_windows_find_one_another() -> None:
    found = libraries(dll("a/win32ui.pyd"), dll("a/dde.pyd", "Win32UI.pyd"), target=WINDOWS)
    assert found == LayerLibraries(())


def test_what_is_excluded_misses_nothing_on_windows() -> None:
    plugin = dll("demo/plugins/x.pyd", "gone.dll")
    assert needs(libraries(plugin, target=WINDOWS)) == ["x.pyd: gone.dll"]
    assert needs(libraries(plugin, exclude=("plugins/*",), target=WINDOWS)) == []


def test_grafted_libraries_of_windows_are_found_and_not_offered() -> None:
    name = "msvcp140-263139962577ecda4cd9469ca360a746.dll"
    found = libraries(dll(f"numpy.libs/{name}"), dll("numpy/_x.pyd", name), target=WINDOWS)
    assert (found.offered, found.needs) == ((), ())
