"""``publish`` of an image: pushes what a registry lacks of it, without a daemon."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pants.core.goals.package import PackageFieldSet
from pants.core.goals.publish import (
    PublishFieldSet,
    PublishOutputData,
    PublishPackages,
    PublishProcesses,
    PublishRequest,
)
from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix
from pants.engine.process import InteractiveProcess
from pants.engine.target import AllTargets
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.images.references import (
    DEFAULT_REGISTRY,
    PINNED,
    ImageReference,
    known_registry,
    parsed_reference,
    registry_problem,
    repository_problem,
)
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.images import PushImageRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.images import BuiltImage, ImageRequest, built_image
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.publish_settings import named_url, unknown_repository
from venvstacks_rules.pants_backend.goals.publish_skips import reason_to_skip, skip_request
from venvstacks_rules.pants_backend.goals.remarks import (
    Remark,
    RemarksInRunRequest,
    remarks_in_run,
)
from venvstacks_rules.pants_backend.graph.images import (
    ImageFieldSet,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    TerminalNetworkActionRequest,
    terminal_network_action,
)
from venvstacks_rules.pants_backend.subsystems.publish import VenvstacksPublishSubsystem
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.images import (
    ImageApplicationField,
    ImageRegistriesField,
    SkipPushField,
)

logger = logging.getLogger(__name__)
_LAYOUT = "image"


class PublishImageRequest(PublishRequest):  # type: ignore[type-arg] # not generic when it runs
    """Publish an image."""


@dataclass(frozen=True)
class ImagePublishFieldSet(PublishFieldSet):  # type: ignore[type-arg] # not generic when it runs
    """An image to publish."""

    publish_request_type = PublishImageRequest
    required_fields = (ImageApplicationField, ImageRegistriesField)

    registries: ImageRegistriesField
    skip_push: SkipPushField

    @property
    def skip_reason(self) -> str | None:
        """Why the image is not pushed; None if it is."""
        return reason_to_skip(self.skip_push, self.registries)

    @property
    def only_if_named(self) -> bool:
        """It is said in any case."""
        return False

    def check_skip_request(self, package_fs: PackageFieldSet) -> object:
        """Pants 2.32 and newer ask before they package the image."""
        return skip_request(self, package_fs)


@dataclass(frozen=True)
class PlacesOfImagesRequest:
    """The repositories of registries that may have layers of images of this repository."""


@dataclass(frozen=True)
class PlacesOfImages:
    """The repositories that images are pushed to, and those of their bases."""

    places: FrozenDict[str, tuple[str, ...]]
    """Names of repositories, by registry."""


@dataclass(frozen=True)
class PushedImageRequest:
    """An image to push to one repository of a registry."""

    address: Address
    place: ImageReference


@dataclass(frozen=True)
class PushedImage:
    """What pushes an image."""

    packages: PublishPackages


def places_of_image(
    address: Address, registries: Iterable[str], name: str, known: Mapping[str, str]
) -> tuple[ImageReference, ...]:
    """The repositories that `registries` of an image mean. Raises DefinitionError."""
    found, problems = [], []
    for written in dict.fromkeys(registries):
        registry = written
        if written.startswith("@"):
            url = named_url(written, known)
            if url is None:
                problems.append(unknown_repository(f"{address}: `registries` has", written, known))
                continue
            parts = urlsplit(url)
            if parts.scheme != "oci" or "@" in parts.netloc:
                problems.append(
                    f"{address}: `registries` has {written!r}, which is {parts.scheme}://"
                    f"{parts.netloc.rpartition('@')[2]}{parts.path}. Name one at "
                    "`oci://host/name`, without credentials."
                )
                continue
            registry = f"{parts.netloc}{parts.path}"
        host, _, below = registry.strip("/").partition("/")
        repository = f"{below}/{name}" if below else name
        host = known_registry(host)
        problem = registry_problem(host) or repository_problem(repository)
        if problem is None and host == DEFAULT_REGISTRY and "/" not in repository:
            problem = f"`{host}` has no `{repository}` of yours: write `{host}/<your name>`"
        if problem is not None:
            problems.append(f"{address}: `registries`: {problem}.")
        else:
            found.append(ImageReference(host, repository, ""))
    if problems:
        raise DefinitionError("Images cannot be published as written:", problems)
    return tuple(found)


def known_places(fields: ImageFieldSet, known: Mapping[str, str]) -> tuple[ImageReference, ...]:
    """Where an image and its base are; nothing if somebody has to correct its fields.

    They only spare an upload. What is wrong is said when that image is pushed.
    """
    try:
        places = places_of_image(fields.address, fields.registries.value or (), fields.name, known)
        written = fields.base.value
        if places and written is not None and PINNED in written:
            return (*places, parsed_reference(written))
    except (DefinitionError, ValueError):
        return ()
    return places


@rule
async def places_of_images(
    _: PlacesOfImagesRequest, targets: AllTargets, options: VenvstacksSubsystem
) -> PlacesOfImages:
    found: dict[str, list[str]] = {}
    for target in targets:
        if not ImageFieldSet.is_applicable(target):
            continue
        fields = ImageFieldSet.create(target)
        places = known_places(fields, dict(options.repositories))
        for place in places:
            found.setdefault(place.registry, []).append(place.repository)
    return PlacesOfImages(
        FrozenDict({host: tuple(sorted(set(names))) for host, names in found.items()})
    )


@rule
async def pushed_image(
    request: PushedImageRequest, publishing: VenvstacksPublishSubsystem
) -> PushedImage:
    place = request.place
    built, others = await concurrently(
        built_image(ImageRequest(request.address), **implicitly()),
        places_of_images(PlacesOfImagesRequest(), **implicitly()),
    )
    image = built.image
    assert image is not None
    names = tuple(f"{place.registry}/{place.repository}:{tag}" for tag in built.fields.tags.value)
    started = await terminal_network_action(
        TerminalNetworkActionRequest(
            ActionProcessRequest(
                verb="push-image",
                request=to_json(
                    PushImageRequest(
                        layout=_LAYOUT,
                        image=image.sha256,
                        size=image.size,
                        media_type=image.media_type,
                        place=place.place,
                        tags=built.fields.tags.value,
                        sources=tuple(
                            name
                            for name in others.places.get(place.registry, ())
                            if name != place.repository
                        ),
                        only_show=publishing.dry_run or publishing.check,
                        check=publishing.check,
                        network=NETWORK_DIR,
                    )
                ),
                input_digest=await engine.add_prefix(AddPrefix(built.digest, _LAYOUT)),
                description=f"Push {request.address} to {place.registry}/{place.repository}",
            )
        ),
        **implicitly(),
    )
    process = InteractiveProcess.from_process(started.process)
    dry = " (dry run: nothing is sent)" if publishing.dry_run and not publishing.check else ""
    return PushedImage(
        PublishPackages(names, process, f"{place.registry}{dry}", _data(built, place, names))
    )


def _data(built: BuiltImage, place: ImageReference, names: tuple[str, ...]) -> PublishOutputData:
    assert built.image is not None
    return PublishOutputData(
        FrozenDict(
            {
                "registry": place.registry,
                "repository": place.repository,
                "tags": names,
                "digest": built.image.digest,
            }
        )
    )


@rule
async def publish_image(
    request: PublishImageRequest, options: VenvstacksSubsystem
) -> PublishProcesses:
    field_set: ImagePublishFieldSet = request.field_set
    address, registries = field_set.address, field_set.registries.value or ()
    if field_set.skip_reason is not None:
        skipped = PublishPackages((str(address),), description=field_set.skip_reason)
        return PublishProcesses([skipped])
    built = await built_image(ImageRequest(address), **implicitly())
    for note in built.notes:
        logger.info("%s", note)
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(Remark(text) for text in built.warnings)
    if built.image is None:
        reason = "(this run has no platform of it)"
        return PublishProcesses([PublishPackages((str(address),), description=reason)])
    places = places_of_image(address, registries, built.fields.name, dict(options.repositories))
    pushed = await concurrently(
        pushed_image(PushedImageRequest(address, place), **implicitly()) for place in places
    )
    return PublishProcesses([each.packages for each in pushed])


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), *ImagePublishFieldSet.rules()]
