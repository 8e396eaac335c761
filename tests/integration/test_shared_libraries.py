"""Libraries that packages of several layers are linked to, found by the machine's own loader."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot, Finished
from tests.support.elf import shared_library
from tests.support.shared_roots import shared_root
from tests.support.simple_index import package_wheel
from tests.support.wheels import decompressed, members

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="the libraries are made for Linux"),
    pytest.mark.xdist_group("shared_libraries"),
]

SITE = "lib/python3.9/site-packages"
BUILD = f"""\
venvstacks_runtime(
    name="py", python_implementation="cpython@3.9", platforms=["{NATIVE}"],
)
venvstacks_framework(
    name="base", runtime=":py", requirements=["our-base"], local_wheels=["wheels"],
)
venvstacks_application(
    name="app", launch_module="app.py", frameworks=[":base"], local_wheels=["wheels"],
    requirements=["our-ext", "our-own"],
)
venvstacks_application(
    name="accepting", launch_module="app.py", frameworks=[":base"], local_wheels=["wheels"],
    requirements=["our-ext", "our-own"], accepted_libraries=["libabsent.so.*"],
)
venvstacks_manifest(name="stack", layers=[":app"])
venvstacks_release(name="release", layers=[":app"], version="1")
venvstacks_framework(
    name="twins", runtime=":py", local_wheels=["wheels"],
    requirements=["our-left", "our-right", "our-asking"],
)
venvstacks_framework(
    name="chosen", runtime=":py", local_wheels=["wheels"], dynlib_exclude=["our_right/*"],
    requirements=["our-left", "our-right", "our-asking"],
)
venvstacks_framework(
    name="apart", runtime=":py", local_wheels=["wheels"], requirements=["our-left", "our-right"],
)
venvstacks_application(
    name="above", launch_module="above.py", frameworks=[":apart"], local_wheels=["wheels"],
    requirements=["our-asking"],
)
"""
APP = """\
import ctypes
import our_ext

