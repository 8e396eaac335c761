"""The targets of a folder, and of all folders that its layers refer to.

And the names of all layers, for what users may have meant by one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import DirLiteralSpec, RawSpecsWithoutFileOwners
from pants.engine.addresses import Address
from pants.engine.target import AllTargets, Target
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.references import layer_references
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

    def meant(self, written: str, kind: LayerKind, beside: Address) -> str | None:
        """The layer of `kind` that the target `beside` probably means by `written`."""
        return suggestion(
            written,
            (
                _as_written(address, written, beside)
                for address, found in self.kinds.items()
                if found is kind and address != beside
            ),
        )


NO_NAMES = LayerNames(FrozenDict())


def _as_written(address: Address, written: str, beside: Address) -> str:
    """The address relative to the folder of `beside` if `written` is."""
    if written.startswith(":") and address.spec_path == beside.spec_path:
        return address.spec[len(address.spec_path) :].lstrip("/")
    return address.spec


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


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
