"""The wheels that one platform takes of those that a build from source requires."""

from __future__ import annotations

from collections.abc import Iterable

from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.locks.selection import best_wheel
from venvstacks_rules.model.locks.sources import PinnedArchive
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform


def fitting_tools(
    wheels: Iterable[PinnedArchive],
    platform: TargetPlatform,
    *,
    python_version: str,
    linux_target: str,
    macosx_target: str,
) -> list[PinnedArchive]:
    """For each distribution the wheel that fits the platform that builds, if one does."""
    by_name: dict[str, dict[str, PinnedArchive]] = {}
    for wheel in wheels:
        by_name.setdefault(wheel.file_name.split("-")[0], {})[wheel.file_name] = wheel
    found = []
    for files in by_name.values():
        best = best_wheel(
            (LockedWheel(name, f.url, None, f.size, f.sha256) for name, f in files.items()),
            platform=platform,
            python_version=python_version,
            linux_target=linux_target,
            macosx_target=macosx_target,
        )
        if best is not None:
            found.append(files[best.file_name])
    return found
