"""Layers for other platforms than this machine's, judged by what is in their archives."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_root import NATIVE, BuildRoot, Finished
from tests.support.interpreter_archives import file, symlink, tar
from tests.support.shared_roots import shared_root
from tests.support.simple_index import package_wheel
from tests.support.wheels import Member, decompressed, members

LINUX, MAC = "linux_aarch64", "macosx_arm64"
if NATIVE == LINUX:
    LINUX = "linux_x86_64"
elif NATIVE == MAC:
    MAC = "macosx_x86_64"
FOREIGN = f"--venvstacks-platforms=['{LINUX}', '{MAC}']"
SITE = "lib/python3.9/site-packages"

# MarkupSafe is a binary wheel. Our tones bring a shared library along.
BUILD = """\
venvstacks_runtime(
    name="py", python_implementation="cpython@3.9",
    platforms=["linux_x86_64", "linux_aarch64", "macosx_arm64", "macosx_x86_64", "win_amd64"],
)
venvstacks_framework(
    name="markup", runtime=":py", requirements=["markupsafe", "our-tones", "our-words"],
    local_wheels=["wheels"],
    platforms=["linux_x86_64", "linux_aarch64", "macosx_arm64", "macosx_x86_64"],
)
venvstacks_framework(name="mac", runtime=":py", platforms=["macosx_x86_64", "macosx_arm64"])
venvstacks_framework(name="windows", runtime=":py", platforms=["win_amd64"], output_path="out")
venvstacks_framework(name="placed", runtime=":py", output_path="out")
venvstacks_application(
    name="greet", launch_module="greet.py", frameworks=[":markup"],
    requirements=["markupsafe", "humanize", "packaging; sys_platform == 'darwin'"],
)
venvstacks_manifest(name="stack", layers=[":greet", ":mac"])
venvstacks_manifest(name="base", layers=[":py"], output_path="base")
"""
BINARIES = Path(__file__).parent.parent / "vectors" / "binaries"
TONES = {
    "manylinux_2_17_x86_64": "linux_x86_64/libtones.so",
    "manylinux_2_17_aarch64": "linux_aarch64/libtones.so",
    "macosx_12_0_arm64": "macosx_arm64/libtones.dylib",
    "macosx_10_9_x86_64": "macosx_x86_64/libtones.dylib",
}

GIVEN = """\
file(name="linux", source="linux.tar")
file(name="mac", source="mac.tar")
venvstacks_runtime(
    name="py", python_implementation="cpython@3.9.18",
    platforms=["{linux}", "{mac}"],
    python_archives={{"{linux}": ":linux", "{mac}": ":mac"}},
)
venvstacks_framework(name="words", runtime=":py", requirements=["humanize"])
"""
HEADER = '#define PY_VERSION "3.9.18"\n'


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.write("s/BUILD", BUILD)
        made.write("s/greet.py", "import humanize, markupsafe\nprint('Hello')\n")
        # Bytes that no earlier run has left in a cache.
        new = str(time.time_ns()).encode()
        own = [package_wheel("our_words", files={"our_words/new.txt": new})]
        for platform, library in TONES.items():
            # What follows the end of a binary is of no account.
            content = (BINARIES / library).read_bytes() + new
            files = {f"our_tones/{library.partition('/')[2]}": content}
            own.append(package_wheel("our_tones", tag=f"py3-none-{platform}", files=files))
        for wheel in own:
            for name, content in wheel.items():
                made.write(f"s/wheels/{name}", content)
        made.succeed("generate-lockfiles")
        yield made


@pytest.fixture(scope="module")
def packaged(root: BuildRoot) -> Finished:
    """Everything, for two platforms that this machine is not."""
    return root.succeed(FOREIGN, "package", "s:py", "s:markup", "s:mac", "s:greet")


def notes(done: Finished) -> list[str]:
    lines = [line.partition("[INFO] ")[2] for line in done.stderr.splitlines()]
    return sorted(line for line in lines if " is not packaged " in line or " without " in line)


def archive(root: BuildRoot, path: str) -> dict[str, Member]:
    """The entries of an archive, by path in the layer."""
    found = members(decompressed(root.path / "dist" / path))
    return {member.name.partition("/")[2]: member for member in found}


def metadata(root: BuildRoot, path: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(root.read(f"dist/{path}"))
    return data


def wheels(root: BuildRoot, path: str) -> list[str]:
    """What the segments of a layer were made from."""
    index = metadata(root, path)
    sources = [segment["source"] for segment in index["segments"]]
    return sorted((source for source in sources if source.endswith(".whl")), key=str.lower)


def machine(binary: bytes) -> tuple[str, int]:
    """The kind of a 64-bit executable file, and the number that its format has for the machine."""
    if binary.startswith(b"\x7fELF\x02\x01"):
        return "ELF", int.from_bytes(binary[18:20], "little")
    if binary.startswith(b"\xcf\xfa\xed\xfe"):
        return "Mach-O", int.from_bytes(binary[4:8], "little")
    raise AssertionError(binary[:8])


# `EM_X86_64` and `EM_AARCH64` of elf.h; `CPU_TYPE_X86_64` and `CPU_TYPE_ARM64` of mach/machine.h.
MACHINES = {
    "linux_x86_64": ("ELF", 62),
    "linux_aarch64": ("ELF", 183),
    "macosx_x86_64": ("Mach-O", 0x01000007),
    "macosx_arm64": ("Mach-O", 0x0100000C),
}


def test_layers_that_a_platform_has_not_are_noted(packaged: Finished) -> None:
    assert notes(packaged) == [
        f"s:mac is not packaged for {LINUX}: its platforms are macosx_arm64, macosx_x86_64.",
        f"s:py is not packaged for {LINUX}, {MAC}: the interpreter provider `local` has only that "
        f"of this machine, {NATIVE}. Set `[venvstacks].python_provider` to `pbs` or `archive`.",
    ]


def test_each_platform_has_a_folder(root: BuildRoot, packaged: Finished) -> None:
    assert packaged.code == 0
    written = {path.relative_to(root.path / "dist") for path in root.path.glob("dist/s/*/*.zst")}
    assert {str(path) for path in written} == {
        f"s/{LINUX}/framework-markup.tar.zst",
        f"s/{LINUX}/app-greet.tar.zst",
        f"s/{MAC}/framework-markup.tar.zst",
        f"s/{MAC}/framework-mac.tar.zst",
        f"s/{MAC}/app-greet.tar.zst",
    }
    for platform in (LINUX, MAC):
        found = metadata(root, f"s/{platform}/app-greet.json")
        assert found["target_platform"] == platform
        assert found["runtime_layer"] == "py"
        assert found["required_layers"] == ["framework-markup"]


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize("platform", [LINUX, MAC])
def test_wheels_are_those_of_the_platform(root: BuildRoot, platform: str) -> None:
    system, _, architecture = platform.partition("_")
    *binary, pure = wheels(root, f"s/{platform}/framework-markup.segments.json")
    assert pure.startswith("our_words-")
    assert [name.partition("-")[0].lower() for name in binary] == ["markupsafe", "our_tones"]
    assert all(system.replace("linux", "manylinux") in name for name in binary)
    assert all(f"{architecture}.whl" in name for name in binary)
    names = [
        name.partition("-")[0] for name in wheels(root, f"s/{platform}/app-greet.segments.json")
    ]
    assert names == (["humanize", "packaging"] if platform == MAC else ["humanize"])
    files = archive(root, f"s/{platform}/framework-markup.tar.zst")
    (module,) = (path for path in files if path.endswith(".so") and "_speedups" in path)
    assert machine(files[module].content) == MACHINES[platform]


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize(
    ("platform", "library", "variable"),
    [
        (LINUX, "libtones.so", "LD_LIBRARY_PATH"),
        (MAC, "libtones.dylib", "DYLD_LIBRARY_PATH"),
    ],
)
def test_shared_libraries_are_found_as_the_platform_finds_them(
    root: BuildRoot, platform: str, library: str, variable: str
) -> None:
    framework = archive(root, f"s/{platform}/framework-markup.tar.zst")
    link = framework[f"share/venv/dynlib/{library}"].link
    assert link == f"../../../{SITE}/our_tones/{library}"
    application = archive(root, f"s/{platform}/app-greet.tar.zst")
    wrapper = application["bin/python"].content.decode()
    assert wrapper.startswith("#!/bin/sh\n")
    assert f'export {variable}="$path"' in wrapper
    assert application["bin/python_"].link == "../../py/bin/python"
    assert ("lib64" in application) == (platform == LINUX)


def test_notes_are_repeated_where_nothing_is_built(root: BuildRoot, packaged: Finished) -> None:
    layers = ("s:py", "s:markup", "s:mac", "s:greet")
    again = root.succeed(FOREIGN, "package", *layers)
    assert notes(again) == notes(packaged)
    assert again.work == []
    counted = root.succeed(FOREIGN, "--stats-log", "package", *layers)
    assert counted.counters["local_execution_requests"] == 0


def test_wheels_for_any_platform_are_compressed_once(packaged: Finished) -> None:
    made = [text.partition(" (")[0] for text in packaged.work if "for framework-markup" in text]
    assert made == [
        "Compressed 2 wheels for framework-markup",
        "Compressed 2 wheels for framework-markup",
        "Compressed our_words 1.0 for framework-markup",
    ]


def test_what_runs_here_is_built_for_this_machine(root: BuildRoot) -> None:
    assert root.succeed(FOREIGN, "run", "s:greet").stdout == "Hello\n"
    done = root.succeed(FOREIGN, "test", "venvstacks-export", "s:greet")
    assert "✓ s:greet succeeded" in done.stderr
    assert (root.path / "dist/export/venvstacks/app-greet").is_dir()


def test_all_is_what_each_layer_declares(root: BuildRoot) -> None:
    shutil.rmtree(root.path / "dist", ignore_errors=True)
    done = root.succeed("--venvstacks-platforms=all", "package", "s:mac", "s:windows")
    assert notes(done) == []
    assert sorted(path.name for path in (root.path / "dist/s").iterdir()) == [
        "macosx_arm64",
        "macosx_x86_64",
    ]
    assert (root.path / "dist/out/framework-windows.json").exists()


def test_a_stack_says_what_it_lacks(root: BuildRoot) -> None:
    shutil.rmtree(root.path / "dist", ignore_errors=True)
    done = root.succeed(f"--venvstacks-platforms=['{MAC}']", "package", "s:stack", "s:base")
    local = (
        f"the interpreter provider `local` has only that of this machine, {NATIVE}. Set "
        "`[venvstacks].python_provider` to `pbs` or `archive`."
    )
    assert notes(done) == [
        f"s:base is not packaged for {MAC}: it has no layers to build there.",
        f"s:base is packaged without s:py for {MAC}: {local}",
        f"s:stack is packaged without s:py for {MAC}: {local}",
    ]
    layers = metadata(root, f"s/{MAC}/__venvstacks__/venvstacks.json")["layers"]
    assert [layer["layer_name"] for layer in layers["frameworks"]] == [
        "framework-markup",
        "framework-mac",
    ]
    assert [layer["target_platform"] for layer in layers["applications"]] == [MAC]
    assert layers["runtimes"] == []


def test_one_folder_cannot_hold_files_of_two_platforms_of_one_name(root: BuildRoot) -> None:
    done = root.pants(FOREIGN, "package", "s:placed")
    assert done.error == (
        "DefinitionError: Outputs would overwrite each other:\n"
        f"  * s:placed: `output_path` is one folder, 'out', for {LINUX}, {MAC}. Set "
        "`[venvstacks].tag_outputs`, which puts the platform into the names of files, or leave "
        "`output_path` unset."
    )
    root.succeed(FOREIGN, "--venvstacks-tag-outputs", "package", "s:placed")
    names = {path.name for path in (root.path / "dist/out").glob("*.zst")}
    assert names == {f"framework-placed-{name}-1.tar.zst" for name in (LINUX, MAC)}


def interpreter(platform: str) -> bytes:
    """An archive with the layout of an interpreter for the platform."""
    library = "libpython3.9.dylib" if platform == MAC else "libpython3.9.so.1.0"
    return tar(
        [
            file("python/bin/python3.9", f"the one of {platform}", 0o755),
            symlink("python/bin/python3", "python3.9"),
            file("python/include/python3.9/patchlevel.h", HEADER),
            file(f"python/lib/{library}", "", 0o755),
            file("python/lib/python3.9/os.py", ""),
        ]
    )


def test_interpreters_of_archives_are_those_of_the_platform(
    root: BuildRoot, tmp_path: Path
) -> None:
    archives = "--venvstacks-python-provider=archive"
    root.write("given/BUILD", GIVEN.format(linux=LINUX, mac=MAC))
    root.write("given/linux.tar", interpreter(LINUX))
    root.write("given/mac.tar", interpreter(MAC))
    root.succeed(archives, "generate-lockfiles", "--resolve=given:py", "--resolve=given:words")
    done = root.succeed(archives, "--venvstacks-platforms=all", "package", "given:")
    assert notes(done) == []
    for platform in (LINUX, MAC):
        files = archive(root, f"given/{platform}/py.tar.zst")
        assert files["bin/python3.9"].content == f"the one of {platform}".encode()
        assert metadata(root, f"given/{platform}/py.json")["target_platform"] == platform
        config = "share/venv/metadata/venvstacks_layer.json"
        above = archive(root, f"given/{platform}/framework-words.tar.zst")
        assert json.loads(above[config].content)["py_version"] == "3.9.18"
