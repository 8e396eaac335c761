"""Bundles: the applications, the client and the release of a `venvstacks_bundle`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.target import (
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    WrappedTargetRequest,
)
from pants.engine.unions import UnionRule

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.repository.keys import name_problem
from venvstacks_rules.model.requests.bundle import MACOSX_FORMATS, SCRIPT
from venvstacks_rules.model.wording import quoted
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import NamedTargetsRequest, named_targets
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.releases import ReleaseLayersFieldSet
from venvstacks_rules.pants_backend.targets.bundles import (
    BundleAllowUnsignedField,
    BundleApplicationsField,
    BundleChannelField,
    BundleClientField,
    BundleDependenciesField,
    BundleMacosxFormatsField,
    BundleMacosxIdentifierField,
    BundleOutputPathField,
    BundleReleaseField,
    BundleRepositoryField,
    BundleRootField,
    BundleWheelsField,
)
from venvstacks_rules.pants_backend.targets.source_fields import is_client

_IDENTIFIER = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True)
class BundleFieldSet(FieldSet):
    """The fields of a bundle."""

    required_fields = (BundleApplicationsField, BundleClientField, BundleDependenciesField)

    applications: BundleApplicationsField
    client: BundleClientField
    release: BundleReleaseField
    repository: BundleRepositoryField
    channel: BundleChannelField
    root: BundleRootField
    allow_unsigned: BundleAllowUnsignedField
    wheels: BundleWheelsField
    macosx_formats: BundleMacosxFormatsField
    macosx_identifier: BundleMacosxIdentifierField
    output_path: BundleOutputPathField

    @property
    def title(self) -> str:
        """What the installers are called."""
        return self.address.generated_name or self.address.target_name


@dataclass(frozen=True)
class BundledTargetsRequest:
    """The targets that a bundle names."""

    fields: BundleFieldSet


@dataclass(frozen=True)
class BundledTargets:
    """The targets that a bundle names."""

    applications: tuple[Address, ...]
    names: tuple[str, ...]
    """The layer_names of the applications."""
    client: Address
    release: Optional[Address]


@rule
async def bundled_targets(request: BundledTargetsRequest) -> BundledTargets:
    fields = request.fields
    address = fields.address
    applications, client, release = await concurrently(
        named_targets(NamedTargetsRequest(alias, values, address), **implicitly())
        for alias, values in _named(fields)
    )
    layers = await concurrently(
        find_layer(LayerRequest(each), **implicitly()) for each in applications.addresses
    )
    targets = await concurrently(
        engine.resolve_target(WrappedTargetRequest(each, description_of_origin=str(address)))
        for each in (*client.addresses, *release.addresses)
    )
    problems = [
        f"{address}: `applications` names {each}, which is no application. Name a "
        "`venvstacks_application`."
        for each, found in zip(applications.addresses, layers)
        if found.layer.kind is not LayerKind.APPLICATION
    ]
    if not is_client(targets[0].target):
        problems.append(
            f"{address}: `client` names {client.addresses[0]}, which is no `venvstacks_client`."
        )
    if release.addresses and not ReleaseLayersFieldSet.is_applicable(targets[1].target):
        problems.append(
            f"{address}: `release` names {release.addresses[0]}, which is no `venvstacks_release`."
        )
    problems += _problems(fields)
    if problems:
        raise DefinitionError("Installers cannot be built as written:", problems)
    return BundledTargets(
        applications.addresses,
        tuple(found.layer.layer_name for found in layers),
        client.addresses[0],
        release.addresses[0] if release.addresses else None,
    )


def _named(fields: BundleFieldSet) -> tuple[tuple[str, tuple[str, ...]], ...]:
    release = fields.release.value
    return (
        (BundleApplicationsField.alias, fields.applications.value),
        (BundleClientField.alias, (fields.client.value,)),
        (BundleReleaseField.alias, (release,) if release else ()),
    )


def _problems(fields: BundleFieldSet) -> Iterable[str]:
    """What is wrong with the fields themselves."""
    address = fields.address
    if not fields.applications.value:
        yield f"{address}: `applications` is empty. Name an application."
    for what, name in (("the target", fields.title), ("`channel`", fields.channel.value)):
        problem = name_problem(name) if name is not None else None
        if problem is not None:
            yield f"{address}: {what} is called {name!r}, but {problem}."
    yield from _macosx_problems(fields)
    following = [
        field.alias for field in (fields.channel, fields.root, fields.allow_unsigned) if field.value
    ]
    if fields.repository.value is None:
        yield from (
            f"{address}: `{alias}` says nothing without `repository`. Set that as well, or remove "
            f"`{alias}`."
            for alias in following
        )
        return
    if fields.release.value is None:
        yield (
            f"{address}: `repository` needs `release`: updates have the name of the release. Name "
            "the `venvstacks_release` that is published there."
        )
    if (fields.root.value is None) is not fields.allow_unsigned.value:
        yield (
            f"{address}: set either `root`, the file of the root that updates are verified with, "
            "or `allow_unsigned`."
        )


def _macosx_problems(fields: BundleFieldSet) -> Iterable[str]:
    address, formats = fields.address, fields.macosx_formats.value
    for name in formats:
        if name not in MACOSX_FORMATS:
            yield (
                f"{address}: `macosx_formats` has {name!r}. Name some of {quoted(MACOSX_FORMATS)}."
            )
    if not formats or len(set(formats)) < len(formats):
        yield f"{address}: `macosx_formats` is empty, or names one twice. Name each once."
    identifier = fields.macosx_identifier.value
    if identifier is None:
        needing = [name for name in MACOSX_FORMATS if name in formats and name != SCRIPT]
        yield from (
            f"{address}: `{name}` in `macosx_formats` needs `macosx_identifier`. Set it to a name "
            "that is yours, as `com.example.hello`."
            for name in needing
        )
    elif not _IDENTIFIER.fullmatch(identifier):
        yield (
            f"{address}: `macosx_identifier` is {identifier!r}. It has letters, digits, hyphens "
            "and at least one dot, as `com.example.hello`."
        )


class InferBundleDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The targets that a bundle names."""

    infer_from = BundleFieldSet


@rule
async def infer_bundle_dependencies(request: InferBundleDependencies) -> InferredDependencies:
    fields = request.field_set
    found = await concurrently(
        named_targets(NamedTargetsRequest(alias, values, fields.address), **implicitly())
        for alias, values in _named(fields)
    )
    return InferredDependencies([address for targets in found for address in targets.addresses])


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(InferDependenciesRequest, InferBundleDependencies)]
