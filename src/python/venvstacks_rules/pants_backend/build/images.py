"""Container images: layers and bases become a folder in OCI layout. Nothing is copied for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, Digest, FileContent, MergeDigests
from pants.engine.target import WrappedTargetRequest

from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.start import start_arguments
from venvstacks_rules.model.images.configuration import ImageSettings, configuration
from venvstacks_rules.model.images.documents import (
    ARCHIVE_FORMATS,
    INDEX_FILE,
    LAYOUT,
    LAYOUT_FILE,
    Descriptor,
    Document,
    ImagePlatform,
    image_index,
    layout_index,
    manifest,
)
from venvstacks_rules.model.layers.build_platforms import BuildPlatforms
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.wording import counted, size_text
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.contents import LayerContentsRequest, layer_contents
from venvstacks_rules.pants_backend.build.image_bases import BaseOfImageRequest, base_of_image
from venvstacks_rules.pants_backend.build.image_layers import LayerOfImageRequest, layer_of_image
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.images import (
    ImageBaseRequest,
    ImageFieldSet,
    ImageLayers,
    ImageLayersRequest,
    image_layers,
)
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks


@dataclass(frozen=True)
class ImageRequest:
    """The image of a target, for the platforms of this run."""

    address: Address


@dataclass(frozen=True)
class PlatformImageRequest:
    """An image for one platform."""

    fields: ImageFieldSet
    layers: tuple[Address, ...]
    platform: str


@dataclass(frozen=True)
class PlatformImage:
    """An image for one platform."""

    platform: ImagePlatform
    manifest: Descriptor
    digest: Digest
    """Its blobs, at their places in a layout."""
    report: str
    """What it is made of, in one line."""
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class BuiltImage:
    """An image."""

    fields: ImageFieldSet
    image: Optional[Descriptor]
    """Its manifest, or its index; None if this run has no platform for it."""
    digest: Digest
    """The folder in OCI layout."""
    report: tuple[str, ...]
    """What it is made of, in lines."""
    notes: tuple[str, ...]
    """What is left out, for the user."""
    warnings: tuple[str, ...]


@rule
async def built_image(request: ImageRequest, platforms: BuildPlatforms) -> BuiltImage:
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(request.address, description_of_origin="an image")
    )
    fields = ImageFieldSet.create(wrapped.target)
    found = await image_layers(ImageLayersRequest(fields), **implicitly())
    names, notes = image_platforms(fields, found, platforms)
    if not names:
        empty = await engine.create_digest(CreateDigest([]))
        return BuiltImage(fields, None, empty, (), notes, ())
    await required_locks(RequiredLocksRequest(found.addresses, platforms.names), **implicitly())
    images = await concurrently(
        platform_image(PlatformImageRequest(fields, found.addresses, name), **implicitly())
        for name in names
    )
    documents = []
    image = images[0].manifest
    if len(images) > 1:
        documents = [image_index((each.platform, each.manifest) for each in images)]
        image = documents[0].descriptor
    index = layout_index(image, _full_name(fields), fields.tags.value)
    written = await engine.create_digest(
        CreateDigest(
            [
                FileContent(LAYOUT_FILE, LAYOUT.encode()),
                FileContent(INDEX_FILE, index.encode()),
                *_files(documents),
            ]
        )
    )
    digest = await engine.merge_digests(MergeDigests([written, *(each.digest for each in images)]))
    return BuiltImage(
        fields,
        image,
        digest,
        tuple(each.report for each in images),
        notes,
        tuple(dict.fromkeys(text for each in images for text in each.warnings)),
    )


@rule(desc="Make image")
async def platform_image(request: PlatformImageRequest) -> PlatformImage:
    fields, compression = request.fields, request.fields.compression.value
    base = await base_of_image(
        BaseOfImageRequest(ImageBaseRequest(fields.address, fields.base.value), request.platform),
        **implicitly(),
    )
    made = await concurrently(
        layer_of_image(LayerOfImageRequest(address, request.platform, compression), **implicitly())
        for address in request.layers
    )
    contents = await layer_contents(
        LayerContentsRequest(
            request.layers[-1], request.platform, image=ARCHIVE_FORMATS[compression]
        ),
        **implicitly(),
    )
    platform = ImagePlatform.of(request.platform)
    assert platform is not None
    settings = ImageSettings(
        entrypoint=fields.entrypoint.value
        or _entrypoint(contents.layer, contents.metadata.install_target, contents.python_version),
        cmd=fields.cmd.value or (),
        env=tuple(sorted((fields.env.value or {}).items())),
        user=fields.user.value,
        workdir=fields.workdir.value,
        labels=tuple(sorted((fields.labels.value or {}).items())),
        exposed_ports=fields.exposed_ports.value or (),
    )
    layers = [each.layer for each in made]
    below = () if base.image is None else base.image.layers
    config = configuration(settings, platform, base.image, layers)
    of_platform = manifest(config.descriptor, (*below, *(layer.descriptor for layer in layers)))
    written = await engine.create_digest(CreateDigest(_files([config, of_platform])))
    digest = await engine.merge_digests(
        MergeDigests([base.digest, written, *(each.digest for each in made)])
    )
    size = sum(each.size for each in (*below, *(layer.descriptor for layer in layers)))
    on_base = f" on {counted(len(below), 'layer')} of the base" if below else ""
    report = f"{platform}: {counted(len(layers), 'layer')}{on_base}, {size_text(size)}"
    return PlatformImage(
        platform,
        of_platform.descriptor,
        digest,
        report,
        tuple(text for each in made for text in each.warnings),
    )


def image_platforms(
    fields: ImageFieldSet, found: ImageLayers, platforms: BuildPlatforms
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The platforms of this run that the image is for; and what to say of the others."""
    of_layers = [platforms.of_layer(layer) for layer in found.layers]
    wanted = [
        name
        for name in platforms.names
        if ImagePlatform.of(name) is not None and name in (fields.platforms.value or (name,))
    ]
    names = tuple(name for name in wanted if all(name in each.names for each in of_layers))
    if names and platforms.all_declared:
        # What nobody asked for by name is not worth a note.
        lacking = [name for name in fields.platforms.value or () if name not in names]
        note = f"{fields.address} is not packaged for {', '.join(lacking)}: its layers are not."
        return names, (note,) if lacking else ()
    notes = [
        f"{fields.address} is not packaged for {left_out}"
        for each in of_layers
        for left_out in each.left_out
    ]
    others = [name for name in platforms.names if name not in wanted]
    if others and not names:
        notes.append(
            f"{fields.address} is not packaged for {', '.join(others)}: images are for Linux, and "
            "for what `platforms` of the image has. Set `[venvstacks].platforms`."
        )
    return names, tuple(dict.fromkeys(notes))


def _entrypoint(layer: Layer, install_target: str, python_version: str) -> tuple[str, ...]:
    """What starts the launch module, as `run` does."""
    assert layer.launch_module is not None
    python = LayerLayout(python_version, "posix").python
    return (
        f"/{install_target}/{python}",
        *start_arguments(python_version, layer.launch_module.module_name),
    )


def _full_name(fields: ImageFieldSet) -> str:
    """What a daemon calls the image once it is loaded: as docker does without a registry."""
    name = fields.name
    return f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"


def _files(documents: Iterable[Document]) -> list[FileContent]:
    return [FileContent(each.descriptor.path, each.content) for each in documents]


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
