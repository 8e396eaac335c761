"""``uv`` accepts, and prefers, the same wheels on each platform, whatever the Python version."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from tests.support.uv_targets import TARGETS, ask_uv, installed_tags, wheel
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.locks.selection import best_wheel
from venvstacks_rules.model.platforms.tags import compatible_tags
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.13t", "3.14t")

MANYLINUX = (
    "manylinux1", "manylinux2010", "manylinux2014", "manylinux_2_5", "manylinux_2_12",
    "manylinux_2_17", "manylinux_2_28", "manylinux_2_29", "manylinux_2_34", "manylinux_2_40",
    "manylinux_2_41", "musllinux_1_0", "musllinux_1_1", "musllinux_1_2", "musllinux_1_3",
    "linux",
)  # fmt: skip
PLATFORM_TAGS = (
    *(f"{policy}_{machine}" for policy in MANYLINUX for machine in ("x86_64", "aarch64")),
    "manylinux2014_i686", "macosx_10_9_x86_64", "macosx_10_15_x86_64", "macosx_10_16_x86_64",
    "macosx_10_9_intel", "macosx_10_9_universal", "macosx_10_9_universal2", "macosx_10_12_fat64",
    "macosx_11_0_arm64", "macosx_11_0_x86_64", "macosx_11_0_universal2", "macosx_12_3_arm64",
    "macosx_13_0_arm64", "macosx_13_0_x86_64", "macosx_13_0_universal2", "macosx_14_0_arm64",
    "macosx_14_0_universal2", "macosx_15_0_arm64", "win32", "win_amd64", "win_arm64", "any",
)  # fmt: skip


def python_tags(version: str) -> tuple[str, ...]:
    """Tags of wheels for some interpreters, `version` itself first; few of the others fit it."""
    minor = int(version.partition(".")[2].rstrip("t"))
    both = (f"cp3{minor}-cp3{minor}", f"cp3{minor}-cp3{minor}t")
    return (
        *(reversed(both) if version.endswith("t") else both),
        f"cp3{minor}-abi3",
        f"cp3{minor}-none",
        f"cp3{minor}-abi3t",
        f"cp3{minor - 1}-cp3{minor - 1}t",
        f"cp3{minor - 1}-abi3t",
        f"cp3{minor + 1}-abi3t",
        f"cp3{minor}-abi3.abi3t",
        f"cp3{minor}-cp3{minor}m",
        f"cp3{minor}-cp3{minor}d",
        f"cp3{minor - 1}-cp3{minor - 1}",
        f"cp3{minor - 1}-abi3",
        f"cp3{minor - 1}-none",
        f"cp3{minor + 1}-abi3",
        f"py3{minor}-none",
        f"py3{minor - 1}-none",
        f"py3{minor + 1}-none",
        f"pp3{minor}-pypy3{minor}_pp73",
        "cp32-abi3",
        "cp36.cp37-abi3",
        "cp3-none",
        "py3-none",
        "py2-none",
        "py2.py3-none",
    )


def differing_tags(version: str, platform: str) -> list[str]:
    """Tags of which some fit: any interpreter on the platform, one interpreter on any platform."""
    interpreter = python_tags(version)[0]
    native = {"linux_x86_64": "manylinux_2_17_x86_64", "linux_aarch64": "manylinux_2_17_aarch64"}
    native.update(macosx_arm64="macosx_11_0_arm64", macosx_x86_64="macosx_10_9_x86_64")
    own = native.get(platform, platform)
    return [
        *(f"{python}-{own}" for python in python_tags(version)),
        *(f"{python}-any" for python in python_tags(version)),
        *(f"{interpreter}-{tag}" for tag in PLATFORM_TAGS),
        *(f"py3-none-{tag}" for tag in PLATFORM_TAGS),
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_wheels_fit(tmp_path: Path, target: str, version: str) -> None:
    _, macos, platform, linux = TARGETS[target]
    tags = differing_tags(version, platform)
    names = {f"demo{number}": tag for number, tag in enumerate(dict.fromkeys(tags))}
    for name, tag in names.items():
        # Version 2 is taken where its tag fits.
        wheel(tmp_path, name, "1", "py2.py3-none-any")
        wheel(tmp_path, name, "2", tag)
    compiled = ask_uv(tmp_path, "compile", names, version, target, "--no-header", "--no-annotate")
    accepted = {
        names[line.partition("==")[0]] for line in compiled.splitlines() if line.endswith("==2")
    }
    fitting = set(compatible_tags(PLATFORMS[platform], version, linux, macos))
    ours = {tag for tag in names.values() if parse_wheel_filename(f"demo-2-{tag}.whl")[3] & fitting}
    assert accepted == ours
    assert 10 < len(accepted) < len(names)


@pytest.mark.parametrize("version", ["3.9", "3.14", "3.14t"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_wheel_is_the_best(tmp_path: Path, target: str, version: str) -> None:
    _, macos, platform, linux = TARGETS[target]
    ranked = [
        str(tag)
        for tag in compatible_tags(PLATFORMS[platform], version, linux, macos)
        if str(tag) in differing_tags(version, platform)
    ]
    # Each with the next one: who agrees on all pairs agrees on the order.
    expected = {}
    for number, pair in enumerate(zip(ranked, ranked[1:])):
        name = f"demo{number}"
        names = {wheel(tmp_path, name, "1", tag): tag for tag in pair}
        chosen = best_wheel(
            (LockedWheel(file_name, file_name, None, 1, "0" * 64) for file_name in names),
            platform=PLATFORMS[platform],
            python_version=version,
            linux_target=linux,
            macosx_target=macos,
        )
        assert chosen is not None
        expected[name] = names[chosen.file_name]
    ask_uv(tmp_path, "install", expected, version, target, "--target", str(tmp_path / "target"))
    assert installed_tags(tmp_path / "target") == expected
    assert len(expected) >= 10
