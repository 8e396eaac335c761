"""Makes the interface of a layer: all that the layers above it need to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address

from venvstacks_rules.model.layers.interface import LayerInterface
from venvstacks_rules.pants_backend.build.analysis import LayerAnalysisRequest, layer_analysis
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_modules import (
    LayerModulesRequest,
    code_folders,
    layer_modules,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks


@dataclass(frozen=True)
class LayerInterfaceRequest:
    """The interface of a layer on a platform."""

    address: Address
    platform: str


@rule
async def layer_interface(request: LayerInterfaceRequest) -> LayerInterface:
    found, locks, analysis, modules = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        layer_analysis(LayerAnalysisRequest(request.address, request.platform), **implicitly()),
        layer_modules(LayerModulesRequest(request.address), **implicitly()),
    )
    install_target = locks.install_target(found.layer)
    return LayerInterface(
        install_target=install_target,
        python_version=analysis.target.python_version,
        libraries=analysis.libraries.offered,
        ambiguous_libraries=tuple(each.library for each in analysis.libraries.ambiguous),
        modules=analysis.modules,
        scripts=analysis.scripts,
        packages=(*analysis.packages, *code_folders(modules, install_target)),
        data=analysis.data,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
