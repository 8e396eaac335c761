"""Makes the segments of a layer: of its wheels and, for a runtime, of its interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, Digest, DigestEntries, FileEntry, MergeDigests
from pants.engine.process import ProcessResultMetadata

from venvstacks_rules.model.contents.compression import Compression, compression
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.errors import ArchiveError, DefinitionError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.byte_code import INCLUDED, in_image
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.segments import (
    InterpreterSegments,
    InterpreterSegmentsRequest,
    WheelInput,
    WheelSegments,
    WheelSegmentsRequest,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.layer_byte_code import (
    NO_BYTE_CODE,
    InterpreterByteCodeRequest,
    WheelByteCodeRequest,
    interpreter_byte_code,
    wheel_byte_code,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest, find_layer
from venvstacks_rules.pants_backend.inputs.interpreters import (
    RuntimeInterpreterRequest,
    runtime_interpreter,
)
from venvstacks_rules.pants_backend.inputs.wheels import (
    FetchedWheelsRequest,
    LayerWheelsRequest,
    PathWheelsRequest,
    fetched_wheels,
    layer_wheels,
    path_wheels,
)
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import (
    ArchiveFormatField,
    CompressionLevelField,
    WindowsArchiveFormatField,
)

# A process costs tens of milliseconds: wheels below the first size share one, up to the second
# size in all.
_LARGE_WHEEL = 2 * 1024 * 1024
_BATCH = 8 * 1024 * 1024
# Where a process writes its segments: how many there are depends on the files of the wheels.
_SEGMENTS = "segments"


@dataclass(frozen=True)
class SegmentsRequest:
    """All segments of a layer for a platform, except that of its own files."""

    address: Address
    platform: str
    image: Optional[str] = None
    """The format of the archive if it is for a container image."""


@dataclass(frozen=True)
class SegmentGroup:
    """Segments that one process made."""

    digest: Digest
    """The segments and, at `result`, the JSON that lists them."""
    result: str
    segments: tuple[Segment, ...]
    metadata: ProcessResultMetadata = field(compare=False, hash=False)
    """Of the process."""
    remarks: tuple[str, ...] = ()
    """What is wrong with wheels that were used all the same."""


@dataclass(frozen=True)
class LayerSegments:
    """All segments of a layer, except that of its own files."""

    groups: tuple[SegmentGroup, ...]
    """In the order of the archive."""
    python_version: str
    """X.Y.Z of the runtime."""
    os_name: str
    compression: Compression

    @property
    def layout(self) -> LayerLayout:
        """The layout of the layer's files."""
        return LayerLayout(self.python_version, self.os_name)


@dataclass(frozen=True)
class WheelGroupRequest:
    """Some wheels to make segments of in one process."""

    wheels: tuple[LockedWheel, ...]
    address: Address
    """The layer whose lockfile has them."""
    layer: str
    """The layer_name, for the description."""
    python_version: str
    """``X.Y``."""
    os_name: str
    install_target: str
    compression: Compression
    directory: str
    """The folder for the group's files in the digest of the layer's segments."""
    byte_code: bool = False
    """Whether the segments have the byte code."""


@dataclass(frozen=True)
class InterpreterGroupRequest:
    """The segments of a runtime layer's interpreter."""

    address: Address
    platform: str
    compression: Compression
    byte_code: bool = False
    """Whether the segments have the byte code."""


def layer_compression(
    found: LayerInGraph, platform: str, options: VenvstacksSubsystem
) -> Compression:
    """The compression of a layer's archive for `platform`: by its fields, else by the options."""
    format_field = found.target[ArchiveFormatField].value
    level_field = found.target[CompressionLevelField].value
    archive_format = format_field or options.archive_format.value
    level = level_field
    # Each format has its own scale of levels: the option's level suits the option's format only.
    if level is None and archive_format == options.archive_format.value:
        level = options.compression_level
    try:
        chosen = compression(archive_format, level)
    except ValueError as e:
        named = "compression_level" if level_field is not None else "[venvstacks].compression_level"
        raise DefinitionError(
            "Invalid compression of a layer:",
            [f"{found.layer.address}: `{named}`: {e}"],
        ) from None
    if PLATFORMS[platform].system != "win":
        return chosen
    windows_field = found.target[WindowsArchiveFormatField].value
    windows_format = windows_field or options.windows_archive_format.value
    return chosen if windows_format == archive_format else compression(windows_format)


