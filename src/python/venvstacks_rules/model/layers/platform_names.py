"""Names of platforms that users write, and what they probably mean."""

from __future__ import annotations

import re

from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

# What other tools call the systems and machines.
_SYSTEMS = {
    "macosx": ("macosx", "macos", "darwin", "osx", "mac"),
    "linux": ("linux", "manylinux", "musllinux"),
    "win": ("windows", "win32", "win64", "win"),
}
_MACHINES = (("x86_64", "amd64", "x64", "intel"), ("aarch64", "arm64", "arm"))


def platform_remedy(name: str) -> str:
    """What to write instead of `name`, which is no platform: a sentence."""
    meant = meant_platform(name)
    return f"Did you mean {meant!r}?" if meant else f"Choose from {', '.join(PLATFORMS)}."


def meant_platform(name: str) -> str | None:
    """The platform that `name` probably means: of the system and machine it has words for."""
    written = re.sub(r"[^a-z0-9]+", "_", name.lower())
    for system, words in _SYSTEMS.items():
        beginning = next((word for word in words if written.startswith(word)), None)
        if beginning is None:
            continue
        machine = written[len(beginning) :].strip("_")
        known = {p.machine: name for name, p in PLATFORMS.items() if p.system == system}
        for machines in _MACHINES:
            if machine in machines:
                return next(name for found, name in known.items() if found in machines)
        meant = suggestion(machine, known)
        return known[meant] if meant else None
    return suggestion(name, PLATFORMS)
