"""The files and links that come neither from wheels nor from an interpreter, and the metadata."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Optional

from pants.engine.addresses import Address

from venvstacks_rules.model.code.modules import CodeModules, module_name
from venvstacks_rules.model.contents.console_scripts import (
    ConsoleScript,
    chosen_scripts,
    script_files,
)
from venvstacks_rules.model.contents.data_warnings import data_warnings
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.own import layer_config, layer_files
from venvstacks_rules.model.contents.postinstall import postinstall_text
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.byte_code import DEPLOYED, in_image
from venvstacks_rules.model.layers.client import CLIENT_SCRIPTS
from venvstacks_rules.model.layers.interface import LayerInterface, PackageFolder
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.lock_choices import NO_CHOICES
from venvstacks_rules.model.layers.wheel_globs import EXCLUDE_FILES, INCLUDE_SCRIPTS
from venvstacks_rules.model.libraries.checks import library_report, refuse_ambiguous
from venvstacks_rules.model.libraries.hidden_modules import hidden_module_warnings
from venvstacks_rules.model.libraries.report import LibraryReport
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.model.outputs.metadata import BuiltWheelHash, LayerMetadata
from venvstacks_rules.model.times import in_utc
from venvstacks_rules.pants_backend.build.analysis import (
    LayerAnalysis,
    LayerAnalysisRequest,
    layer_analysis,
)
from venvstacks_rules.pants_backend.build.imports import (
    ImportPolicy,
    LayerImportsRequest,
    layer_imports,
    refuse_missing,
)
from venvstacks_rules.pants_backend.build.interfaces import LayerInterfaceRequest, layer_interface
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_modules import (
    LayerModules,
    LayerModulesRequest,
    code_folders,
    layer_modules,
)
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest, find_layer
from venvstacks_rules.pants_backend.inputs.wheels import LayerWheelsRequest, layer_wheels
from venvstacks_rules.pants_backend.locks.freshness import (
    ChainLocks,
    ChainLocksRequest,
    chain_locks,
)
from venvstacks_rules.pants_backend.processes.sources import postinstall_source
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.source_fields import is_client


@dataclass(frozen=True)
class LayerContentsRequest:
    """The own contents of a layer on a platform."""

    address: Address
    platform: str
    build_root: Optional[str] = None
    """The path of the repository if the layer takes first-party code from there, for editors."""
    exported: bool = False
    """Whether there will be no archive: such a layer is made ready for its place."""
    image: Optional[str] = None
    """The format of the archive if it is for a container image, where every layer is sealed."""


@dataclass(frozen=True)
class LayerContents:
    """The own contents of a layer."""

    layer: Layer
    lower: tuple[LayerInterface, ...]
    """Of the layers below, in import order."""
    python_version: str
    """X.Y.Z of the runtime."""
    modules: LayerModules
    joined: frozenset[str]
    """Top-level packages of first-party code that may have modules in packages, too."""
    files: tuple[OwnFile, ...]
    """Including the modules; their sources are in the digest of `modules`."""
    links: tuple[OwnLink, ...]
    """Including those to shared libraries."""
    metadata: LayerMetadata
    warnings: tuple[str, ...]
    """For the user who packages the layer, with their remedies; without a full stop."""

    def warnings_for(self, platform: str) -> tuple[str, ...]:
        """The warnings as whole sentences."""
        return tuple(f"{self.layer.address} for {platform}: {text}." for text in self.warnings)

    def refuse_shadowing(self, own_packages: Mapping[str, str]) -> None:
        """Raise DefinitionError for modules that hide a module of a package.

        `own_packages` has the modules of the layer's own packages, each with its source.
        """
        owners = {
            name: below.install_target for below in reversed(self.lower) for name in below.modules
        }
        owners.update(own_packages)
        problems = [
            f"{self.layer.address}: {name!r} would be imported as `{stem}`, like a module of "
            f"{owners[stem]}. {_remedy(self.layer, name)}"
            for name in sorted(
                {f.path.split("/")[0] for f in self.modules.files if module_name(f.path)}
            )
            for stem in [name.removesuffix(".py")]
            if stem in owners and stem not in self.joined
        ]
        if problems:
            raise DefinitionError("A module of the repository clashes with a package:", problems)


def _remedy(layer: Layer, name: str) -> str:
    """What to do about a module that hides another one."""
    launch = layer.launch_module
    if launch is None or launch.name is not None or posixpath.basename(launch.path) != name:
        return "Rename it."
    stem = name.removesuffix(".py")
    return (
        "Rename it, or, if it is part of a package, write `launch_module` as it is imported, "
        f"'package.{stem}'."
    )


@rule
async def layer_contents(
    request: LayerContentsRequest, policy: ImportPolicy, options: VenvstacksSubsystem
) -> LayerContents:
    found, locks, selected, analysis, modules = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
        layer_wheels(LayerWheelsRequest(request.address, request.platform), **implicitly()),
        layer_analysis(LayerAnalysisRequest(request.address, request.platform), **implicitly()),
        layer_modules(LayerModulesRequest(request.address), **implicitly()),
    )
    layer = found.layer
    interfaces = await concurrently(
        layer_interface(LayerInterfaceRequest(below, request.platform), **implicitly())
        for below in (found.targets[address].address for address in layer.lower)
    )
    lower = tuple(interfaces)
    if request.build_root is not None:
        modules = modules.in_place(request.build_root)
        lower = tuple(below.without_code for below in lower)
    imports = await concurrently(
        layer_imports(LayerImportsRequest(each, request.platform), **implicitly())
        for each in (found.targets[address].address for address in (layer.address, *layer.lower))
    )
    warned = refuse_missing(imports, policy)
    version, libraries = analysis.target.python_version, analysis.libraries
    platform = analysis.target.platform
    refuse_ambiguous(f"{layer.address} for {platform.name}", libraries, lower)
    scripts = _console_scripts(found, platform.name, analysis, lower)
    config = layer_config(layer, version, lower, os_name=platform.os_name)
    if platform.os_name == "nt":
        config = replace(config, console_scripts=tuple((s.name, s.target) for s in scripts))
    byte_code, sealed = _after_unpacking(request, layer, options)
    files, links = layer_files(
        config,
        lower,
        install_target=locks.install_target(layer),
        system=platform.system,
        postinstall=postinstall_text(
            postinstall_source(), byte_code=byte_code, sealed=sealed, system=platform.system
        ),
        sealed=sealed,
        modules=modules.files,
        own_libraries=libraries.used,
        own_packages=(*analysis.packages, *code_folders(modules, locks.install_target(layer))),
        own_data=analysis.data,
    )
    report = library_report(analysis.wheels, analysis.target, libraries, lower)
    metadata = _metadata(
        layer,
        platform=request.platform,
        lower=lower,
        chain=locks,
        modules=modules,
        python_version=version,
        libraries=report,
        chosen_files=_chosen_files(layer, analysis),
        built_wheels=_built_wheels(selected.wheels),
        byte_code=byte_code,
        sealed=sealed,
    )
    return LayerContents(
        layer=layer,
        lower=lower,
        python_version=version,
        modules=modules,
        joined=_joined(modules.code, [analysis.packages, *(below.packages for below in lower)]),
        files=(*files, *script_files(scripts, LayerLayout(version, platform.os_name))),
        links=(*links, *libraries.links),
        metadata=metadata,
        warnings=(
            *selected.remarks,
            *report.warnings(layer.accepted_libraries),
            *hidden_module_warnings(analysis.wheels, version, layer.strip_interpreter),
            *(warning.rstrip(".") for warning in warned),
            *(data_warnings(lower) if platform.system == "win" else ()),
        ),
    )


def _after_unpacking(
    request: LayerContentsRequest, layer: Layer, options: VenvstacksSubsystem
) -> tuple[str, bool]:
    """Who makes the byte code, and whether the layer is sealed."""
    if request.exported:
        return DEPLOYED, False
    byte_code = options.byte_code_of(layer.byte_code)
    if request.image is not None:
        return in_image(byte_code), True
    return byte_code, layer.sealed


def _built_wheels(wheels: Iterable[LockedWheel]) -> tuple[BuiltWheelHash, ...]:
    built = (wheel for wheel in wheels if wheel.is_built)
    return tuple(BuiltWheelHash(wheel.file_name, f"sha256:{wheel.sha256}") for wheel in built)


def _joined(code: CodeModules, packages: Iterable[Iterable[PackageFolder]]) -> frozenset[str]:
    """The top-level packages of `code` that are no second package with an ``__init__``."""
    regular = {folder.name for folders in packages for folder in folders if folder.regular}
    return frozenset((code.packages - regular) | code.namespaces)


def _console_scripts(
    found: LayerInGraph, platform: str, analysis: LayerAnalysis, lower: Iterable[LayerInterface]
) -> tuple[ConsoleScript, ...]:
    """The commands of a layer; raises DefinitionError for those that no package defines."""
    layer = found.layer
    provided = CLIENT_SCRIPTS if is_client(found.target) else {}
    known = [provided, dict(analysis.scripts), *(dict(below.scripts) for below in lower)]
    scripts, problems = chosen_scripts((*provided, *layer.console_scripts), known)
    if problems:
        raise DefinitionError(
            "Commands that packages do not define:",
            [
                f"{layer.address} for {platform}: `console_scripts` has {name!r}, {problem}"
                for name, problem in problems
            ],
        )
    return scripts


def _metadata(
    layer: Layer,
    *,
    platform: str,
    lower: tuple[LayerInterface, ...],
    chain: ChainLocks,
    modules: LayerModules,
    python_version: str,
    libraries: LibraryReport,
    chosen_files: tuple[ChosenFiles, ...],
    built_wheels: tuple[BuiltWheelHash, ...],
    byte_code: str,
    sealed: bool,
) -> LayerMetadata:
    files = chain.files[layer.address]
    install_target = chain.install_target(layer)
    inputs = chain.locks[layer.address].inputs
    return LayerMetadata(
        layer_name=layer.layer_name,
        install_target=install_target,
        requirements_hash=chain.locks[layer.address].requirements_hash,
        # The version of a layer matters only if its name has the version.
        lock_version=files.lock_version if layer.versioned else 1,
        locked_at=in_utc(files.locked_at),
        target_platform=platform,
        runtime_layer=lower[-1].install_target if lower else install_target,
        python_implementation=f"cpython@{python_version}",
        # Not even on Windows, where the launcher is that of the deployed runtime.
        bound_to_implementation=not lower,
        required_layers=tuple(below.install_target for below in lower[:-1]) if lower else None,
        app_launch_module=layer.launch_module.module_name if layer.launch_module else None,
        app_launch_module_hash=modules.launch_hash,
        app_support_modules=modules.support_hashes,
        lock_choices=inputs.choices if inputs is not None else NO_CHOICES,
        shared_libraries=libraries,
        chosen_files=chosen_files,
        stripped_interpreter=() if lower else layer.strip_interpreter,
        built_wheels=built_wheels,
        byte_code=None if byte_code == DEPLOYED else byte_code,
        sealed=sealed,
    )


def _chosen_files(layer: Layer, analysis: LayerAnalysis) -> tuple[ChosenFiles, ...]:
    """What the fields of the layer make of its wheels."""
    found = []
    for wheel in sorted(analysis.wheels, key=lambda wheel: wheel.distribution):
        excluded, left_out = layer.excluded_of(wheel.file_name), wheel.left_out
        unused = (
            *((EXCLUDE_FILES, glob) for glob in left_out.unused),
            *((INCLUDE_SCRIPTS, glob) for glob in wheel.unused_scripts),
        )
        if excluded or layer.scripts_of(wheel.file_name):
            files, size = left_out.files, left_out.size
            found.append(
                ChosenFiles(wheel.distribution, wheel.file_name, excluded, files, size, unused)
            )
    return tuple(found)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