folder = our_ext.__path__[0]
ext = ctypes.CDLL(f"{folder}/ext.so")
print(ext.ext(), ctypes.CDLL(f"{folder}/owner.so").owner())
# By the name of the file, as programs do.
print(ctypes.CDLL("libbase.so").base())
"""


def function(name: str, calls: str = "") -> str:
    called = f"int {calls}(void);" if calls else ""
    return f"{called} int {name}(void) {{ return {f'{calls}() + 1' if calls else '1'}; }}"


def wheels(folder: Path) -> dict[str, bytes]:
    private = shared_library(
        folder / "libprivate-0a1b2c3d.so.1",
        soname="libprivate-0a1b2c3d.so.1",
        source=function("private"),
    )
    base = shared_library(
        folder / "libbase.so",
        soname="libbase.so.1",
        source=function("base", "private"),
        needs=[private],
        run_path="$ORIGIN/../../our_base.libs",
    )
    ext = shared_library(folder / "ext.so", source=function("ext", "base"), needs=[base])
    own = shared_library(folder / "libown.so", soname="libown.so", source=function("own"))
    owner = shared_library(folder / "owner.so", source=function("owner", "own"), needs=[own])
    absent = shared_library(folder / "libabsent.so", soname="libabsent.so.9")
    needy = shared_library(folder / "needy.so", needs=[absent])
    twins = [
        shared_library(folder / f"{side}.so", soname="libtwin.so", source=function(side))
        for side in ("left", "right")
    ]
    asking = shared_library(folder / "asking.so", needs=twins[:1])
    content = {
        "our_base": {
            "our_base.libs/libprivate-0a1b2c3d.so.1": private,
            "our_base/lib/libbase.so": base,
        },
        "our_ext": {"our_ext/ext.so": ext, "our_ext/owner.so": owner, "our_ext/needy.so": needy},
        "our_own": {"our_own/libown.so": own},
        "our_left": {"our_left/libtwin.so": twins[0]},
        "our_right": {"our_right/libtwin.so": twins[1]},
        "our_asking": {"our_asking/asking.so": asking},
    }
    made = {}
    for name, files in content.items():
        read = {path: file.read_bytes() for path, file in files.items()}
        made.update(package_wheel(name, tag=f"py3-none-{NATIVE}", files=read))
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildRoot]:
    folder = tmp_path_factory.mktemp("libraries")
    with shared_root() as made:
        made.write("s/BUILD", BUILD)
        made.write("s/app.py", APP)
        made.write("s/above.py", "import our_asking\n")
        for name, content in wheels(folder).items():
            made.write(f"s/wheels/{name}", content)
        made.succeed("generate-lockfiles")
        yield made


@pytest.fixture(scope="module")
def packaged(root: BuildRoot) -> Finished:
    return root.succeed("package", "s:base", "s:app", "s:chosen", "s:apart")


def warnings(done: Finished) -> list[str]:
    lines = [line.partition("[WARN] ")[2] for line in done.stderr.splitlines()]
    return [line for line in lines if re.match(r"\S+ for \w+: ", line)]


MISSED = (
    f"s:app for {NATIVE}: `{SITE}/our_ext/needy.so` of our_ext-1.0-py3-none-{NATIVE}.whl needs "
    "`libabsent.so.9`, which no layer of its chain, no run path and no machine of the platform "
    "provides. Require the package that has it, add files that work without it to "
    "`dynlib_exclude`, or name it in `accepted_libraries`."
)


def metadata(root: BuildRoot, name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(root.read(f"dist/s/{NATIVE}/{name}.json"))
    return data


def links(root: BuildRoot, name: str) -> dict[str, str]:
    found = members(decompressed(root.path / f"dist/s/{NATIVE}/{name}.tar.zst"))
    folder = f"{name}/share/venv/dynlib/"
    return {m.name[len(folder) :]: m.link for m in found if m.name.startswith(folder)}


@pytest.mark.usefixtures("packaged")
def test_the_links_of_a_layer(root: BuildRoot) -> None:
    up = f"../../../{SITE}"
    assert links(root, "framework-base") == {
        "libbase.so": f"{up}/our_base/lib/libbase.so",
        "libbase.so.1": f"{up}/our_base/lib/libbase.so",
        # It is not found from the links by the run path, which begins at them.
        "libprivate-0a1b2c3d.so.1": f"{up}/our_base.libs/libprivate-0a1b2c3d.so.1",
    }
    assert links(root, "app-app") == {"libown.so": f"{up}/our_own/libown.so"}


@pytest.mark.usefixtures("packaged")
def test_the_loader_finds_what_is_offered(root: BuildRoot) -> None:
    assert root.succeed("run", "s:app").stdout == "3 2\n2\n"


def test_an_export_has_the_same_links(root: BuildRoot) -> None:
    root.succeed("venvstacks-export", "s:app")
    place = root.path / "dist/export/venvstacks"
    for name in ("framework-base", "app-app"):
        there = {path.name: path.readlink() for path in (place / name).glob("share/venv/dynlib/*")}
        assert {link: str(target) for link, target in there.items()} == links(root, name)


def test_what_is_missed_is_told_at_every_run(root: BuildRoot, packaged: Finished) -> None:
    assert warnings(packaged) == [MISSED]
    assert warnings(root.succeed("package", "s:app")) == [MISSED]
    # Once, although the layer is packaged alone, in a manifest and for a release.
    assert warnings(root.succeed("package", "s:stack", "s:app", "s:release")) == [MISSED]
    assert warnings(root.succeed("package", "s:release")) == [MISSED]
    assert metadata(root, "app-app")["shared_libraries"] == {
        "unresolved": [
            {
                "library": "libabsent.so.9",
                "wheel": f"our_ext-1.0-py3-none-{NATIVE}.whl",
                "files": [f"{SITE}/our_ext/needy.so"],
            }
        ]
    }
    assert "shared_libraries" not in metadata(root, "framework-base")
    assert warnings(root.succeed("package", "s:accepting")) == []
    accepting = metadata(root, "app-accepting")["shared_libraries"]
    assert accepting == metadata(root, "app-app")["shared_libraries"]


def test_libraries_of_one_name_that_one_is_needed_by(root: BuildRoot) -> None:
    assert root.pants("package", "s:twins").error == (
        f"DefinitionError: s:twins for {NATIVE}: it needs shared libraries with ambiguous "
        "names.\n"
        f"  * `libtwin.so`, which `{SITE}/our_asking/asking.so` needs and its run paths do not "
        "find:\n"
        f"    `{SITE}/our_left/libtwin.so`\n"
        f"    `{SITE}/our_right/libtwin.so`\n"
        "    Exclude all but one of them, for example with "
        '`dynlib_exclude=["our_right/libtwin.so"]`.'
    )


@pytest.mark.usefixtures("packaged")
def test_libraries_of_one_name_that_nothing_needs(root: BuildRoot) -> None:
    assert links(root, "framework-chosen") == {"libtwin.so": f"../../../{SITE}/our_left/libtwin.so"}
    assert links(root, "framework-apart") == {}
    assert metadata(root, "framework-apart")["shared_libraries"] == {
        "ambiguous": [
            {
                "library": "libtwin.so",
                "files": [f"{SITE}/our_left/libtwin.so", f"{SITE}/our_right/libtwin.so"],
            }
        ]
    }


def test_libraries_of_one_name_that_a_layer_above_needs(root: BuildRoot) -> None:
    assert root.pants("package", "s:above").error == (
        f"DefinitionError: s:above for {NATIVE}: it needs shared libraries with ambiguous "
        "names.\n"
        f"  * `libtwin.so`, which `{SITE}/our_asking/asking.so` needs: framework-apart has several "
        "different libraries of that name, so it offers no library of that name. Exclude all but "
        "one with the `dynlib_exclude` of that layer."
    )


@pytest.mark.slow
def test_nothing_is_missed_in_the_example_on_six_platforms() -> None:
    with shared_root() as made:
        shutil.copytree(REPOSITORY / "examples/sklearn", made.path / "examples/sklearn")
        done = made.succeed("--venvstacks-platforms=all", "package", "examples/sklearn::")
        assert warnings(done) == []
        written = list(made.path.glob("dist/**/framework-*.json"))
        found = [json.loads(path.read_text()) for path in written if "segments" not in path.name]
        assert len({each["target_platform"] for each in found}) > 1
        assert [each["layer_name"] for each in found if "shared_libraries" in each] == []
