"""What the layers above have to know of a layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address

from venvstacks_rules.model.layer_files import LayerInterface
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.util_rules.layer_graph import LayerRequest, find_layer
from venvstacks_rules.pants_backend.util_rules.locks import ChainLocksRequest, chain_locks
from venvstacks_rules.pants_backend.util_rules.wheels import (
    LayerWheelsInterfaceRequest,
    PythonVersionRequest,
    layer_wheels_interface,
    python_version,
)


@dataclass(frozen=True)
class LayerInterfaceRequest:
    """What the layers above have to know of a layer."""

    address: Address
    platform: str


@rule
async def layer_interface(request: LayerInterfaceRequest) -> LayerInterface:
    found, locks, version, wheels = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        python_version(PythonVersionRequest(request.address), **implicitly()),
        layer_wheels_interface(
            LayerWheelsInterfaceRequest(request.address, request.platform), **implicitly()
        ),
    )
    return LayerInterface(
        install_target=locks.install_target(found.layer),
        python_version=version.value,
        offers_shared_libraries=wheels.shared_libraries,
        modules=wheels.modules,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
