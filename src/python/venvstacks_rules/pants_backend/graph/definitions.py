"""Turns the fields of a layer's target into the definition that the model checks."""

from __future__ import annotations

from collections.abc import Iterator

from pants.base.build_environment import get_buildroot
from pants.engine.target import Target

from venvstacks_rules.model.layers.client import CLIENT_REQUIREMENTS
from venvstacks_rules.model.layers.definitions import LayerDefinition, ModuleDefinition, Reference
from venvstacks_rules.model.layers.local_files import relative_to
from venvstacks_rules.model.layers.lock_choices import LockChoices
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.platform_names import platform_remedy
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.layers.requirement_entries import TargetRequirement
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend.graph.layer_targets import NO_NAMES, LayerNames
from venvstacks_rules.pants_backend.graph.references import LayerReference, layer_references
from venvstacks_rules.pants_backend.graph.variants import TargetsByName, several_variants
from venvstacks_rules.pants_backend.targets.build_fields import BuildFromSourceField
from venvstacks_rules.pants_backend.targets.layers import (
    AcceptedLibrariesField,
    ConsoleScriptsField,
    DynlibExcludeField,
    FrameworksField,
    LinuxTargetField,
    MacosxTargetField,
    PlatformsField,
    PythonArchivesField,
    PythonImplementationField,
    RequirementsField,
    RuntimeField,
)
from venvstacks_rules.pants_backend.targets.lock_fields import (
    IndexOverridesField,
    LocalWheelsField,
    PackageIndexesField,
    PriorityIndexesField,
    VersionedField,
)
from venvstacks_rules.pants_backend.targets.requirement_fields import (
    OverrideRequirementsField,
    PythonResolveField,
    RelaxedPinsField,
    WithoutDependenciesField,
)
from venvstacks_rules.pants_backend.targets.shipping_fields import (
    ByteCodeField,
    ExcludeFilesField,
    IncludeScriptsField,
    SealedField,
    StripInterpreterField,
)
from venvstacks_rules.pants_backend.targets.size_fields import (
    MaxArchiveSizeField,
    MaxUnpackedSizeField,
)
from venvstacks_rules.pants_backend.targets.source_fields import (
    LaunchModuleField,
    LayerSourcesField,
    SupportModulesField,
    is_client,
)

NO_ARCHIVES = Problem(
    "python_archives",
    'is not set, which `[venvstacks].python_provider = "archive"` needs. Map each platform to a '
    "`file` target, for example {'linux_x86_64': ':cpython-linux'}.",
)
"""The problem of a runtime that `lacks_archives` although the option needs them."""


def lacks_archives(target: Target) -> bool:
    """Whether a layer is a runtime that names no interpreter archives."""
    return target.has_field(PythonArchivesField) and not target[PythonArchivesField].value


def _suggested(reference: LayerReference, target: Target, names: LayerNames) -> str | None:
    kind = LayerKind.RUNTIME if reference.field == RuntimeField.alias else LayerKind.FRAMEWORK
    meant = names.meant(reference.written, kind, target.address)
    return None if meant is None else f"but there is no such target. Did you mean {meant!r}?"


def archive_problems(target: Target) -> Iterator[Problem]:
    """Interpreter archives of a runtime for what is no platform."""
    archives = target[PythonArchivesField].value if target.has_field(PythonArchivesField) else None
    for name in archives or ():
        if name not in PLATFORMS:
            text = f"has {name!r}, which is not a target platform. {platform_remedy(name)}"
            yield Problem("python_archives", text)


def module_paths(target: Target) -> tuple[str, ...]:
    """The launch module and the sorted support modules of an application, as written."""
    if not target.has_field(LaunchModuleField):
        return ()
    return (target[LaunchModuleField].value, *sorted(target.get(SupportModulesField).value or ()))


def lock_choices(target: Target, default_resolve: str | None) -> LockChoices:
    """What the fields of `target`, a layer, say about its lock."""
    return LockChoices(
        override_requirements=target[OverrideRequirementsField].value or (),
        without_dependencies=target[WithoutDependenciesField].value or (),
        relaxed_pins=target[RelaxedPinsField].value or (),
        python_resolve=target[PythonResolveField].chosen(default_resolve),
    )


def layer_definition(
    target: Target,
    *,
    modules: tuple[ModuleDefinition, ...],
    named: TargetsByName,
    macosx_target: str,
    names: LayerNames = NO_NAMES,
    target_requirements: tuple[TargetRequirement, ...] = (),
    python_resolve: str | None = None,
) -> LayerDefinition:
    """The definition in the fields of `target`, a layer.

    `modules` are the files of `module_paths(target)`, in that order. `named` holds all targets that
    the layer could refer to. `macosx_target` is the default for runtimes. `names` is for references
    that lead nowhere. `target_requirements` are those of targets that the layer names or reaches.
    `python_resolve` is the default of the field.
    """
    references: dict[str, tuple[Reference, ...]] = {}
    for found in layer_references(target):
        meant = named.meant(found.address, target.address, target)
        spec = meant[0].spec if len(meant) == 1 else None
        problem = None
        if len(meant) > 1:
            problem = several_variants(found.written, meant, target.address)
        elif spec is None:
            problem = _suggested(found, target, names)
        references[found.field] = (
            *references.get(found.field, ()),
            Reference(found.written, spec, problem),
        )
    runtime = references.get(RuntimeField.alias, ())
    sources = target.get(LayerSourcesField)
    default_macosx_target = macosx_target if sources.layer_kind is LayerKind.RUNTIME else None
    return LayerDefinition(
        address=target.address.spec,
        kind=sources.layer_kind,
        name=sources.layer_base_name,
        requirements=(
            *(
                relative_to(text, get_buildroot(), target.address.spec_path)
                for text in target[RequirementsField].value or ()
            ),
            *(CLIENT_REQUIREMENTS if is_client(target) else ()),
        ),
        target_requirements=target_requirements,
        python_implementation=(
            target[PythonImplementationField].value
            if target.has_field(PythonImplementationField)
            else None
        ),
        runtime=runtime[0] if runtime else None,
        frameworks=references.get(FrameworksField.alias, ()),
        platforms=target[PlatformsField].value,
        linux_target=target[LinuxTargetField].value,
        macosx_target=target[MacosxTargetField].value or default_macosx_target,
        launch_module=modules[0] if modules else None,
        support_modules=modules[1:],
        dynlib_exclude=target[DynlibExcludeField].value or (),
        accepted_libraries=target[AcceptedLibrariesField].value or (),
        package_indexes=tuple(sorted((target[PackageIndexesField].value or {}).items())),
        index_overrides=tuple(sorted((target[IndexOverridesField].value or {}).items())),
        priority_indexes=target[PriorityIndexesField].value or (),
        local_wheels=target[LocalWheelsField].value or (),
        build_from_source=target[BuildFromSourceField].value or (),
        versioned=target[VersionedField].value,
        console_scripts=target[ConsoleScriptsField].value or (),
        max_archive_size=target[MaxArchiveSizeField].value,
        max_unpacked_size=target[MaxUnpackedSizeField].value,
        variant=sources.variant,
        packed_layer=sources.packed_layer,
        exclude_files=tuple(sorted((target[ExcludeFilesField].value or {}).items())),
        include_scripts=tuple(sorted((target[IncludeScriptsField].value or {}).items())),
        strip_interpreter=target.get(StripInterpreterField).value or (),
        byte_code=target[ByteCodeField].value,
        sealed=target[SealedField].value,
        lock_choices=lock_choices(target, python_resolve),
    )
