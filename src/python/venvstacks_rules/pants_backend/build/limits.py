"""Compares archives with the limits of their layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Optional

from packaging.utils import parse_wheel_filename
from pants.engine.addresses import Address
from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName

from venvstacks_rules.model.contents.segments import INTERPRETER, by_source, unpacked_size
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.locks.selection import select_wheels
from venvstacks_rules.model.outputs.limits import (
    EarlierLock,
    LockedSize,
    OutgrownLayer,
    PackageSize,
    excesses,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend.build.archives import (
    LayerArchive,
    LayerArchiveRequest,
    layer_archive,
)
from venvstacks_rules.pants_backend.build.segments import (
    LayerSegments,
    SegmentsRequest,
    layer_segments,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.inputs.wheels import LayerWheelsRequest, layer_wheels
from venvstacks_rules.pants_backend.locks.earlier import EarlierLockfileRequest, earlier_lockfile


@dataclass(frozen=True)
class LimitsRequest:
    """An archive to compare with the limits of its layer."""

    address: Address
    platform: str


@dataclass(frozen=True)
class ComparedLimits:
    """What came of the comparison."""

    outgrown: Optional[OutgrownLayer]
    """None if the archive keeps within the limits."""


@rule
async def compared_limits(
    request: LimitsRequest, local: ChosenLocalEnvironmentName
) -> ComparedLimits:
    found, built = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        layer_archive(LayerArchiveRequest(request.address, request.platform), **implicitly()),
    )
    layer = found.layer
    exceeded = excesses(
        (
            ("max_archive_size", layer.max_archive_size, built.size),
            ("max_unpacked_size", layer.max_unpacked_size, built.unpacked_size),
        )
    )
    if not exceeded:
        return ComparedLimits(None)
    segments, selected, earlier = await concurrently(
        layer_segments(SegmentsRequest(request.address, request.platform), **implicitly()),
        layer_wheels(LayerWheelsRequest(request.address, request.platform), **implicitly()),
        earlier_lockfile(
            EarlierLockfileRequest(found.lockfile(layer)),
            **implicitly({local.val: EnvironmentName}),
        ),
    )
    wheel_sizes = {wheel.file_name: wheel.size for wheel in selected.wheels}
    before = None
    if earlier.lockfile is not None:
        before = _earlier(earlier.lockfile, layer, request.platform, selected.python_version)
    return ComparedLimits(
        OutgrownLayer(
            layer.address,
            layer.kind,
            request.platform,
            exceeded,
            tuple(_sizes(segments, wheel_sizes, built)),
            before,
        )
    )


def _sizes(
    segments: LayerSegments, wheel_sizes: Mapping[str, int], built: LayerArchive
) -> Iterable[PackageSize]:
    """What each wheel and the interpreter take; the layer's own files take the rest."""
    sources = by_source(segment for group in segments.groups for segment in group.segments)
    archive, unpacked = built.size, built.unpacked_size
    for source, parts in sources.items():
        packed = sum(segment.size for segment in parts)
        size = sum(file.size for segment in parts for file in segment.files)
        if source == INTERPRETER:
            yield PackageSize("the interpreter", packed, size)
        else:
            name, locked = _locked(source, wheel_sizes.get(source, 0))
            yield PackageSize(name, packed, size, locked)
        archive -= packed
        unpacked -= unpacked_size(parts)
    yield PackageSize("the layer's own files", archive, unpacked)


def _locked(file_name: str, size: int) -> tuple[str, LockedSize]:
    name, version, _, _ = parse_wheel_filename(file_name)
    return name, LockedSize(str(version), size)


def _earlier(
    lock: Lockfile, layer: Layer, platform: str, python_version: str
) -> EarlierLock | None:
    # What is built has no size before it is built.
    try:
        wheels = select_wheels(
            lock.without_built,
            platform=PLATFORMS[platform],
            python_version=python_version,
            linux_target=layer.linux_target,
            macosx_target=layer.macosx_target,
        )
    except LockError:
        # It was for another Python, say.
        return None
    return EarlierLock(
        (
            *(_locked(wheel.file_name, wheel.size) for wheel in wheels),
            *((package.name, LockedSize(package.version, 0)) for package in lock.built),
        )
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
