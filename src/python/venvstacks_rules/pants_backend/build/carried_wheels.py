"""Wheels for installers: as they were fetched, with what makes segments of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, Digest, DigestSubset, MergeDigests, PathGlobs

from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.repository.carried import carried_key
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.requests.bundle import (
    CarriedSegments,
    CarryWheelsRequest,
    SegmentedWheel,
    SegmentOfWheel,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.layer_indexes import LayerIndexRequest, layer_index
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.inputs.wheels import (
    FetchedWheelsRequest,
    LayerWheelsRequest,
    fetched_wheels,
    layer_wheels,
)
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest

_RESTS, _WHEELS = "rests", "wheels"


@dataclass(frozen=True)
class CarriedWheelsRequest:
    """The wheels of a layer for a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class CarriedWheelFile:
    """A wheel."""

    file_name: str
    sha256: str
    path: str


@dataclass(frozen=True)
class CarriedWheels:
    """The wheels of a layer, and what stands for its segments."""

    digest: Digest
    wheels: tuple[CarriedWheelFile, ...]
    files: tuple[tuple[str, str], ...]
    """The other files, with their keys in the payload of an installer."""
    segments: tuple[str, ...]
    """The hashes of the segments that they stand for."""


@rule(desc="Take wheels as they are")
async def carried_wheels(request: CarriedWheelsRequest) -> CarriedWheels:
    layer, selected = await concurrently(
        layer_index(LayerIndexRequest(request.address, request.platform), **implicitly()),
        layer_wheels(LayerWheelsRequest(request.address, request.platform), **implicitly()),
    )
    subset = await engine.digest_subset_to_digest(
        DigestSubset(layer.digest, PathGlobs(["index.json"]))
    )
    (content,) = await engine.get_digest_contents(subset)
    index = LayerIndex.from_json(content.content)
    fetched = await fetched_wheels(
        FetchedWheelsRequest(selected.wheels, request.address), **implicitly()
    )
    wheels = await engine.add_prefix(AddPrefix(fetched.digest, _WHEELS))
    paths = {segment.sha256: segment.path for segment in layer.indexed.segments}
    of_wheels = tuple(
        SegmentedWheel(
            path=f"{_WHEELS}/{wheel.path}",
            file_name=wheel.file_name,
            sha256=wheel.sha256,
            size=wheel.size,
            segments=tuple(
                SegmentOfWheel(
                    segment.blob.sha256, paths[segment.blob.sha256], segment.files.sha256
                )
                for segment in index.segments
                if segment.source == wheel.file_name
            ),
        )
        for wheel in fetched.wheels
    )
    inputs = [layer.digest, wheels, *(group.digest for group in layer.groups)]
    result = await run_action(
        ActionProcessRequest(
            verb="carry-wheels",
            request=to_json(CarryWheelsRequest("index.json", of_wheels, _RESTS)),
            input_digest=await engine.merge_digests(MergeDigests(inputs)),
            output_directories=(_RESTS,),
            description=f"Compare {index.install_target} with its wheels",
            size=sum(wheel.size for wheel in of_wheels),
            cache_scope=engine.LOCAL_CACHE_SCOPE,
        ),
        **implicitly(),
    )
    made = from_json(CarriedSegments, result.result).segments
    rests = await engine.digest_subset_to_digest(
        DigestSubset(result.digest, PathGlobs([f"{_RESTS}/**"]))
    )
    # Layers have rests of the same name with the same bytes; their wheels lie in numbered folders.
    folder = f"carried/{request.address.path_safe_spec}"
    merged = await engine.merge_digests(MergeDigests([wheels, rests]))
    return CarriedWheels(
        await engine.add_prefix(AddPrefix(merged, folder)),
        tuple(
            CarriedWheelFile(wheel.file_name, wheel.sha256, f"{folder}/{wheel.path}")
            for wheel in of_wheels
        ),
        tuple(
            pair
            for each in made
            for pair in (
                (carried_key(each.segment), f"{folder}/{_RESTS}/{each.document}"),
                (blob_key(each.rest), f"{folder}/{_RESTS}/{each.rest}"),
            )
        ),
        tuple(each.segment for each in made),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
