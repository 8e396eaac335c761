"""Layers as layers of images: an archive's own bytes, under the name of their hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, Digest, FileEntry

from venvstacks_rules.model.images.documents import (
    ARCHIVE_FORMATS,
    LAYER,
    Descriptor,
    ImageLayer,
)
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.requests.images import FoundImageLayer, ImageLayerRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.archives import LayerArchiveRequest, layer_archive
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest


@dataclass(frozen=True)
class LayerOfImageRequest:
    """A layer as one of images."""

    address: Address
    platform: str
    compression: str
    """``zstd`` or ``gzip``."""


@dataclass(frozen=True)
class LayerOfImage:
    """A layer as one of images."""

    digest: Digest
    """The blob, at its place in a layout."""
    layer: ImageLayer
    unpacked_size: int
    """Of the tar stream, in bytes."""
    install_target: str
    warnings: tuple[str, ...]
    """For the user who packages the image."""


@rule
async def layer_of_image(request: LayerOfImageRequest) -> LayerOfImage:
    archive = await layer_archive(
        LayerArchiveRequest(
            request.address, request.platform, image=ARCHIVE_FORMATS[request.compression]
        ),
        **implicitly(),
    )
    described = await run_action(
        ActionProcessRequest(
            verb="image-layer",
            request=to_json(ImageLayerRequest(archive.archive, archive.segments)),
            input_digest=archive.digest,
            description=f"Hash the tar stream of {archive.install_target}",
            size=archive.size,
        ),
        **implicitly(),
    )
    found = from_json(FoundImageLayer, described.result)
    stored = await engine.get_digest_entries(
        await engine.digest_subset_to_digest(archive.archive_alone)
    )
    (entry,) = (each for each in stored if isinstance(each, FileEntry))
    descriptor = Descriptor(f"{LAYER}+{request.compression}", archive.sha256, archive.size)
    # The engine stores files by their hashes: another name costs no copy.
    blob = FileEntry(descriptor.path, entry.file_digest)
    return LayerOfImage(
        await engine.create_digest(CreateDigest([blob])),
        ImageLayer(descriptor, found.diff_id, f"venvstacks_image: {archive.install_target}"),
        found.size,
        archive.install_target,
        (*archive.warnings, *archive.wheel_remarks),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
