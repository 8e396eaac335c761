"""The targets of a folder, and of all folders that its layers refer to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import DirLiteralSpec, RawSpecsWithoutFileOwners
from pants.engine.addresses import Address
from pants.engine.target import Target

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.references import layer_references
from venvstacks_rules.pants_backend.targets.source_fields import is_layer


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


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