def wheel_groups(layer: Layer, wheels: Sequence[LockedWheel]) -> Iterable[tuple[LockedWheel, ...]]:
    """The wheels of each process; a large wheel has its own, and comes first as it takes longest.

    So has one that is built from the repository: it changes, and the others do not.
    Wheels for any platform do not mix with others: all platforms can use the same segments of them.
    Nor do those with globs for their files: an edit of these makes no other segment again.
    """
    small = []
    for wheel in wheels:
        if wheel.size >= _LARGE_WHEEL or wheel.is_built:
            yield (wheel,)
        else:
            small.append(wheel)
    for portable in (True, False):
        yield from _batches(layer, (w for w in small if _is_portable(w) is portable))


def _is_portable(wheel: LockedWheel) -> bool:
    return wheel.file_name.endswith("-any.whl")


def _batches(layer: Layer, wheels: Iterable[LockedWheel]) -> Iterable[tuple[LockedWheel, ...]]:
    batch: list[LockedWheel] = []
    alone = False
    for wheel in wheels:
        chosen = bool(layer.excluded_of(wheel.file_name) or layer.scripts_of(wheel.file_name))
        full = sum(member.size for member in batch) + wheel.size > _BATCH
        # In the order of all wheels: it decides which of two wheels with the same file wins.
        if batch and (full or chosen or alone):
            yield tuple(batch)
            batch = []
        batch.append(wheel)
        alone = chosen
    if batch:
        yield tuple(batch)


def require_as_announced(segments: Sequence[Segment], stored: DigestEntries) -> None:
    """Raise ArchiveError if the stored segments differ from those that the result announces.

    The engine stores files by their SHA-256, so this hashes nothing.
    """
    digests = {file.path: file.file_digest for file in stored if isinstance(file, FileEntry)}
    problems = []
    for segment in segments:
        digest = digests.get(segment.path)
        if digest is None:
            problems.append(f"the segment of `{segment.source}` is missing")
        elif digest.fingerprint != segment.sha256:
            problems.append(
                f"the segment of `{segment.source}` has the hash sha256:{digest.fingerprint}, "
                f"not sha256:{segment.sha256}"
            )
    if problems:
        raise ArchiveError("Segments differ from those that were made:", problems)


@rule(desc="Make segments")
async def layer_segments(request: SegmentsRequest, options: VenvstacksSubsystem) -> LayerSegments:
    found, locks, selected = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        layer_wheels(LayerWheelsRequest(request.address, request.platform), **implicitly()),
    )
    layer = found.layer
    # To report the problems of all files together, before anything is built.
    await path_wheels(PathWheelsRequest(selected.wheels, request.address), **implicitly())
    chosen = layer_compression(found, request.platform, options)
    os_name = PLATFORMS[request.platform].os_name
    byte_code = options.byte_code_of(layer.byte_code)
    if request.image is not None:
        byte_code = in_image(byte_code)
        # A level is one of a format.
        chosen = chosen if chosen.archive_format == request.image else compression(request.image)
    compiled = byte_code == INCLUDED
    interpreters = (
        [InterpreterGroupRequest(request.address, request.platform, chosen, compiled)]
        if layer.kind is LayerKind.RUNTIME
        else []
    )
    groups = await concurrently(
        [
            *(interpreter_group(interpreter, **implicitly()) for interpreter in interpreters),
            *(
                wheel_group(
                    WheelGroupRequest(
                        wheels=group,
                        address=request.address,
                        layer=layer.layer_name,
                        python_version=short_version(selected.python_version),
                        os_name=os_name,
                        install_target=locks.install_target(layer),
                        compression=chosen,
                        directory=f"wheels-{index}",
                        byte_code=compiled,
                    ),
                    **implicitly(),
                )
                for index, group in enumerate(wheel_groups(layer, selected.wheels))
            ),
        ]
    )
    return LayerSegments(tuple(groups), selected.python_version, os_name, chosen)


