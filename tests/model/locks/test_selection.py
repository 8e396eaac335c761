from __future__ import annotations

import pytest

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.locks.selection import (
    needed_target,
    no_wheel_problems,
    select_wheels,
    wheel_lack,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS


def wheel(name: str) -> LockedWheel:
    return LockedWheel(name, f"https://example.org/{name}", None, 1, "0" * 64)


def package(
    name: str, *tags: str, marker: str | None = None, version: str = "1", provided: bool = False
) -> LockedPackage:
    wheels = tuple(wheel(f"{name}-{version}-{tag}.whl") for tag in tags)
    return LockedPackage(name, version, marker, None, wheels, provided)


def select(*packages: LockedPackage, platform: str = "linux_x86_64", **options: str) -> list[str]:
    found = select_wheels(
        Lockfile("==3.11.*", packages),
        platform=PLATFORMS[platform],
        python_version=options.get("python_version", "3.11.4"),
        linux_target=options.get("linux_target", "glibc@2.28"),
        macosx_target=options.get("macosx_target", "13.0"),
    )
    return [found_wheel.file_name for found_wheel in found]


# `pip download --only-binary :all: --platform ... --abi cp311` prefers in this order as well.
def test_most_specific_tag_wins() -> None:
    tags = ["py3-none-any", "cp311-abi3-manylinux_2_17_x86_64", "cp311-cp311-manylinux1_x86_64"]
    assert select(package("a", *tags)) == ["a-1-cp311-cp311-manylinux1_x86_64.whl"]
    assert select(package("a", *tags[:2])) == ["a-1-cp311-abi3-manylinux_2_17_x86_64.whl"]
    assert select(package("a", *tags), platform="win_amd64") == ["a-1-py3-none-any.whl"]


def test_newest_fitting_glibc_wins() -> None:
    tags = [f"cp311-cp311-manylinux_2_{minor}_x86_64" for minor in (17, 28, 34)]
    assert select(package("a", *tags)) == ["a-1-cp311-cp311-manylinux_2_28_x86_64.whl"]
    assert select(package("a", *tags), linux_target="glibc@2.17") == [
        "a-1-cp311-cp311-manylinux_2_17_x86_64.whl"
    ]


def test_highest_build_tag_wins_as_a_number() -> None:
    assert select(package("a", "9-py3-none-any", "10-py3-none-any", "py3-none-any")) == [
        "a-1-10-py3-none-any.whl"
    ]


def test_order_of_the_lockfile_does_not_matter() -> None:
    one = package("b", "py3-none-any")
    two = package("a", "py2.py3-none-any", "py3-none-any")
    swapped = package("a", "py3-none-any", "py2.py3-none-any")
    assert select(one, two) == select(swapped, one)


def test_markers_are_those_of_the_target() -> None:
    packages = [
        package("a", "py3-none-any", marker="sys_platform == 'win32'"),
        package("b", "py3-none-any", marker="python_full_version < '3.11.3'"),
        package("c", "py3-none-any", marker="platform_release >= '20'"),
        package("d", provided=True),
    ]
    assert select(*packages) == []
    assert select(*packages, platform="win_arm64") == ["a-1-py3-none-any.whl"]
    assert select(*packages, python_version="3.11") == ["b-1-py3-none-any.whl"]


def test_all_packages_without_a_wheel_are_named() -> None:
    with pytest.raises(LockError) as caught:
        select(
            package("a", "cp311-cp311-win_amd64", "cp311-cp311-macosx_11_0_arm64"),
            package("b", "cp310-cp310-win_amd64"),
        )
    assert str(caught.value) == (
        "the lockfile does not fit platform linux_x86_64\n"
        "  * `a` 1 has no wheel for linux_x86_64 (its wheels fit macosx_arm64, win_amd64)\n"
        "  * `b` 1 has no wheel for linux_x86_64 (its wheels fit no platform)\n"
        "  * narrow the layer's `platforms`, require other versions, name packages in "
        "`build_from_source` of this layer, or put wheels that you build into a folder of "
        "`local_wheels`"
    )


def test_what_is_rare_is_named() -> None:
    wheels = package("a", "cp314-cp314-manylinux_2_17_x86_64", "cp314-cp314t-win_amd64")
    with pytest.raises(LockError) as caught:
        select(wheels, python_version="3.14.0t", linux_target="musl@1.2")
    assert caught.value.problems == (
        "`a` 1 has no wheel for linux_x86_64 with free-threaded CPython 3.14 and musl@1.2 (its "
        "wheels fit win_amd64); narrow the layer's `platforms`, require another version, "
        "name it in `build_from_source` of this layer, or put a wheel that you build into a "
        "folder of "
        "`local_wheels`",
    )


@pytest.mark.parametrize(
    ("tag", "target", "told"),
    [
        ("musllinux_1_2_x86_64", "glibc@2.28", "musl@1.2"),
        ("manylinux2014_x86_64", "musl@1.2", "glibc@2.17"),
        ("musllinux_1_2_aarch64", "glibc@2.28", None),
        ("win_amd64", "glibc@2.28", None),
    ],
)
def test_wheels_for_another_libc_are_told(tag: str, target: str, told: str | None) -> None:
    with pytest.raises(LockError) as caught:
        select(package("a", f"cp310-cp310-{tag}", f"cp311-cp311-{tag}"), linux_target=target)
    (problem,) = caught.value.problems
    assert (
        f"no wheel for linux_x86_64 with {target} (it has wheels for {told}; a stack has the C "
        "library of its runtime); narrow" in problem
    ) is (told is not None)


@pytest.mark.parametrize(
    ("tags", "options", "target"),
    [
        (["cp311-cp311-macosx_14_0_arm64"], {"platform": "macosx_arm64"}, "14.0"),
        (["cp311-cp311-macosx_26_0_universal2"], {"platform": "macosx_x86_64"}, "26.0"),
        # No macOS since 11 has wheels for its minor releases.
        (
            ["py3-none-macosx_15_0_arm64", "cp311-abi3-macosx_14_2_arm64"],
            {"platform": "macosx_arm64"},
            "15.0",
        ),
        # Nor does an older one for another Python help.
        (
            ["cp310-cp310-macosx_14_0_arm64", "cp311-cp311-macosx_15_0_arm64"],
            {"platform": "macosx_arm64"},
            "15.0",
        ),
        (["cp311-cp311-macosx_14_0_arm64"], {"platform": "macosx_x86_64"}, None),
        (["cp311-cp311-manylinux_2_34_x86_64"], {}, "glibc@2.34"),
        (["cp311-cp311-manylinux2014_x86_64"], {"linux_target": "glibc@2.12"}, "glibc@2.17"),
        (["cp311-cp311-manylinux_2_34_aarch64"], {}, None),
        (["cp311-cp311-musllinux_1_2_x86_64"], {}, None),
        (["cp311-cp311-musllinux_1_2_x86_64"], {"linux_target": "musl@1.1"}, "musl@1.2"),
        (["cp311-cp311-manylinux_2_34_x86_64"], {"linux_target": "musl@1.1"}, None),
        (["cp312-cp312-win_amd64"], {"platform": "win_amd64"}, None),
    ],
)
def test_the_target_that_would_fit(
    tags: list[str], options: dict[str, str], target: str | None
) -> None:
    found = needed_target(
        package("a", *tags).wheels,
        platform=PLATFORMS[options.get("platform", "linux_x86_64")],
        python_version="3.11.4",
        linux_target=options.get("linux_target", "glibc@2.28"),
        macosx_target="13.0",
    )
    assert found == target


def test_a_target_that_serves_some_platforms_of_a_system() -> None:
    wheels = package("a", "cp311-cp311-macosx_14_0_arm64", "cp311-cp311-win_amd64")
    lack = wheel_lack(
        wheels,
        ("macosx_arm64", "macosx_x86_64"),
        ("win_amd64",),
        python_version="3.11.4",
        linux_target="glibc@2.28",
        macosx_target="13.0",
    )
    (problem,) = no_wheel_problems([lack])
    assert problem == (
        "`a` 1 has no wheel for macosx_arm64, macosx_x86_64 with macOS 13.0 (its wheels fit "
        'win_amd64); set `macosx_target` to "14.0" for macosx_arm64, narrow the layer\'s '
        "`platforms`, require another version, "
        "name it in `build_from_source` of this layer, or put a wheel that you build into a "
        "folder of "
        "`local_wheels`"
    )


def test_two_versions_for_one_platform_are_refused() -> None:
    with pytest.raises(LockError, match="`a` is locked in two versions for linux_x86_64: 1 and 2"):
        select(package("a", "py3-none-any"), package("a", "py3-none-any", version="2"))
