"""The platform of this machine, and the platforms that layers are built for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.platform import Platform

from venvstacks_rules.model.layers.build_platforms import BuildPlatforms, chosen_platforms
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.native_platforms import NATIVE_PLATFORMS
from venvstacks_rules.pants_backend.subsystems.venvstacks import PythonProvider, VenvstacksSubsystem


@dataclass(frozen=True)
class NativePlatform:
    """The target platform of this machine, or of the workers that build by remote execution.

    Layers are run, tested and exported for it.
    """

    name: str


@rule
async def native_platform(native: Platform) -> NativePlatform:
    return NativePlatform(NATIVE_PLATFORMS[native])


@rule
async def build_platforms(options: VenvstacksSubsystem, native: NativePlatform) -> BuildPlatforms:
    return chosen_platforms(
        options.platforms,
        native=native.name,
        local_interpreters=options.python_provider is PythonProvider.LOCAL,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
