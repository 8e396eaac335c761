"""The targets that own the files of launch and support modules, and edges of the graph to them.

The target of an application does not own all files of the application: not those in another folder,
nor the support modules of a target in a BUILD file, nor a launch module that is named as it is
imported. Edges to the owners of these files let ``--changed-dependents`` see that an edit concerns
the application; and through them the layer gets what its modules import.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.subsystems.setup import PythonSetup
from pants.backend.python.target_types import PythonResolveField as CodeResolveField
from pants.core.goals.package import OutputPathField
from pants.engine.addresses import Address
from pants.engine.internals.graph import OwnersRequest
from pants.engine.target import (
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    SourcesField,
    WrappedTargetRequest,
)
from pants.engine.unions import UnionRule

from venvstacks_rules.model.layers.launch_names import launch_name
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.definitions import module_paths
from venvstacks_rules.pants_backend.graph.module_files import ModuleRequest, find_module
from venvstacks_rules.pants_backend.graph.repository_modules import (
    NamedModuleRequest,
    named_module_files,
)
from venvstacks_rules.pants_backend.graph.variants import of_resolve
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.requirement_fields import PythonResolveField
from venvstacks_rules.pants_backend.targets.source_fields import (
    LaunchModuleField,
    SupportModulesField,
    is_client,
    is_layer,
)


@dataclass(frozen=True)
class ModuleOwnersRequest:
    """The owners of the launch and support modules of a layer."""

    address: Address


@dataclass(frozen=True)
class ModuleOwners:
    """The targets other than layers that own files of an application's modules."""

    of_paths: tuple[Address, ...]
    """Of modules that the layer names by their paths."""
    of_name: tuple[Address, ...]
    """Of the launch module if the layer names it as it is imported."""


@rule
async def module_owners(
    request: ModuleOwnersRequest, options: VenvstacksSubsystem, python: PythonSetup
) -> ModuleOwners:
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(request.address, description_of_origin="the layers of a stack")
    )
    layer = wrapped.target
    if is_client(layer):
        return ModuleOwners((), ())
    written = module_paths(layer)
    name = launch_name(written[0]) if written else None
    modules = await concurrently(
        find_module(ModuleRequest(request.address.spec_path, path), **implicitly())
        for path in (written if name is None else written[1:])
    )
    files = tuple(module.path_of(file) for module in modules for file in module.files)
    named: tuple[str, ...] = ()
    if name is not None:
        found = await named_module_files(
            NamedModuleRequest(name, request.address.spec_path), **implicitly()
        )
        named = found.files
    of_paths, of_name = await concurrently(
        engine.find_owners(OwnersRequest(files)), engine.find_owners(OwnersRequest(named))
    )
    targets = await concurrently(
        engine.resolve_target(
            WrappedTargetRequest(address, description_of_origin="the owners of modules")
        )
        for address in dict.fromkeys((*of_paths, *of_name))
    )
    # A layer owns its own modules; and a `pex_binary` of the same file, in the eyes of Pants 2.17,
    # the file that it starts.
    code = [
        wrapped.target
        for wrapped in targets
        if wrapped.target.has_field(SourcesField)
        and not wrapped.target.has_field(OutputPathField)
        and not is_layer(wrapped.target)
    ]
    resolve = layer[PythonResolveField].chosen(options.python_resolve) or python.default_resolve
    chosen = {target.address for target in of_resolve(code, CodeResolveField, resolve)}
    return ModuleOwners(
        tuple(address for address in of_paths if address in chosen),
        tuple(address for address in of_name if address in chosen),
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
    owners = await module_owners(ModuleOwnersRequest(request.field_set.address), **implicitly())
    return InferredDependencies((*owners.of_paths, *owners.of_name))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        *PythonSetup.rules(),
        UnionRule(InferDependenciesRequest, InferModuleOwners),
    ]
