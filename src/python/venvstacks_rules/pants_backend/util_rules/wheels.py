"""The wheels of a layer: which they are, the wheels themselves, and what they offer to others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import Digest, MergeDigests
from pants.util.logging import LogLevel

from venvstacks_rules.model.action_io import (
    WheelInterface,
    WheelInterfaceRequest,
    from_json,
    to_json,
)
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layout import short_version
from venvstacks_rules.model.lockfiles import LockedWheel
from venvstacks_rules.model.platforms import PLATFORMS
from venvstacks_rules.model.selection import select_wheels
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.action_tool import ActionProcessRequest, run_action
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.util_rules.downloads import PinnedFileRequest, pinned_file
from venvstacks_rules.pants_backend.util_rules.interpreters import (
    LocalInterpreterRequest,
    found_interpreter,
)
from venvstacks_rules.pants_backend.util_rules.layer_graph import LayerRequest, find_layer
from venvstacks_rules.pants_backend.util_rules.locks import ChainLocksRequest, chain_locks


@dataclass(frozen=True)
class PythonVersionRequest:
    """The exact Python version of a layer's runtime."""

    address: Address


@dataclass(frozen=True)
class PythonVersion:
    """X.Y.Z."""

    value: str


@dataclass(frozen=True)
class LayerWheelsRequest:
    """The wheels of a layer on a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class LayerWheels:
    """The wheels that a layer's own packages are installed from."""

    wheels: tuple[LockedWheel, ...]
    python_version: str
    """X.Y.Z of the runtime."""


@dataclass(frozen=True)
class FetchedWheelsRequest:
    """Wheels to fetch."""

    wheels: tuple[LockedWheel, ...]
    target: str
    """The address of the layer, for messages."""


@dataclass(frozen=True)
class FetchedWheels:
    """Wheels, each in a folder of its own."""

    digest: Digest
    paths: tuple[str, ...]
    """In the order of the request."""


@dataclass(frozen=True)
class LayerWheelsInterfaceRequest:
    """What a layer's wheels offer to the layers above."""

    address: Address
    platform: str


@rule
async def python_version(request: PythonVersionRequest) -> PythonVersion:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    declared = found.layer.python_version
    if declared.count(".") == 2:
        return PythonVersion(declared)
    # Only an interpreter of this machine may leave the patch release open.
    local = await found_interpreter(
        LocalInterpreterRequest(found.layer.runtime, declared), **implicitly()
    )
    return PythonVersion(local.python_version)


@rule
async def layer_wheels(request: LayerWheelsRequest) -> LayerWheels:
    found, locks, version = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        python_version(PythonVersionRequest(request.address), **implicitly()),
    )
    wheels = select_wheels(
        locks.locks[found.layer.address],
        platform=PLATFORMS[request.platform],
        python_version=version.value,
        linux_target=found.layer.linux_target,
        macosx_target=found.layer.macosx_target,
    )
    return LayerWheels(wheels, version.value)


@rule
async def fetched_wheels(request: FetchedWheelsRequest) -> FetchedWheels:
    local = [wheel.file_name for wheel in request.wheels if wheel.url is None]
    if local:
        raise LockError(
            "A lockfile has wheels that cannot be fetched yet:",
            [f"{request.target}: {name} has a local path and no URL." for name in local],
        )
    files = await concurrently(
        pinned_file(
            PinnedFileRequest(
                request.target, wheel.url or "", wheel.sha256, wheel.size, directory=str(index)
            ),
            **implicitly(),
        )
        for index, wheel in enumerate(request.wheels)
    )
    digest = await engine.merge_digests(MergeDigests(file.digest for file in files))
    return FetchedWheels(digest, tuple(file.path for file in files))


@rule
async def layer_wheels_interface(request: LayerWheelsInterfaceRequest) -> WheelInterface:
    found, selected = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        layer_wheels(LayerWheelsRequest(request.address, request.platform), **implicitly()),
    )
    layer = found.layer
    if not selected.wheels:
        return WheelInterface(shared_libraries=False, modules=())
    fetched = await fetched_wheels(
        FetchedWheelsRequest(selected.wheels, layer.address), **implicitly()
    )
    result = await run_action(
        ActionProcessRequest(
            verb="wheel-interface",
            request=to_json(
                WheelInterfaceRequest(
                    fetched.paths, short_version(selected.python_version), layer.dynlib_exclude
                )
            ),
            input_digest=fetched.digest,
            description=f"Look at what the wheels of {layer.layer_name} offer",
            level=LogLevel.DEBUG,
        ),
        **implicitly(),
    )
    return from_json(WheelInterface, result.result)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
