"""The targets of a folder, and of all folders that its layers refer to.

And the targets that the fields of layers and manifests name, and the names of all layers, for what
users may have meant by one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import DirLiteralSpec, RawSpecsWithoutFileOwners
from pants.build_graph.address import AddressParseException
from pants.engine.addresses import Address
from pants.engine.target import AllTargets, Target, WrappedTargetRequest
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.references import (
    as_written,
    layer_references,
    parsed_address,
    unparsed_addresses,
)
from venvstacks_rules.pants_backend.graph.variants import (
    TargetsByName,
    name_of,
    several_variants,
)
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField, is_layer


@dataclass(frozen=True)
class TargetsInFoldersRequest:
    """The targets of some folders, without their subfolders."""

    folders: tuple[str, ...]


@dataclass(frozen=True)
class TargetsInFolders:
    """The targets of some folders."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class ReachedTargetsRequest:
    """The targets of a folder and of all folders that its layers refer to, directly or not."""

    folder: str


@dataclass(frozen=True)
class ReachedTargets:
    """The targets of a folder and of all folders that its layers refer to."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class LayerNamesRequest:
    """The addresses of all layers of the repository."""


@dataclass(frozen=True)
class LayerNames:
    """The addresses of all layers of the repository."""

    kinds: FrozenDict[Address, LayerKind]

    def meant(self, written: str, kind: LayerKind | None, beside: Address) -> str | None:
        """The layer of `kind`, or of any, that the target `beside` probably means by `written`."""
        return suggestion(
            written,
            (
                as_written(address, written, beside)
                for address, found in self.kinds.items()
                if kind in (found, None) and address != beside
            ),
        )


NO_NAMES = LayerNames(FrozenDict())


@rule
async def targets_in_folders(request: TargetsInFoldersRequest) -> TargetsInFolders:
    targets = await engine.resolve_targets_from_specs(
        RawSpecsWithoutFileOwners(
            dir_literals=tuple(DirLiteralSpec(folder) for folder in request.folders),
            description_of_origin="the layers of a stack",
            unmatched_glob_behavior=GlobMatchErrorBehavior.ignore,
        )
    )
    return TargetsInFolders(tuple(targets))


@rule
async def reached_targets(request: ReachedTargetsRequest) -> ReachedTargets:
    targets: dict[Address, Target] = {}
    seen: set[str] = set()
    pending = {request.folder}
    while pending:
        found = await targets_in_folders(
            TargetsInFoldersRequest(tuple(sorted(pending))), **implicitly()
        )
        targets.update((target.address, target) for target in found.targets)
        seen |= pending
        pending = {
            reference.address.spec_path
            for target in found.targets
            if is_layer(target)
            for reference in layer_references(target)
            if reference.address is not None
        } - seen
    return ReachedTargets(tuple(targets.values()))


@rule
async def layer_names(_: LayerNamesRequest, targets: AllTargets) -> LayerNames:
    return LayerNames(
        FrozenDict(
            {
                target.address: target.get(LayerSourcesField).layer_kind
                for target in targets
                if is_layer(target)
            }
        )
    )


@dataclass(frozen=True)
class NamedTargetsRequest:
    """The targets that a field of another target names."""

    field: str
    written: tuple[str, ...]
    consumer: Address


@dataclass(frozen=True)
class NamedTargets:
    """The targets that a field names, in its order."""

    addresses: tuple[Address, ...]


@rule
async def named_targets(request: NamedTargetsRequest) -> NamedTargets:
    parsed: dict[str, Address] = {}
    for written in request.written:
        try:
            parsed[written] = parsed_address(request.field, written, request.consumer)
        except AddressParseException:
            continue  # Pants has a message for it.
    folders = tuple(sorted({address.spec_path for address in parsed.values()}))
    nearby = await targets_in_folders(TargetsInFoldersRequest(folders), **implicitly())
    wanted = {name_of(address) for address in parsed.values()}
    named = TargetsByName.of(
        target for target in nearby.targets if name_of(target.address) in wanted
    )
    consumer: Target | None = None
    if named.leaves_open(parsed.values()):
        wrapped = await engine.resolve_target(
            WrappedTargetRequest(
                request.consumer, description_of_origin="the target that names others"
            )
        )
        consumer = wrapped.target
    found: dict[str, Address] = {}
    problems = []
    for written, address in parsed.items():
        meant = named.meant(address, request.consumer, consumer)
        if len(meant) == 1:
            found[written] = meant[0]
        elif meant:
            what = several_variants(written, meant, request.consumer)
            problems.append(f"{request.consumer}: `{request.field}` names {written!r}, {what}")
    if problems:
        raise DefinitionError("Variants have to be chosen:", problems)
    # Generators of targets, and what does not exist, for which Pants has a message.
    others = [written for written in request.written if written not in found]
    addresses = await engine.resolve_unparsed_address_inputs(
        unparsed_addresses(request.field, others, request.consumer)
    )
    found.update(zip(others, addresses))
    return NamedTargets(tuple(found[written] for written in request.written))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
