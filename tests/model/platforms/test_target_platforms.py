"""Expected values come from ``packaging`` and ``uv``, asked about the platform."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from packaging import tags
from uv import find_uv_bin

from venvstacks_rules.model.platforms.markers import marker_environment
from venvstacks_rules.model.platforms.tags import compatible_tags, wheel_platforms
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, macosx_version


def test_macosx_target() -> None:
    assert [macosx_version(text) for text in ("13.0", "11", "10.15", "13.1.2")] == [
        (13, 0),
        (11, 0),
        (10, 15),
        (13, 1),
    ]
    with pytest.raises(ValueError, match="^`13.x` is not a macOS version `X.Y`$"):
        macosx_version("13.x")


# What a CPython of that platform answers for `packaging.markers.default_environment()`.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linux_x86_64", ("posix", "linux", "Linux", "x86_64")),
        ("linux_aarch64", ("posix", "linux", "Linux", "aarch64")),
        ("macosx_arm64", ("posix", "darwin", "Darwin", "arm64")),
        ("macosx_x86_64", ("posix", "darwin", "Darwin", "x86_64")),
        ("win_amd64", ("nt", "win32", "Windows", "AMD64")),
        ("win_arm64", ("nt", "win32", "Windows", "ARM64")),
    ],
)
def test_marker_environment(name: str, expected: tuple[str, ...]) -> None:
    environment = marker_environment(PLATFORMS[name], "3.11.13")
    keys = ("os_name", "sys_platform", "platform_system", "platform_machine")
    assert tuple(environment[key] for key in keys) == expected
    assert environment["python_version"] == "3.11"
    assert environment["python_full_version"] == "3.11.13"


@pytest.mark.parametrize(
    ("platform", "glibc", "machine"),
    [
        ("linux_x86_64", (2, 28), "x86_64"),
        ("linux_x86_64", (2, 17), "x86_64"),
        ("linux_aarch64", (2, 34), "aarch64"),
    ],
)
def test_linux_platforms_are_those_of_packaging(
    monkeypatch: pytest.MonkeyPatch, platform: str, glibc: str, machine: str
) -> None:
    manylinux = pytest.importorskip("packaging._manylinux")
    monkeypatch.setattr(manylinux, "_get_glibc_version", lambda: glibc)
    monkeypatch.setattr(manylinux, "_have_compatible_abi", lambda *_: True)
    monkeypatch.setattr(manylinux, "_is_compatible", lambda *_: True)
    ours = wheel_platforms(PLATFORMS[platform], f"glibc@{glibc[0]}.{glibc[1]}", "13.0")
    assert ours == (*manylinux.platform_tags([machine]), f"linux_{machine}")


@pytest.mark.parametrize("minor", [0, 1, 2, 5])
def test_linux_platforms_for_musl_are_those_of_packaging(
    monkeypatch: pytest.MonkeyPatch, minor: int
) -> None:
    musllinux = pytest.importorskip("packaging._musllinux")
    version = musllinux._MuslVersion(1, minor)
    monkeypatch.setattr(musllinux, "_get_musl_version", lambda _: version)
    ours = wheel_platforms(PLATFORMS["linux_aarch64"], f"musl@1.{minor}", "13.0")
    assert ours == (*musllinux.platform_tags(["aarch64"]), "linux_aarch64")


def test_macos_tags_are_those_of_packaging() -> None:
    target = PLATFORMS["macosx_arm64"]
    platforms = list(tags.mac_platforms((13, 0), "arm64"))
    expected = [
        *tags.cpython_tags((3, 11), ["cp311"], platforms),
        *tags.compatible_tags((3, 11), "cp311", platforms),
    ]
    assert list(compatible_tags(target, "3.11.4")) == expected


@pytest.mark.parametrize(
    ("uv_platform", "platform", "tag"),
    [
        ("x86_64-manylinux_2_28", "linux_x86_64", "cp311-cp311-manylinux_2_28_x86_64"),
        ("x86_64-manylinux_2_28", "linux_x86_64", "cp311-cp311-manylinux_2_31_x86_64"),
        ("x86_64-manylinux_2_28", "linux_x86_64", "cp311-cp311-manylinux1_x86_64"),
        ("x86_64-manylinux_2_28", "linux_x86_64", "cp311-cp311-musllinux_1_2_x86_64"),
        ("x86_64-manylinux_2_28", "linux_x86_64", "cp38-abi3-manylinux2014_x86_64"),
        ("x86_64-manylinux_2_28", "linux_x86_64", "cp311-none-any"),
        ("x86_64-manylinux_2_28", "linux_x86_64", "cp312-abi3-manylinux2014_x86_64"),
        ("aarch64-manylinux_2_28", "linux_aarch64", "cp311-cp311-manylinux_2_17_aarch64"),
        ("aarch64-apple-darwin", "macosx_arm64", "cp311-cp311-macosx_11_0_arm64"),
        ("aarch64-apple-darwin", "macosx_arm64", "cp311-cp311-macosx_13_0_universal2"),
        ("aarch64-apple-darwin", "macosx_arm64", "cp311-cp311-macosx_14_0_arm64"),
        ("aarch64-apple-darwin", "macosx_arm64", "cp311-cp311-macosx_11_0_x86_64"),
        ("x86_64-apple-darwin", "macosx_x86_64", "cp311-cp311-macosx_10_9_x86_64"),
        ("x86_64-apple-darwin", "macosx_x86_64", "cp311-cp311-macosx_10_9_intel"),
        ("x86_64-pc-windows-msvc", "win_amd64", "cp311-cp311-win_amd64"),
        ("x86_64-pc-windows-msvc", "win_amd64", "py3-none-win32"),
        ("aarch64-pc-windows-msvc", "win_arm64", "cp311-cp311-win_arm64"),
    ],
)
def test_uv_accepts_the_same_wheels(
    tmp_path: Path, uv_platform: str, platform: str, tag: str
) -> None:
    wheel = tmp_path / f"demo-1-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "demo-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1\n"
        )
        archive.writestr("demo-1.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr("demo-1.dist-info/RECORD", "")
    command = [find_uv_bin(), "pip", "compile", "-", "--no-config", "--offline", "--no-index"]
    command += ["--no-build", "--find-links", str(tmp_path), "--python-version", "3.11"]
    done = subprocess.run(
        [*command, "--python-platform", uv_platform, "--no-cache", "--quiet"],
        input=b"demo",
        capture_output=True,
        env={"MACOSX_DEPLOYMENT_TARGET": "13.0", "PATH": "/usr/bin:/bin"},
        check=False,
    )
    accepted = done.returncode == 0
    if not accepted:
        assert b"no wheels with a matching" in done.stderr, done.stderr.decode()
    ours = {str(found) for found in compatible_tags(PLATFORMS[platform], "3.11")}
    assert (tag in ours) == accepted
