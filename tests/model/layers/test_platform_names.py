"""Which platform a user means."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.platform_names import meant_platform, platform_remedy


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("macos_arm64", "macosx_arm64"),
        ("macosx_aarch64", "macosx_arm64"),
        ("darwin-arm64", "macosx_arm64"),
        ("darwin_x86_64", "macosx_x86_64"),
        ("osx-64", None),
        ("linux_x86-64", "linux_x86_64"),
        ("linux_amd64", "linux_x86_64"),
        ("linux_arm64", "linux_aarch64"),
        ("Linux_x86_64", "linux_x86_64"),
        ("linux_x86_46", "linux_x86_64"),
        ("manylinux_aarch64", "linux_aarch64"),
        ("linx_x86_64", "linux_x86_64"),
        ("windows_x86_64", "win_amd64"),
        ("win64_x64", "win_amd64"),
        ("win_arm46", "win_arm64"),
        ("linux_riscv", None),
        ("linux", None),
        ("amiga", None),
        ("", None),
    ],
)
def test_platforms(written: str, meant: str | None) -> None:
    assert meant_platform(written) == meant


def test_remedies() -> None:
    assert platform_remedy("macos_arm64") == "Did you mean 'macosx_arm64'?"
    assert platform_remedy("linux") == (
        "Choose from linux_x86_64, linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64, "
        "win_arm64."
    )
