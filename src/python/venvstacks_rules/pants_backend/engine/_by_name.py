"""Pants 2.30 and newer, whose rules call each other by name: the engine's own rules.

Names that take one parameter are the engine's own; the others are thin functions that also pass
what the engine provides.
"""

from __future__ import annotations

from typing import Any

from pants.base.specs import RawSpecsWithoutFileOwners
from pants.core.goals.package import BuiltPackage, EnvironmentAwarePackageRequest
from pants.core.goals.package import environment_aware_package as _environment_aware_package
from pants.core.util_rules.archive import ExtractedArchive, MaybeExtractArchiveRequest
from pants.core.util_rules.archive import maybe_extract_archive as _maybe_extract_archive
from pants.core.util_rules.config_files import ConfigFiles, ConfigFilesRequest
from pants.core.util_rules.config_files import find_config_file as _find_config_file
from pants.core.util_rules.env_vars import environment_vars_subset as _environment_vars_subset
from pants.core.util_rules.system_binaries import BinaryPathRequest, BinaryPaths
from pants.core.util_rules.system_binaries import find_binary as _find_binary
from pants.engine.addresses import Addresses, UnparsedAddressInputs
from pants.engine.download_file import download_file as _download_file
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.fs import Digest, DownloadFile
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.internals.graph import find_owners as _find_owners
from pants.engine.internals.graph import hydrate_sources as _hydrate_sources
from pants.engine.internals.graph import resolve_target as _resolve_target
from pants.engine.internals.graph import resolve_targets as _resolve_targets
from pants.engine.internals.graph import (
    resolve_unparsed_address_inputs as _resolve_unparsed_address_inputs,
)
from pants.engine.internals.native_engine import NativeDependenciesRequest
from pants.engine.intrinsics import (
    add_prefix,
    create_digest,
    digest_subset_to_digest,
    digest_to_snapshot,
    get_digest_contents,
    get_digest_entries,
    merge_digests,
    path_globs_to_digest,
    path_globs_to_paths,
    remove_prefix,
    run_interactive_process,
)
from pants.engine.intrinsics import execute_process as _execute_process
from pants.engine.intrinsics import parse_python_deps as _parse_python_deps
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import _uncacheable_rule as uncacheable_rule
from pants.engine.rules import collect_rules, concurrently, goal_rule, implicitly, rule
from pants.engine.target import (
    DependenciesRequest,
    HydratedSources,
    HydrateSourcesRequest,
    Targets,
    WrappedTarget,
    WrappedTargetRequest,
)
from pants.source.source_root import AllSourceRoots, get_source_roots
from pants.source.source_root import all_roots as _all_roots

# Its callers say in which environment it runs: `implicitly({name: EnvironmentName})`.
rule_of_environment = rule


async def download_file(request: DownloadFile) -> Digest:
    """Fetch a file of known hash and size."""
    return await _download_file(request, **implicitly())


async def execute_process(process: Process) -> FallibleProcessResult:
    """Run a process that may fail."""
    return await _execute_process(process, **implicitly())


async def environment_vars_subset(request: EnvironmentVarsRequest) -> EnvironmentVars:
    """Read environment variables by name."""
    return await _environment_vars_subset(request, **implicitly())


async def resolve_targets_from_specs(specs: RawSpecsWithoutFileOwners) -> Targets:
    """The targets that match specs."""
    return await _resolve_targets(**implicitly({specs: RawSpecsWithoutFileOwners}))


async def resolve_unparsed_address_inputs(inputs: UnparsedAddressInputs) -> Addresses:
    """The addresses that a field names."""
    return await _resolve_unparsed_address_inputs(inputs, **implicitly())


async def find_owners(request: OwnersRequest) -> Owners:
    """The targets that own files."""
    return await _find_owners(request, **implicitly())


async def hydrate_sources(request: HydrateSourcesRequest) -> HydratedSources:
    """The files of a target."""
    return await _hydrate_sources(request, **implicitly())


async def resolve_target(request: WrappedTargetRequest) -> WrappedTarget:
    """The target at an address."""
    return await _resolve_target(request, **implicitly())


async def dependency_targets(request: DependenciesRequest) -> Targets:
    """The direct dependencies of a target, with generated targets in the place of generators."""
    return await _resolve_targets(**implicitly({request: DependenciesRequest}))


async def resolve_targets(addresses: Addresses) -> Targets:
    """The targets at addresses, with generated targets in the place of generators."""
    return await _resolve_targets(**implicitly({addresses: Addresses}))


async def all_source_roots() -> AllSourceRoots:
    """The source roots of the repository."""
    return await _all_roots(**implicitly())


async def python_imports(digest: Digest) -> Any:
    """What the one Python file of a tree imports: `imports` has line and weakness by name."""
    found = await _parse_python_deps(NativeDependenciesRequest(digest))
    # By file since 2.32.
    files = getattr(found, "path_to_deps", None)
    return found if files is None else next(iter(files.values()))


async def environment_aware_package(request: EnvironmentAwarePackageRequest) -> BuiltPackage:
    """What ``package`` makes of a target, in the environment of the target."""
    return await _environment_aware_package(request, **implicitly())


async def find_config_files(request: ConfigFilesRequest) -> ConfigFiles:
    """Find the configuration files of a tool."""
    return await _find_config_file(request, **implicitly())


async def find_binary(request: BinaryPathRequest) -> BinaryPaths:
    """Look for a program."""
    return await _find_binary(request, **implicitly())


async def extract_archive(request: MaybeExtractArchiveRequest) -> ExtractedArchive:
    """Unpack an archive, with the programs of the machine."""
    return await _maybe_extract_archive(request, **implicitly())


__all__ = [
    "add_prefix",
    "all_source_roots",
    "collect_rules",
    "concurrently",
    "create_digest",
    "dependency_targets",
    "digest_subset_to_digest",
    "digest_to_snapshot",
    "download_file",
    "environment_aware_package",
    "environment_vars_subset",
    "execute_process",
    "extract_archive",
    "find_binary",
    "find_config_files",
    "find_owners",
    "get_digest_contents",
    "get_digest_entries",
    "get_source_roots",
    "goal_rule",
    "hydrate_sources",
    "implicitly",
    "merge_digests",
    "path_globs_to_digest",
    "path_globs_to_paths",
    "python_imports",
    "remove_prefix",
    "resolve_target",
    "resolve_targets",
    "resolve_targets_from_specs",
    "resolve_unparsed_address_inputs",
    "rule",
    "rule_of_environment",
    "run_interactive_process",
    "uncacheable_rule",
]
