"""Selects the wheels of a layer, and fetches them."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName
from pants.engine.fs import CreateDigest, Digest, FileDigest, FileEntry, MergeDigests

from venvstacks_rules.model.contents.inputs import LayerWheel
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.locks.selection import select_wheels, with_built_wheels
from venvstacks_rules.model.network.credentials import indexes_for
from venvstacks_rules.model.paths import place_inside
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.python_versions import names_patch_release
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.inputs.downloads import PinnedFileRequest, pinned_file
from venvstacks_rules.pants_backend.inputs.interpreters import (
    LocalInterpreterRequest,
    found_interpreter,
)
from venvstacks_rules.pants_backend.inputs.repository_files import (
    RepositoryFile,
    RepositoryFiles,
    RepositoryFilesRequest,
    repository_files,
)
from venvstacks_rules.pants_backend.inputs.source_builds import SourceBuildRequest, source_build
from venvstacks_rules.pants_backend.locks.distributions import (
    LayerDistributionsRequest,
    layer_distributions,
)
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks
from venvstacks_rules.pants_backend.locks.uv_config import UvConfigRequest, find_uv_config
from venvstacks_rules.pants_backend.subsystems.venvstacks import PythonProvider, VenvstacksSubsystem


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
    """The wheels of a layer's own packages."""

    wheels: tuple[LockedWheel, ...]
    python_version: str
    """X.Y.Z of the runtime."""
    remarks: tuple[str, ...] = ()
    """On packages that were built from source, for the user who packages the layer."""


@dataclass(frozen=True)
class FetchedWheelsRequest:
    """Wheels to fetch."""

    wheels: tuple[LockedWheel, ...]
    address: Address
    """The layer whose lockfile has them."""


@dataclass(frozen=True)
class FetchedWheels:
    """Wheels, each in a folder of its own."""

    digest: Digest
    wheels: tuple[LayerWheel, ...]
    """In the order of the request; hashes and sizes are complete, unlike those of a lockfile."""

    @property
    def called(self) -> str:
        """The wheels in the description of a process: one alone by its name and version."""
        if len(self.wheels) == 1:
            return " ".join(self.wheels[0].file_name.split("-")[:2])
        return f"{len(self.wheels)} wheels"


@dataclass(frozen=True)
class PathWheelsRequest:
    """Some wheels, to find those among them that lie in the repository."""

    wheels: tuple[LockedWheel, ...]
    address: Address
    """The layer whose lockfile has them."""


@rule
async def python_version(
    request: PythonVersionRequest, local: ChosenLocalEnvironmentName, options: VenvstacksSubsystem
) -> PythonVersion:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    declared = found.layer.python_version
    if names_patch_release(declared):
        return PythonVersion(declared)
    if options.python_provider is PythonProvider.PBS:
        chain = await chain_locks(ChainLocksRequest(request.address), **implicitly())
        # A lock that names none is stale.
        return PythonVersion(chain.locks[found.layer.runtime].python_version or declared)
    # Only the machine knows which release its interpreter is.
    interpreter = await found_interpreter(
        LocalInterpreterRequest(found.layer.runtime, declared, found.layer.linux_target),
        **implicitly({local.val: EnvironmentName}),
    )
    return PythonVersion(interpreter.python_version)


@rule
async def layer_wheels(request: LayerWheelsRequest) -> LayerWheels:
    found, locks, version, built = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        python_version(PythonVersionRequest(request.address), **implicitly()),
        layer_distributions(LayerDistributionsRequest(request.address), **implicitly()),
    )
    lock = locks.locks[found.layer.address]
    sources = await concurrently(
        source_build(SourceBuildRequest(package, request.address), **implicitly())
        for package in lock.packages
        if package.source is not None
        and holds(package.marker, PLATFORMS[request.platform], version.value)
    )
    wheels = select_wheels(
        with_built_wheels(
            lock,
            {
                **{name: one.locked for name, one in built.by_name.items()},
                **{one.package: one.wheel for one in sources},
            },
        ),
        platform=PLATFORMS[request.platform],
        python_version=version.value,
        linux_target=found.layer.linux_target,
        macosx_target=found.layer.macosx_target,
    )
    remarks = tuple(remark for one in sources for remark in one.remarks)
    return LayerWheels(wheels, version.value, remarks)


@rule
async def path_wheels(request: PathWheelsRequest) -> RepositoryFiles:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    folder = os.path.dirname(found.lockfile(found.layer))
    files = tuple(
        RepositoryFile(
            path=place_inside(folder, wheel.path),
            written=wheel.path,
            sha256=wheel.sha256 or None,
            size=wheel.size or None,
        )
        for wheel in request.wheels
        if wheel.path is not None
    )
    checked: RepositoryFiles = await repository_files(
        RepositoryFilesRequest(found.layer.address, files), **implicitly()
    )
    return checked


@rule
async def fetched_wheels(request: FetchedWheelsRequest) -> FetchedWheels:
    found, locks, local = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        path_wheels(PathWheelsRequest(request.wheels, request.address), **implicitly()),
    )
    layer = found.layer
    config = await find_uv_config(UvConfigRequest(found.uv_config(layer)), **implicitly())
    recorded = {
        wheel.file_name: package.index
        for package in locks.locks[layer.address].packages
        for wheel in package.wheels
    }
    downloads = await concurrently(
        pinned_file(
            PinnedFileRequest(
                target=layer.address,
                url=wheel.url,
                sha256=wheel.sha256,
                size=wheel.size or None,
                directory=str(index),
                indexes=indexes_for(wheel.url, recorded.get(wheel.file_name), config.indexes),
            ),
            **implicitly(),
        )
        for index, wheel in enumerate(request.wheels)
        if wheel.url is not None
    )
    entries, files = iter(local.entries), iter(downloads)
    copies, wheels = [], []
    for index, wheel in enumerate(request.wheels):
        if wheel.is_built:
            path, sha256, size = f"{index}/{wheel.file_name}", wheel.sha256, wheel.size
            # The engine has it, from the process that made it.
            copies.append(FileEntry(path, FileDigest(sha256, size)))
        elif wheel.url is None:
            digest = next(entries).file_digest
            path, sha256 = f"{index}/{wheel.file_name}", digest.fingerprint
            size = digest.serialized_bytes_length
            copies.append(FileEntry(path, digest))
        else:
            file = next(files)
            path, sha256, size = file.path, wheel.sha256, file.size
        exclude, scripts = layer.excluded_of(wheel.file_name), layer.scripts_of(wheel.file_name)
        wheels.append(LayerWheel(path, wheel.file_name, sha256, size, exclude, scripts))
    copied = await engine.create_digest(CreateDigest(copies))
    merged = await engine.merge_digests(
        MergeDigests([copied, *(file.digest for file in downloads)])
    )
    return FetchedWheels(merged, tuple(wheels))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
