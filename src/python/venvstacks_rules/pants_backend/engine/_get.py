"""Pants 2.17 to 2.29, whose rules await ``Get``: plain functions that return the ``Get``.

The rule parser follows a call to a function that is annotated to return an awaitable, so
``await create_digest(request)`` works, alone and inside ``concurrently``. The callee must be
bound when a rule is parsed: ``@rule`` here only queues the function, and ``collect_rules()`` makes
the rules when their module is complete.

Rules are found by type: each needs its own pair of request type and result type.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, get_type_hints

from pants.base.specs import RawSpecsWithoutFileOwners
from pants.core.goals.package import BuiltPackage, EnvironmentAwarePackageRequest
from pants.core.util_rules.archive import ExtractedArchive, MaybeExtractArchiveRequest
from pants.core.util_rules.config_files import ConfigFiles, ConfigFilesRequest
from pants.core.util_rules.system_binaries import BinaryPathRequest, BinaryPaths
from pants.engine import rules as _pants_rules
from pants.engine.addresses import Addresses, UnparsedAddressInputs
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.environment import EnvironmentName
from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    DigestSubset,
    DownloadFile,
    MergeDigests,
    PathGlobs,
    Paths,
    RemovePrefix,
    Snapshot,
)
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.internals.native_dep_inference import NativeParsedPythonDependencies
from pants.engine.internals.selectors import Effect, Get, MultiGet
from pants.engine.process import (
    FallibleProcessResult,
    InteractiveProcess,
    InteractiveProcessResult,
    Process,
)
from pants.engine.target import (
    DependenciesRequest,
    HydratedSources,
    HydrateSourcesRequest,
    Targets,
    WrappedTarget,
    WrappedTargetRequest,
)
from pants.source.source_root import AllSourceRoots, SourceRootsRequest, SourceRootsResult

from venvstacks_rules.pants_backend.pants_versions import RUNNING

if RUNNING >= (2, 18):
    from pants.engine.internals.native_engine import (  # type: ignore[attr-defined,unused-ignore]
        NativeDependenciesRequest as _PythonFile,
    )
else:
    _PythonFile = Digest

concurrently = MultiGet


# ------------------------------------------------------------------------------------ intrinsics
def create_digest(request: CreateDigest) -> Get:
    """Make files."""
    return Get(Digest, CreateDigest, request)


def merge_digests(request: MergeDigests) -> Get:
    """Merge trees."""
    return Get(Digest, MergeDigests, request)


def add_prefix(request: AddPrefix) -> Get:
    """Move a tree below a folder."""
    return Get(Digest, AddPrefix, request)


def remove_prefix(request: RemovePrefix) -> Get:
    """Move the tree of a folder to the top."""
    return Get(Digest, RemovePrefix, request)


def digest_subset_to_digest(request: DigestSubset) -> Get:
    """Take some files of a tree."""
    return Get(Digest, DigestSubset, request)


def get_digest_contents(digest: Digest) -> Get:
    """Read files."""
    return Get(DigestContents, Digest, digest)


def get_digest_entries(digest: Digest) -> Get:
    """List files with their hashes."""
    return Get(DigestEntries, Digest, digest)


def digest_to_snapshot(digest: Digest) -> Get:
    """List paths."""
    return Get(Snapshot, Digest, digest)


def path_globs_to_digest(globs: PathGlobs) -> Get:
    """Take files of the repository."""
    return Get(Digest, PathGlobs, globs)


def path_globs_to_paths(globs: PathGlobs) -> Get:
    """List files of the repository."""
    return Get(Paths, PathGlobs, globs)


def download_file(request: DownloadFile) -> Get:
    """Fetch a file of known hash and size."""
    return Get(Digest, DownloadFile, request)


def execute_process(process: Process) -> Get:
    """Run a process that may fail."""
    return Get(FallibleProcessResult, Process, process)


def find_config_files(request: ConfigFilesRequest) -> Get:
    """Find the configuration files of a tool."""
    return Get(ConfigFiles, ConfigFilesRequest, request)


def run_interactive_process(process: InteractiveProcess) -> Effect:
    """Run a process on the terminal; for goal rules only."""
    return Effect(InteractiveProcessResult, InteractiveProcess, process)


def environment_vars_subset(request: EnvironmentVarsRequest) -> Get:
    """Read environment variables by name."""
    return Get(EnvironmentVars, EnvironmentVarsRequest, request)


# ----------------------------------------------------------------------------------- the targets
def resolve_targets_from_specs(specs: RawSpecsWithoutFileOwners) -> Get:
    """The targets that match specs."""
    return Get(Targets, RawSpecsWithoutFileOwners, specs)


def resolve_unparsed_address_inputs(inputs: UnparsedAddressInputs) -> Get:
    """The addresses that a field names."""
    return Get(Addresses, UnparsedAddressInputs, inputs)


def find_owners(request: OwnersRequest) -> Get:
    """The targets that own files."""
    return Get(Owners, OwnersRequest, request)


def hydrate_sources(request: HydrateSourcesRequest) -> Get:
    """The files of a target."""
    return Get(HydratedSources, HydrateSourcesRequest, request)


def resolve_target(request: WrappedTargetRequest) -> Get:
    """The target at an address."""
    return Get(WrappedTarget, WrappedTargetRequest, request)


def dependency_targets(request: DependenciesRequest) -> Get:
    """The direct dependencies of a target, with generated targets in the place of generators."""
    return Get(Targets, DependenciesRequest, request)


def resolve_targets(addresses: Addresses) -> Get:
    """The targets at addresses, with generated targets in the place of generators."""
    return Get(Targets, Addresses, addresses)


# ------------------------------------------------------------------------------- first-party code
def get_source_roots(request: SourceRootsRequest) -> Get:
    """The source roots of files; each must have one."""
    return Get(SourceRootsResult, SourceRootsRequest, request)


def all_source_roots() -> Get:
    """The source roots of the repository."""
    return Get(AllSourceRoots)


def python_imports(digest: Digest) -> Get:
    """What the one Python file of a tree imports: `imports` has line and weakness by name."""
    request = digest if _PythonFile is Digest else _PythonFile(digest)
    return Get(NativeParsedPythonDependencies, _PythonFile, request)


def environment_aware_package(request: EnvironmentAwarePackageRequest) -> Get:
    """What ``package`` makes of a target, in the environment of the target."""
    return Get(BuiltPackage, EnvironmentAwarePackageRequest, request)


# ------------------------------------------------------------------------------------- programs
def find_binary(request: BinaryPathRequest) -> Get:
    """Look for a program."""
    return Get(BinaryPaths, BinaryPathRequest, request)


def extract_archive(request: MaybeExtractArchiveRequest) -> Get:
    """Unpack an archive, with the programs of the machine."""
    return Get(ExtractedArchive, MaybeExtractArchiveRequest, request)


# -------------------------------------------------------------------------------------- own rules
def implicitly(*args: Any) -> dict[str, Any]:
    """Parameters that the engine passes by type."""
    return {"_implicit": args}


def _call_without_request(output: type) -> Callable[..., Get]:
    def call(_implicit: tuple[Any, ...] = ()) -> Get:
        return Get(output)

    return call


def _call_with_request(output: type, request_type: type) -> Callable[..., Get]:
    def call(*args: Any, _implicit: tuple[Any, ...] = ()) -> Get:
        return Get(output, request_type, _request(args, _implicit))

    return call


def _request(args: tuple[Any, ...], implicit: tuple[Any, ...]) -> Any:
    if args:
        return args[0]
    value = implicit[0]
    return next(iter(value)) if isinstance(value, Mapping) else value


def _call_with_environment(output: type, request_type: type) -> Callable[..., Get]:
    def call(request: Any, *, _implicit: tuple[Mapping[EnvironmentName, type], ...]) -> Get:
        (environment,) = _implicit[0]
        return Get(output, {request: request_type, environment: EnvironmentName})

    return call


@dataclass(frozen=True)
class _Queued:
    """A rule to be made."""

    make_rule: Callable[..., Any]
    options: Mapping[str, Any]
    function: FunctionType

    def make(self) -> Any:
        """Make the rule. Nobody calls it: callers have the function that returns a ``Get``."""
        # From 2.23 on the parser takes a call of the rule's own name for the rule itself, where a
        # recursive rule calls what returns a ``Get``. Nothing in a source has this name.
        self.function.__name__ += ".rule"
        return self.make_rule(**self.options)(self.function)


# By the name of their module.
_QUEUED: dict[str, list[_Queued]] = {}
_COLLECTED: dict[str, list[Any]] = {}


def _say_result(function: Callable[..., Any], result: Any) -> None:
    # Pants' parser asks each function that a rule calls for its result, again for each call. What
    # has no attribute of this name has its annotations evaluated for it.
    setattr(function, "return", result)


def _queue(
    queued: _Queued, make_call: Callable[[type, type], Callable[..., Get]]
) -> Callable[..., Get]:
    function = queued.function
    hints = get_type_hints(function)
    parameters = [hints[name] for name in inspect.signature(function).parameters]
    # A request is a dataclass and comes first; the engine provides everything else.
    request_type = parameters[0] if parameters else None
    if isinstance(request_type, type) and dataclasses.is_dataclass(request_type):
        call = make_call(hints["return"], request_type)
    else:
        call = _call_without_request(hints["return"])
    call.__name__ = function.__name__
    call.__doc__ = function.__doc__
    _say_result(call, Get)
    _QUEUED.setdefault(function.__module__, []).append(queued)
    return call


def _decorator(
    make_rule: Callable[..., Any],
    make_call: Callable[[type, type], Callable[..., Get]] = _call_with_request,
) -> Callable[..., Any]:
    def decorate(*args: Any, **options: Any) -> Any:
        if args:
            return _queue(_Queued(make_rule, options, args[0]), make_call)
        return lambda function: _queue(_Queued(make_rule, options, function), make_call)

    return decorate


rule = _decorator(_pants_rules.rule)
# Its callers say in which environment it runs: `implicitly({name: EnvironmentName})`.
rule_of_environment = _decorator(_pants_rules.rule, _call_with_environment)
goal_rule = _decorator(_pants_rules.goal_rule)
# Pants' own backends use it under this name, in all versions.
uncacheable_rule = _decorator(_pants_rules._uncacheable_rule)  # noqa: SLF001


def collect_rules() -> list[Any]:
    """The rules of the calling module."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    module = frame.f_back.f_globals["__name__"]
    # Pants asks for a module's rules more than once; a rule is made once.
    if module not in _COLLECTED:
        made = [queued.make() for queued in _QUEUED.pop(module, ())]
        # What the module's own names are bound to has no attribute `rule`: from 2.19 on the parser
        # would take a call of it for a call by name.
        _COLLECTED[module] = list(
            _pants_rules.collect_rules(
                {made_rule.rule.canonical_name: made_rule for made_rule in made}
            )
        )
    return list(_COLLECTED[module])


for _function in [each for each in globals().values() if isinstance(each, FunctionType)]:
    if _function.__module__ == __name__:
        _say_result(_function, get_type_hints(_function)["return"])

__all__ = [name for name in dir() if not name.startswith("_")]
