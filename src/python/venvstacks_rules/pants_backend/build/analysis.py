"""Analyzes the wheels of a layer: its modules and shared libraries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address

from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.interface import DataFile, PackageFolder
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.layer_packages import layer_data, layer_packages
from venvstacks_rules.model.libraries.offers import LayerLibraries, layer_libraries
from venvstacks_rules.model.libraries.target import Target
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, macosx_version
from venvstacks_rules.model.requests.analyze import AnalyzedWheels, AnalyzeWheelsRequest
from venvstacks_rules.pants_backend.build.segments import wheel_groups
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.inputs.wheels import (
    FetchedWheelsRequest,
    LayerWheelsRequest,
    fetched_wheels,
    layer_wheels,
)
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest


@dataclass(frozen=True)
class WheelGroupAnalysisRequest:
    """Some wheels to analyze in one process."""

    wheels: tuple[LockedWheel, ...]
    address: Address
    """The layer whose lockfile has them."""
    layer: str
    """The layer_name, for the description."""
    python_version: str
    """``X.Y``."""
    os_name: str


@dataclass(frozen=True)
class LayerAnalysisRequest:
    """The analysis of the wheels of a layer on a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class LayerAnalysis:
    """The analysis of the wheels of a layer, regardless of the layers below."""

    wheels: tuple[AnalyzedWheel, ...]
    """In the order of the archive."""
    target: Target
    libraries: LayerLibraries

    @property
    def modules(self) -> tuple[str, ...]:
        """The names that can be imported from the wheels, sorted."""
        return tuple(sorted({name for wheel in self.wheels for name in wheel.modules}))

    @property
    def scripts(self) -> tuple[tuple[str, str], ...]:
        """The names and targets of the commands that the wheels define, sorted by name."""
        return tuple(sorted({name: t for w in self.wheels for name, t in w.scripts}.items()))

    @property
    def packages(self) -> tuple[PackageFolder, ...]:
        """The folders of modules in the wheels."""
        return layer_packages(self.wheels)

    @property
    def data(self) -> tuple[DataFile, ...]:
        """The data files of the wheels."""
        return layer_data(self.wheels)


@rule
async def wheel_group_analysis(request: WheelGroupAnalysisRequest) -> AnalyzedWheels:
    fetched = await fetched_wheels(
        FetchedWheelsRequest(request.wheels, request.address), **implicitly()
    )
    result = await run_action(
        ActionProcessRequest(
            verb="analyze-wheels",
            request=to_json(
                AnalyzeWheelsRequest(fetched.wheels, request.python_version, request.os_name)
            ),
            input_digest=fetched.digest,
            description=f"Analyze {fetched.called} of {request.layer}",
        ),
        **implicitly(),
    )
    return from_json(AnalyzedWheels, result.result)


@rule
async def layer_analysis(request: LayerAnalysisRequest) -> LayerAnalysis:
    found, selected = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        layer_wheels(LayerWheelsRequest(request.address, request.platform), **implicitly()),
    )
    layer, platform = found.layer, PLATFORMS[request.platform]
    analyzed = await concurrently(
        wheel_group_analysis(
            WheelGroupAnalysisRequest(
                wheels=group,
                address=request.address,
                layer=layer.layer_name,
                python_version=short_version(selected.python_version),
                os_name=platform.os_name,
            ),
            **implicitly(),
        )
        for group in wheel_groups(layer, selected.wheels)
    )
    wheels = tuple(wheel for group in analyzed for wheel in group.wheels)
    target = Target(
        platform=platform,
        python_version=selected.python_version,
        linux_target=layer.parsed_linux_target,
        macosx_target=macosx_version(layer.macosx_target),
    )
    libraries = layer_libraries(wheels, target, layer.dynlib_exclude)
    return LayerAnalysis(wheels, target, libraries)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
