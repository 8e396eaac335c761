"""Runs the real ``uv``, against a package index on the loopback interface that gives no sizes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import packaging.pylock
import pytest

from tests.support.layer_locks import (
    EVERYWHERE,
    Index,
    contents,
    lock,
    pins,
    refused,
    served_index,
    write_wheels,
)
from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.requests.lock import LocalWheels

NOT_PYPY = "platform_python_implementation != 'PyPy'"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served_index(tmp_path, monkeypatch) as index:
        yield index


def test_sizes_and_hashes_without_credentials(index: Index) -> None:
    index.add("a", "1", requires=("b>=1",))
    index.add("b", "2", "cp311-cp311-manylinux_2_17_x86_64", EVERYWHERE)
    path = lock("rt-3.11", "a")
    assert path.name == "pylock.rt-3_11.toml"
    assert sorted(contents(path)) == [
        "packages-rt-3.11.txt",
        "pylock.rt-3_11.meta.json",
        "pylock.rt-3_11.toml",
        "requirements-rt-3_11.in",
    ]
    assert b"secret" not in b"".join(contents(path).values())
    packaging.pylock.Pylock.from_dict(read_toml(path))
    read = Lockfile.from_dict(read_toml(path), "lock")
    assert [package.index for package in read.packages] == [f"{index.url}/"] * 2
    wheels = [wheel for package in read.packages for wheel in package.wheels]
    assert len(wheels) == 3
    for wheel in wheels:
        data = (index.root / wheel.file_name[0] / wheel.file_name).read_bytes()
        assert (wheel.size, wheel.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    metadata = json.loads(path.with_suffix(".meta.json").read_text())
    assert metadata["requirements_hash"] == read.requirements_hash
    assert metadata["lock_version"] == 1
    assert (path.parent / "requirements-rt-3_11.in").read_text().splitlines()[2:] == ["a"]


def test_pins_stay_until_a_requirement_forces_a_change(index: Index) -> None:
    index.add("a", "1", requires=("b",))
    index.add("b", "1")
    first = lock("rt", "a", out="one")
    index.add("b", "2")
    index.add("a", "2", requires=("b",))
    second = lock("rt", "a", out="two", previous=first)
    assert contents(first) == contents(second)
    third = lock("rt", "a", "b>1", out="three", previous=second)
    assert pins(third) == [("a", "1", None, False), ("b", "2", None, False)]
    assert pins(lock("rt", "a", out="four")) == [("a", "2", None, False), ("b", "2", None, False)]


def test_provided_packages_are_not_locked_again(index: Index) -> None:
    index.add("a", "1", requires=("b",))
    index.add("a", "2", requires=("b",))
    index.add("b", "1")
    index.add("b", "2")
    runtime = lock("rt", "b==1")
    one = lock("framework-one", "a==1", lower=[runtime])
    two = lock("framework-two", "a==2", lower=[runtime])
    top = lock("app-top", "a", lower=[one, two, runtime])
    assert pins(top) == [("a", "1", None, True), ("b", "1", None, True)]
    assert (top.parent / "packages-app-top.txt").read_text().splitlines()[2:] == [
        "",
        "# Shared packages inherited from other layers",
        "a==1",
        "b==1",
    ]
    again = lock("app-top", "a", out="again", lower=[one, two, runtime], previous=top)
    assert contents(again) == contents(top)


def test_provided_on_one_platform_only(index: Index) -> None:
    index.add("a", "1")
    runtime = lock("rt", "a; sys_platform == 'linux'")
    assert pins(runtime) == [("a", "1", "sys_platform == 'linux'", False)]
    assert pins(lock("app-x", "a", lower=[runtime])) == [
        ("a", "1", "sys_platform == 'darwin' or sys_platform == 'win32'", False),
        ("a", "1", "sys_platform == 'linux'", True),
    ]


def test_markers(index: Index) -> None:
    for name in ("a", "b", "c", "d", "e"):
        index.add(name, "1")
    requirements = (
        "a; python_version >= '3'",
        "b; sys_platform == 'cygwin'",
        "c; python_full_version < '3.11.3'",
        "d; implementation_name == 'pypy'",
        "e; sys_platform in 'linux darwin win32'",
    )
    path = lock("rt", *requirements)
    assert pins(path) == [("a", "1", None, False), ("e", "1", None, False)]
    path = lock("rt", *requirements, python_implementation="cpython@3.11")
    assert [pin[0] for pin in pins(path)] == ["a", "c", "e"]


def test_platform_without_a_wheel(index: Index) -> None:
    index.add("a", "1", "cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-win_amd64")
    assert refused("rt", "a") == (
        "//:rt: packages without wheels\n"
        "  * `a` 1 has no wheel for macosx_arm64 (its wheels fit linux_x86_64, win_amd64); narrow "
        "the layer's `platforms`, require another version, "
        "name it in `build_from_source` of this layer, or put a wheel that you build into a "
        "folder of `local_wheels`\n"
        '  * with `platforms=["linux_x86_64", "win_amd64"]` every package has a wheel'
    )
    index.add("b", "1", "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-win_amd64")
    index.add("c", "1", "cp311-cp311-macosx_11_0_arm64")
    assert refused("rt", "a", "b").endswith(
        "\n  * `a` 1 has no wheel for macosx_arm64 (its wheels fit linux_x86_64, win_amd64)\n"
        "  * `b` 1 has no wheel for linux_x86_64 (its wheels fit macosx_arm64, win_amd64)\n"
        '  * with `platforms=["win_amd64"]` every package has a wheel; or require other versions, '
        "name packages in `build_from_source` of this layer, or put wheels that you build into "
        "a folder of `local_wheels`"
    )
    assert "\n  * no platform has wheels for all packages; require" in refused("rt", "a", "b", "c")
    assert pins(lock("rt", "a", platforms=("win_amd64",))) == [("a", "1", None, False)]
    assert "no wheel for linux_x86_64" in refused(
        "rt", "a", platforms=("linux_x86_64",), linux_target="glibc@2.12"
    )


def test_a_lock_lists_the_wheels_for_all_platforms(index: Index) -> None:
    tags = ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-win32", "pp311-pypy311_pp73-win32")
    index.add("a", "1", *tags, requires=(f"b; {NOT_PYPY}", "c; sys_platform == 'win32'"))
    index.add("b", "1", requires=("d; sys_platform != 'win32'",))
    for name in "cd":
        index.add(name, "1")
    path = lock("rt", "a", platforms=("linux_x86_64",))
    read = Lockfile.from_dict(read_toml(path), "lock")
    # As `venvstacks` does it, so that `requirements_hash` is the same.
    assert sorted(
        wheel.file_name for p in read.packages if p.name == "a" for wheel in p.wheels
    ) == [f"a-1-{tag}.whl" for tag in tags]
    assert pins(path) == [("a", "1", None, False), ("b", "1", None, False), ("d", "1", None, False)]


def test_markers_stay_as_uv_writes_them(index: Index) -> None:
    index.add("a", "1", requires=(f"b; {NOT_PYPY} and sys_platform != 'win32'",))
    index.add("b", "1")
    path = lock("rt", "a", platforms=("linux_x86_64", "win_amd64"))
    assert pins(path) == [
        ("a", "1", None, False),
        ("b", "1", f"{NOT_PYPY} and sys_platform != 'win32'", False),
    ]


def test_where_a_platform_lacks_wheels_it_gets_an_older_version(index: Index) -> None:
    index.add("a", "1", "cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-win_amd64")
    index.add("a", "2", "cp311-cp311-manylinux_2_17_x86_64")
    assert pins(lock("one", "a", platforms=("linux_x86_64",))) == [("a", "2", None, False)]
    assert pins(lock("both", "a", platforms=("linux_x86_64", "win_amd64"))) == [
        ("a", "1", "sys_platform == 'win32'", False),
        ("a", "2", "sys_platform == 'linux'", False),
    ]


def test_no_other_platform_stands_in_the_way(index: Index) -> None:
    index.add("a", "1", requires=("b; sys_platform == 'linux'", "missing; sys_platform == 'win32'"))
    index.add("b", "1")
    path = lock("rt", "a", platforms=("linux_x86_64",))
    assert pins(path) == [("a", "1", None, False), ("b", "1", None, False)]


def test_a_package_that_needs_a_later_patch_release(index: Index) -> None:
    index.add("a", "1")
    index.add("a", "2", python=">=3.11.5")
    on: dict[str, Any] = {"python_implementation": "cpython@3.11.7"}
    framework = lock("framework-one", "a", **on)
    assert pins(framework) == [("a", "2", None, False)]
    assert pins(lock("app-x", "a", lower=[framework], **on)) == [("a", "2", None, True)]
    # On a runtime that is too old for it, the older version serves all layers.
    early: dict[str, Any] = {"python_implementation": "cpython@3.11.4"}
    older = lock("framework-old", "a", **early)
    assert pins(older) == [("a", "1", None, False)]
    assert pins(lock("app-old", "a", lower=[older], **early)) == [("a", "1", None, True)]
    again = lock("framework-one", "a", out="again", previous=framework, **on)
    assert contents(again) == contents(framework)
    assert read_toml(framework)["requires-python"] == "==3.11.*"


MAC_14 = "cp311-cp311-macosx_14_0_arm64"
MAC: dict[str, Any] = {"platforms": ("linux_x86_64", "macosx_arm64")}


def test_a_target_that_is_too_old_is_named_with_the_value_that_fits(index: Index) -> None:
    index.add("a", "1", "cp311-cp311-manylinux_2_17_x86_64", MAC_14)
    index.add("b", "1", "cp311-cp311-manylinux_2_34_x86_64", MAC_14)
    assert refused("rt", "a", "b", **MAC) == (
        "//:rt: packages without wheels\n"
        "  * `a` 1 has no wheel for macosx_arm64 with macOS 13.0 (its wheels fit linux_x86_64); "
        'set `macosx_target` to "14.0"\n'
        "  * `b` 1 has no wheel for linux_x86_64, macosx_arm64 with glibc@2.28 and macOS 13.0; "
        'set `linux_target` to "glibc@2.34" and set `macosx_target` to "14.0"\n'
        "  * no platform has wheels for all packages; require other versions, name packages in "
        "`build_from_source` of this layer, or put wheels that you build into a folder of "
        "`local_wheels`"
    )
    newer = {**MAC, "macosx_target": "14.0", "linux_target": "glibc@2.34"}
    assert len(pins(lock("rt", "a", "b", **newer))) == 2


def test_where_a_target_is_too_old_an_older_release_is_taken(index: Index) -> None:
    linux = "cp311-cp311-manylinux_2_17_x86_64"
    index.add("a", "1", linux, "cp311-cp311-macosx_11_0_arm64", requires=("b<3",))
    index.add("a", "2", linux, MAC_14, requires=("b<3",))
    index.add("a", "3rc1", linux, "cp311-cp311-macosx_11_0_arm64")
    index.add("a", "3", linux, MAC_14)
    index.add("b", "1")
    index.add("b", "2", linux, MAC_14)
    path = lock("rt", "a", **MAC)
    assert pins(path) == [
        ("a", "1", "sys_platform == 'darwin'", False),
        ("a", "3", "sys_platform == 'linux'", False),
        ("b", "1", "sys_platform == 'darwin'", False),
    ]
    assert contents(lock("rt", "a", out="again", previous=path, **MAC)) == contents(path)
    # What a requirement rules out is not taken.
    assert "`a` 3 has no wheel for macosx_arm64 with macOS 13.0" in refused("rt", "a>=2", **MAC)
    upper = lock("app-x", "a", lower=[path], **MAC)
    assert [(*pin[:2], pin[3]) for pin in pins(upper)] == [
        ("a", "1", True),
        ("a", "3", True),
        ("b", "1", True),
    ]


def test_older_releases_for_an_older_glibc_and_for_musl(index: Index) -> None:
    linux: dict[str, Any] = {"platforms": ("linux_x86_64",)}
    index.add("a", "1", "cp311-cp311-manylinux2014_x86_64", "cp311-cp311-musllinux_1_1_x86_64")
    index.add("a", "2", "cp311-cp311-manylinux_2_34_x86_64", "cp311-cp311-musllinux_1_2_x86_64")
    for target, version in (
        ("glibc@2.17", "1"), ("glibc@2.28", "1"), ("glibc@2.34", "2"), ("musl@1.1", "1"),
        ("musl@1.2", "2"),
    ):  # fmt: skip
        path = lock("rt", "a", out=target, linux_target=target, **linux)
        assert pins(path) == [("a", version, None, False)]
    assert (
        'has no wheel for linux_x86_64 with glibc@2.12; set `linux_target` to "glibc@2.17", '
    ) in refused("rt", "a<2", linux_target="glibc@2.12", **linux)


def test_older_releases_in_a_folder(index: Index) -> None:
    linux = "cp311-cp311-manylinux_2_17_x86_64"
    write_wheels(Path("top/wheels"), "a", "1", linux, "cp311-cp311-macosx_11_0_arm64")
    write_wheels(Path("top/wheels"), "a", "2", linux, MAC_14)
    path = lock("rt", "a", local_wheels=(LocalWheels("top/wheels", "../../wheels"),), **MAC)
    assert [pin[:2] for pin in pins(path)] == [("a", "1"), ("a", "2")]


def test_wheels_for_musl(index: Index) -> None:
    linux: dict[str, Any] = {
        "platforms": ("linux_x86_64", "linux_aarch64"),
        "linux_target": "musl@1.2",
    }
    index.add("a", "1", "cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_aarch64")
    index.add("b", "1", "cp311-cp311-musllinux_1_1_x86_64", "cp311-cp311-musllinux_1_2_aarch64")
    assert pins(lock("rt", "b", **linux)) == [("b", "1", None, False)]
    assert refused("rt", "a", "b", **linux) == (
        "//:rt: packages without wheels\n"
        "  * `a` 1 has no wheel for linux_x86_64, linux_aarch64 with musl@1.2 (it has wheels for "
        "glibc@2.17; a stack has the C library of its runtime); narrow the layer's `platforms`, "
        "require another version, name it in `build_from_source` of this layer, or put a "
        "wheel that you build into a folder of `local_wheels`\n"
        "  * no platform has wheels for all packages"
    )
    assert "no wheel for linux_aarch64 with musl@1.1" in refused(
        "rt", "b", **{**linux, "linux_target": "musl@1.1"}
    )


def test_wheels_for_a_free_threaded_build(index: Index) -> None:
    free: dict[str, Any] = {
        "platforms": ("linux_x86_64",),
        "python_implementation": "cpython@3.14.0t",
    }
    index.add("a", "1", "cp314-cp314-manylinux_2_17_x86_64", "cp314-abi3-manylinux_2_17_x86_64")
    index.add("b", "1", "cp314-cp314t-manylinux_2_17_x86_64", requires=("c",))
    index.add("c", "1")
    path = lock("rt", "b", **free)
    assert pins(path) == [("b", "1", None, False), ("c", "1", None, False)]
    read = Lockfile.from_dict(read_toml(path), "lock")
    assert read.requires_python == "==3.14.*"
    assert read.inputs is not None
    assert read.inputs.python_implementation == "cpython@3.14.0t"
    assert "no wheel for linux_x86_64 with free-threaded CPython 3.14" in refused("rt", "a", **free)
    # The other build takes none of the wheels of this one.
    plain: dict[str, Any] = {**free, "python_implementation": "cpython@3.14.0"}
    assert pins(lock("rt", "a", **plain)) == [("a", "1", None, False)]
    assert "`b` 1 has no wheel for linux_x86_64 (" in refused("rt", "b", **plain)


def test_an_interpreter_for_musl_is_refused_when_locked(index: Index) -> None:
    message = refused("rt", python_provider="pbs", linux_target="musl", platforms=("linux_x86_64",))
    assert message.startswith("//:rt: the interpreter cannot be pinned\n")
    assert "`python_archives` to interpreters of your own" in message


def test_what_is_published_as_source_only(index: Index) -> None:
    index.add_source("a", "1")
    index.add("b", "1", requires=("a",))
    index.add("c", "1")
    index.add_source("c", "2")
    assert refused("rt", "b").endswith(
        "\n  * `a==1` is published as source only, and layers are made of wheels: require a "
        "version that has wheels, name it in `build_from_source` of this layer, or build a "
        "wheel of it yourself, for example with `pip wheel --no-deps a==1`, and put it into a "
        "folder that `local_wheels` names"
    )
    message = refused("rt", "c>=2")
    assert "  * `c==2` is published as source only" in message
    assert "`pip wheel --no-deps c==2`" in message
    assert "--no-build" not in message
    # What can be had is taken.
    assert pins(lock("rt", "c")) == [("c", "1", None, False)]
    folders = (LocalWheels("top/wheels", "../../wheels"),)
    write_wheels(Path("top/wheels"), "a", "1")
    path = lock("rt", "b", local_wheels=folders)
    assert pins(path) == [("a", "1", None, False), ("b", "1", None, False)]


def test_wheels_for_other_pythons_only(index: Index) -> None:
    index.add("a", "1", "cp310-cp310-manylinux_2_17_x86_64")
    assert refused("rt", "a").endswith(
        "\n  * `a==1` has no wheel that fits: require another version, take another "
        "`python_implementation` than 3.11.4, name it in `build_from_source` of this layer, or "
        "build a wheel of it yourself, for example with `pip wheel --no-deps a==1`, and put it "
        "into a folder that `local_wheels` names"
    )
    index.add("b", "1", python=">=3.12")
    message = refused("rt", "b")
    assert message.endswith(
        "\n  * `b==1` needs Python >=3.12, and the runtime has 3.11.4: require another version, or "
        "take another `python_implementation`"
    )
    assert "Consider using a more restrictive" not in message


def test_unsatisfiable_names_the_lower_layer(index: Index) -> None:
    index.add("a", "1")
    index.add("a", "2")
    runtime = lock("rt", "a<2")
    message = refused("app-x", "a>=2", lower=[runtime])
    assert message.startswith("//:app-x: `uv` cannot lock the requirements of layer `app-x`\n")
    assert "your project depends on a>=2 and a==1" in " ".join(message.split())
    assert message.endswith(
        "`a==1` is imposed by lower layer `rt`, which provides it; let that layer require "
        "`a>=2`, too, or take the versions of both layers from one `python_resolve`; or name the "
        "package in `relaxed_pins` of this layer: it then has a second copy, which hides the one "
        "below"
    )


def test_settings_that_are_not_the_users(index: Index) -> None:
    Path("uv.toml").write_text(
        "[tool.uv]\nno-binary = true\nfind-links = ['wheels']\n"
        '[tool.uv.sources]\na = { path = "a" }\nb = { index = "none" }\n'
        '[[tool.uv.index]]\nurl = "./wheels"\n'
    )
    assert refused("rt", "a").splitlines() == [
        "uv.toml: unusable settings",
        "  * `tool.uv.no-binary`: cannot be set, name the packages in the layer's field "
        "`build_from_source`",
        "  * `tool.uv.find-links`: cannot be set, name a folder in the layer's field "
        "`local_wheels`, or an index in `[[tool.uv.index]]`",
        "  * `tool.uv.index[0].url`: `./wheels` is not an http or https URL: wheels are downloaded "
        "by URL when a layer is built, perhaps on another machine",
        "  * `tool.uv.sources.a`: only a named index can be a source, `{ index = \"NAME\" }`",
        "  * `tool.uv.sources.b`: there is no index named 'none'",
    ]  # fmt: skip
    Path("uv.toml").write_text("[tool.uv]\nresolutionn = 1\n")
    assert "[tool.uv] of uv.toml" in refused("rt", "a")


def test_no_requirements_needs_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert pins(lock("rt", uv_config=None)) == []


@pytest.mark.filterwarnings("ignore:open_text is deprecated:DeprecationWarning")
def test_interpreters_are_pinned_and_their_size_asked_for(index: Index) -> None:
    from pbs_installer import get_download_link

    _, (url, sha256) = get_download_link("3.11.13", "x86_64", "linux")
    archive = index.root / "/".join(url.replace("%2B", "+").split("/")[-2:])
    archive.parent.mkdir()
    archive.write_bytes(b"x" * 1234)
    fields: dict[str, Any] = {
        "python_implementation": "cpython@3.11.13",
        "python_provider": "pbs",
        "platforms": ("linux_x86_64",),
    }
    path = lock("rt", python_mirror=index.url, **fields)
    pinned = read_toml(path)["tool"]["venvstacks-rules"]["interpreters"]
    assert pinned == [
        {"platform": "linux_x86_64", "url": url, "sha256": sha256, "size": 1234},
    ]
    archive.unlink()
    again = lock("rt", out="again", previous=path, python_mirror=index.url, **fields)
    assert contents(again) == contents(path)
    assert refused("rt", **{**fields, "python_implementation": "cpython@3.11.99"}) == (
        "//:rt: the interpreter cannot be pinned\n"
        "  * python-build-standalone has no CPython 3.11.99 for linux_x86_64; choose another "
        "release in `python_implementation`, or narrow `platforms`"
    )


def test_the_newest_release_of_a_version_is_pinned_and_stays(index: Index) -> None:
    from pbs_installer import _versions, get_download_link

    micros = [
        release.micro
        for release in _versions.PYTHON_VERSIONS
        if release[:3] == ("cpython", 3, 11) and not release.freethreaded
    ]
    newest = f"3.11.{max(micros)}"
    for version in (newest, "3.11.13"):
        _, (url, _) = get_download_link(version, "x86_64", "linux")
        archive = index.root / "/".join(url.replace("%2B", "+").split("/")[-2:])
        archive.parent.mkdir()
        archive.write_bytes(b"x")
    fields: dict[str, Any] = {
        "python_implementation": "cpython@3.11",
        "python_provider": "pbs",
        "platforms": ("linux_x86_64",),
        "python_mirror": index.url,
    }
    path = lock("rt", **fields)
    read = Lockfile.from_dict(read_toml(path), "lock")
    assert read.python_version == newest
    assert f"cpython-{newest}%2B" in read.interpreters[0].url
    assert read.inputs is not None
    assert read.inputs.python_implementation == "cpython@3.11"
    # The layers above are locked for it.
    index.add("a", "1")
    index.add("a", "2", python=f">={newest}")
    upper = lock("app-x", "a", lower=[path], **{**fields, "python_provider": "pbs"})
    assert pins(upper) == [("a", "2", None, False)]
    assert "python_version" not in read_toml(upper)["tool"]["venvstacks-rules"]
    # One that was pinned stays, until the definition names another version.
    older = Path("older/pylock.rt.toml")
    older.parent.mkdir()
    older.write_text(path.read_text().replace(f'"{newest}"', '"3.11.13"'))
    again = Lockfile.from_dict(
        read_toml(lock("rt", out="again", previous_lock=str(older), **fields)), ""
    )
    assert again.python_version == "3.11.13"
    assert "cpython-3.11.13%2B" in again.interpreters[0].url
    upgraded = lock("rt", out="upgraded", previous_lock=str(older), upgrade=True, **fields)
    assert f'python_version = "{newest}"' in upgraded.read_text()
    assert refused("rt", **{**fields, "python_implementation": "cpython@3.7"}) == (
        "//:rt: the interpreter cannot be pinned\n"
        "  * python-build-standalone has no release of CPython 3.7 for all of linux_x86_64; choose "
        "another version in `python_implementation`, or narrow `platforms`"
    )


@pytest.mark.integration
def test_real_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old pins by `exclude-newer`, kept when it is gone."""
    monkeypatch.chdir(tmp_path)
    Path("uv.toml").write_text('[tool.uv]\nexclude-newer = "2024-06-01T00:00:00Z"\n')
    old = lock("rt", "rich", "idna", out="old")
    expected = {
        "idna": "3.7",
        "markdown-it-py": "3.0.0",
        "mdurl": "0.1.2",
        "pygments": "2.18.0",
        "rich": "13.7.1",
    }
    assert {name: version for name, version, _, _ in pins(old)} == expected
    new = lock("rt", "rich", "idna", out="new", previous=old, uv_config=None)
    assert pins(new) == pins(old)
    assert (
        json.loads(new.with_suffix(".meta.json").read_text())["locked_at"]
        == (json.loads(old.with_suffix(".meta.json").read_text())["locked_at"])
    )
    packaging.pylock.Pylock.from_dict(read_toml(new))
    # Whatever form it has; the time of locking is not after it.
    Path("uv.toml").write_text('[tool.uv]\nexclude-newer = "2025-08-27"\n')
    assert pins(lock("rt", "rich", "idna", out="later", previous=old)) == pins(old)
    metadata = json.loads(old.with_suffix(".meta.json").read_text())
    assert metadata["locked_at"] == "2024-06-01T00:00:00+00:00"
