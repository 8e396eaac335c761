"""Edges of the build graph to the targets that own the files of launch and support modules.

The target of an application does not own all files of the application: not those in another folder,
nor the support modules of a target in a BUILD file. Edges to the owners of these files let
``--changed-dependents`` see that an edit concerns the application.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.internals.graph import OwnersRequest
from pants.engine.target import (
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    WrappedTargetRequest,
)
from pants.engine.unions import UnionRule

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.module_files import ModuleRequest, find_module
from venvstacks_rules.pants_backend.targets.source_fields import (
    LaunchModuleField,
    SupportModulesField,
    is_layer,
)


@dataclass(frozen=True)
class ModulesFieldSet(FieldSet):
    """The fields of an application that name modules."""

    required_fields = (LaunchModuleField, SupportModulesField)

    launch_module: LaunchModuleField
    support_modules: SupportModulesField


class InferModuleOwners(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The targets other than layers that own files of an application's modules."""

    infer_from = ModulesFieldSet


@rule
async def infer_module_owners(request: InferModuleOwners) -> InferredDependencies:
    fields = request.field_set
    modules = await concurrently(
        find_module(ModuleRequest(fields.address.spec_path, path), **implicitly())
        for path in (fields.launch_module.value, *(fields.support_modules.value or ()))
    )
    files = tuple(module.path_of(file) for module in modules for file in module.files)
    owners = await engine.find_owners(OwnersRequest(files))
    targets = await concurrently(
        engine.resolve_target(
            WrappedTargetRequest(address, description_of_origin="the owners of modules")
        )
        for address in owners
    )
    return InferredDependencies(
        wrapped.target.address for wrapped in targets if not is_layer(wrapped.target)
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(InferDependenciesRequest, InferModuleOwners)]
