from __future__ import annotations

import pytest

from venvstacks_rules.model.platforms.machines import MACHINE_PLATFORMS, machine_platform_name
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "linux_x86_64"),
        ("linux", "aarch64", "linux_aarch64"),
        ("linux", "arm64", "linux_aarch64"),
        ("darwin", "arm64", "macosx_arm64"),
        ("darwin", "x86_64", "macosx_x86_64"),
        ("win32", "AMD64", "win_amd64"),
        ("win32", "ARM64", "win_arm64"),
        ("linux", "riscv64", None),
        ("freebsd14", "amd64", None),
    ],
)
def test_machines(system: str, machine: str, name: str | None) -> None:
    assert machine_platform_name(system, machine) == name


def test_each_is_a_target_platform() -> None:
    assert set(MACHINE_PLATFORMS) <= set(PLATFORMS)
