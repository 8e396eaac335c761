"""The platforms of a request, which names them."""

from __future__ import annotations

from collections.abc import Iterable

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, TargetPlatform
from venvstacks_rules.model.wording import quoted


def platforms_named(target: str, names: Iterable[str]) -> tuple[TargetPlatform, ...]:
    """The platforms `names` of the layer `target`; raises LockError for unknown or no names."""
    listed = tuple(names)
    unknown = [name for name in listed if name not in PLATFORMS]
    if unknown or not listed:
        problem = f"unknown: {quoted(unknown)}" if unknown else "empty"
        raise LockError(
            f"{target}: `platforms` cannot be locked",
            [f"{problem}; use some of {', '.join(PLATFORMS)}"],
        )
    return tuple(PLATFORMS[name] for name in listed)