@rule
async def wheel_group(request: WheelGroupRequest) -> SegmentGroup:
    fetched = await fetched_wheels(
        FetchedWheelsRequest(request.wheels, request.address), **implicitly()
    )
    byte_code = NO_BYTE_CODE
    if request.byte_code:
        byte_code = await wheel_byte_code(
            WheelByteCodeRequest(request.wheels, request.address, request.python_version),
            **implicitly(),
        )
    wheels = tuple(
        WheelInput(**vars(wheel), output=f"{_SEGMENTS}/{index}", byte_code=compiled)
        for index, (wheel, compiled) in enumerate(zip_longest(fetched.wheels, byte_code.paths))
    )
    inputs = await engine.merge_digests(MergeDigests([fetched.digest, byte_code.digest]))
    what = f"{fetched.called} for {request.layer}"
    result = await run_action(
        ActionProcessRequest(
            verb="wheel-segments",
            request=to_json(
                WheelSegmentsRequest(
                    wheels=wheels,
                    python_version=request.python_version,
                    os_name=request.os_name,
                    install_target=request.install_target,
                    compression=request.compression,
                )
            ),
            input_digest=inputs,
            output_directories=(_SEGMENTS,),
            description=f"Compress {what}",
            done=f"Compressed {what}",
            size=sum(wheel.size for wheel in wheels),
        ),
        **implicitly(),
    )
    digest, stored = await concurrently(
        engine.add_prefix(AddPrefix(result.digest, request.directory)),
        engine.get_digest_entries(result.digest),
    )
    made = from_json(WheelSegments, result.result)
    require_as_announced(made.segments, stored)
    return SegmentGroup(
        digest, f"{request.directory}/result.json", made.segments, result.metadata, made.remarks
    )


@rule
async def interpreter_group(request: InterpreterGroupRequest) -> SegmentGroup:
    found, locks, archive = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        runtime_interpreter(
            RuntimeInterpreterRequest(request.address, request.platform), **implicitly()
        ),
    )
    layer = found.layer
    byte_code = NO_BYTE_CODE
    if request.byte_code:
        byte_code = await interpreter_byte_code(
            InterpreterByteCodeRequest(request.address, request.platform), **implicitly()
        )
    inputs = await engine.merge_digests(MergeDigests([archive.digest, byte_code.digest]))
    result = await run_action(
        ActionProcessRequest(
            verb="interpreter-segments",
            request=to_json(
                InterpreterSegmentsRequest(
                    archive=archive.path,
                    sha256=archive.sha256,
                    size=archive.size,
                    python_version=layer.python_version,
                    strip=layer.strip_interpreter,
                    os_name=PLATFORMS[request.platform].os_name,
                    case_sensitive=PLATFORMS[request.platform].case_sensitive,
                    install_target=locks.install_target(layer),
                    compression=request.compression,
                    output=f"{_SEGMENTS}/interpreter",
                    byte_code=next(iter(byte_code.paths), None),
                )
            ),
            input_digest=inputs,
            output_directories=(_SEGMENTS,),
            description=f"Compress the interpreter of {layer.layer_name}",
            done=f"Compressed the interpreter of {layer.layer_name}",
            size=archive.size,
        ),
        **implicitly(),
    )
    made = from_json(InterpreterSegments, result.result)
    digest, stored = await concurrently(
        engine.add_prefix(AddPrefix(result.digest, "interpreter")),
        engine.get_digest_entries(result.digest),
    )
    require_as_announced(made.segments, stored)
    return SegmentGroup(digest, "interpreter/result.json", made.segments, result.metadata)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
