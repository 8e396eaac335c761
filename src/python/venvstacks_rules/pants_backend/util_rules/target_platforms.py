"""The platforms that layers are built for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.platform import Platform

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.platforms import PLATFORMS
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.subsystem import VenvstacksSubsystem

_NATIVE = {
    Platform.linux_x86_64: "linux_x86_64",
    Platform.linux_arm64: "linux_aarch64",
    Platform.macos_x86_64: "macosx_x86_64",
    Platform.macos_arm64: "macosx_arm64",
}


@dataclass(frozen=True)
class TargetPlatformNames:
    """The platforms to build for."""

    names: tuple[str, ...]


def native_platform(native: Platform) -> str:
    """The target platform of this machine."""
    return _NATIVE[native]


@rule
async def target_platforms(options: VenvstacksSubsystem, native: Platform) -> TargetPlatformNames:
    name = native_platform(native)
    unknown = [wanted for wanted in options.platforms if wanted not in ("native", name)]
    if unknown:
        raise DefinitionError(
            "`[venvstacks].platforms` cannot be used:",
            [
                f"{wanted!r} is not supported yet: layers are built for the platform of this "
                f"machine, 'native', which is '{name}'."
                if wanted in PLATFORMS
                else f"{wanted!r} is not a target platform. Use 'native'."
                for wanted in unknown
            ],
        )
    return TargetPlatformNames((name,))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
