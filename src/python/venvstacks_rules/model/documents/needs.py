"""Which packages need which: from what their wheels say, on one platform."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from packaging.markers import InvalidMarker

from venvstacks_rules.model.contents.wheel_metadata import WheelRequirement
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform


def needs(
    packages: Mapping[str, Collection[WheelRequirement]],
    direct: Iterable[WheelRequirement],
    platform: TargetPlatform,
    python_version: str,
) -> dict[str, tuple[str, ...]]:
    """What each package needs on `platform`, by name and sorted; also what is no key of `packages`.

    `packages` has what each requires, `direct` what is required of them from outside: with it begin
    the extras, whose requirements count where something asks for them.
    """
    found: dict[str, set[str]] = {name: set() for name in packages}
    waiting = [(name, "") for name in packages]
    waiting += [(r.name, extra) for r in direct for extra in r.extras]
    seen = set()
    while waiting:
        asked = waiting.pop()
        name, extra = asked
        if asked in seen or name not in packages:
            continue
        seen.add(asked)
        for requirement in packages[name]:
            if _holds(requirement, platform, python_version, extra):
                found[name].add(requirement.name)
                waiting += [(requirement.name, other) for other in requirement.extras]
    return {name: tuple(sorted(needed - {name})) for name, needed in found.items()}


def reached(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """The names in `start`, and all that these need in turn."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, ())
    return found


def _holds(
    requirement: WheelRequirement, platform: TargetPlatform, python_version: str, extra: str
) -> bool:
    try:
        return holds(requirement.marker or None, platform, python_version, extra)
    except (InvalidMarker, RecursionError):
        # The wheel's mistake; the locker ignored it, too, or found what it needs elsewhere.
        return False
