"""Which target platform a machine is."""

from __future__ import annotations

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_NAMES = {
    ("linux", "x86_64"): "linux_x86_64",
    ("linux", "aarch64"): "linux_aarch64",
    ("darwin", "aarch64"): "macosx_arm64",
    ("darwin", "x86_64"): "macosx_x86_64",
    ("win32", "x86_64"): "win_amd64",
    ("win32", "aarch64"): "win_arm64",
}
MACHINE_PLATFORMS = tuple(_NAMES.values())
"""The names of all target platforms that a machine may be."""


def machine_platform_name(system: str, machine: str) -> str | None:
    """The target platform of a machine, by `sys.platform` and `platform.machine()`; None without.

    Systems call one kind of processor by different names.
    """
    machine = machine.lower()
    return _NAMES.get((system, _MACHINES.get(machine, machine)))
