"""Images: the layers of a `venvstacks_image`, and the target of its base."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address, UnparsedAddressInputs
from pants.engine.target import FieldSet, InferDependenciesRequest, InferredDependencies
from pants.engine.unions import UnionRule

from venvstacks_rules.model.errors import DefinitionError, ImageError
from venvstacks_rules.model.images.configuration import (
    environment_problem,
    port_problem,
    workdir_problem,
)
from venvstacks_rules.model.images.documents import ImagePlatform
from venvstacks_rules.model.images.references import (
    PINNED,
    ImageReference,
    parsed_reference,
    repository_problem,
    tag_problem,
)
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import (
    NamedTargetsRequest,
    named_targets,
)
from venvstacks_rules.pants_backend.graph.references import field_origin
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.targets.images import (
    ImageApplicationField,
    ImageBaseField,
    ImageCmdField,
    ImageCompressionField,
    ImageDependenciesField,
    ImageEntrypointField,
    ImageEnvironmentVariablesField,
    ImageExposedPortsField,
    ImageLabelsField,
    ImagePlatformsField,
    ImageRegistriesField,
    ImageRepositoryField,
    ImageTagsField,
    ImageUserField,
    ImageWorkdirField,
)


@dataclass(frozen=True)
class ImageFieldSet(FieldSet):
    """The fields of an image."""

    required_fields = (ImageApplicationField, ImageBaseField, ImageDependenciesField)

    application: ImageApplicationField
    base: ImageBaseField
    platforms: ImagePlatformsField
    compression: ImageCompressionField
    entrypoint: ImageEntrypointField
    cmd: ImageCmdField
    env: ImageEnvironmentVariablesField
    user: ImageUserField
    workdir: ImageWorkdirField
    labels: ImageLabelsField
    exposed_ports: ImageExposedPortsField
    registries: ImageRegistriesField
    repository: ImageRepositoryField
    tags: ImageTagsField

    @property
    def name(self) -> str:
        """What the image is called in a registry."""
        return self.repository.value or self.address.generated_name or self.address.target_name


@dataclass(frozen=True)
class ImageLayersRequest:
    """The layers of an image."""

    fields: ImageFieldSet


@dataclass(frozen=True)
class ImageLayers:
    """The layers of an image, the runtime first and the application last."""

    layers: tuple[Layer, ...]
    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class ImageBaseRequest:
    """What `base` of an image names."""

    image: Address
    written: Optional[str]


@dataclass(frozen=True)
class NamedBase:
    """What `base` of an image names: an image of a registry, a target, or nothing."""

    reference: Optional[ImageReference] = None
    target: Optional[Address] = None


def field_problems(fields: ImageFieldSet) -> Iterator[str]:
    """What is wrong with the fields themselves."""
    address, workdir, repository = fields.address, fields.workdir, fields.repository
    judged: tuple[tuple[str, Iterable[str], Callable[[str], Optional[str]]], ...] = (
        (fields.platforms.alias, fields.platforms.value or (), _platform_problem),
        (fields.env.alias, fields.env.value or (), environment_problem),
        (workdir.alias, (workdir.value,) if workdir.value is not None else (), workdir_problem),
        (fields.exposed_ports.alias, fields.exposed_ports.value or (), port_problem),
        (
            repository.alias,
            (repository.value,) if repository.value is not None else (),
            repository_problem,
        ),
        (fields.tags.alias, fields.tags.value, tag_problem),
    )
    for alias, values, problem_of in judged:
        for value in values:
            problem = problem_of(value)
            if problem is not None:
                yield f"{address}: `{alias}`: {problem}."
    if not fields.tags.value:
        yield f"{address}: `{fields.tags.alias}` is empty. Name at least one tag."


def _platform_problem(name: str) -> Optional[str]:
    known = [name for name in PLATFORMS if ImagePlatform.of(name) is not None]
    return None if name in known else f"`{name}` is no platform of images: use {' or '.join(known)}"


@rule
async def image_layers(request: ImageLayersRequest) -> ImageLayers:
    address, written = request.fields.address, request.fields.application.value
    named = await named_targets(
        NamedTargetsRequest(ImageApplicationField.alias, (written,), address), **implicitly()
    )
    application = named.addresses[0]
    stack = await stack_layers(StackLayersRequest(address, (application.spec,)), **implicitly())
    problems = list(field_problems(request.fields))
    if stack.layers[-1].kind is not LayerKind.APPLICATION:
        problems.append(
            f"{address}: `application` names {application}, which is no application. Name a "
            "`venvstacks_application`."
        )
    if problems:
        raise DefinitionError("An image cannot be built as written:", problems)
    return ImageLayers(stack.layers, stack.addresses)


@rule
async def named_base(request: ImageBaseRequest) -> NamedBase:
    written, image = request.written, request.image
    if written is None:
        return NamedBase()
    if PINNED in written:
        try:
            return NamedBase(parsed_reference(written))
        except ValueError as e:
            raise _refused(image, f"`base` names an image of a registry, but {e}.") from None
    # Of a target that a folder lacks, Pants itself says what the folder has.
    found = await engine.resolve_unparsed_address_inputs(
        UnparsedAddressInputs(
            (written,),
            owning_address=image,
            description_of_origin=field_origin(ImageBaseField.alias, image),
            skip_invalid_addresses=True,
        )
    )
    if not found:
        raise _refused(image, f"`base` is {written!r}, {_no_target(written)}")
    return NamedBase(target=found[0])


def _refused(image: Address, problem: str) -> ImageError:
    return ImageError("An image cannot be built as written:", [f"{image}: {problem}"])


def _no_target(written: str) -> str:
    if written.startswith((":", "//")):
        return (
            "but there is no such target. Name a `files` target with a folder in OCI layout, or an "
            "image of a registry by its digest."
        )
    return (
        "and there is no such target. An image of a registry has to be pinned by its digest: a tag "
        f"may stand for another image tomorrow. `skopeo inspect --raw docker://{written} | "
        f"sha256sum` says what it stands for now; write '{written}@sha256:...'."
    )


class InferImageDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The application and the base of an image."""

    infer_from = ImageFieldSet


@rule
async def infer_image_dependencies(request: InferImageDependencies) -> InferredDependencies:
    fields = request.field_set
    named = await named_targets(
        NamedTargetsRequest(
            ImageApplicationField.alias, (fields.application.value,), fields.address
        ),
        **implicitly(),
    )
    base = await named_base(ImageBaseRequest(fields.address, fields.base.value), **implicitly())
    found = [*named.addresses, *(() if base.target is None else (base.target,))]
    return InferredDependencies(found)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(InferDependenciesRequest, InferImageDependencies)]
