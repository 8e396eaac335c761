"""Pants 2.17: plain functions that return the ``Get`` to await.

The rule parser of 2.17 follows a call to a function that is annotated to return an awaitable, so
``await create_digest(request)`` works, alone and inside ``concurrently``. The callee must be
bound when 2.17 parses a rule: ``@rule`` here only queues the function, and ``collect_rules()``
makes the rules when their module is complete.

2.17 finds rules by type: each needs its own pair of request type and result type.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import tomli
from pants.base.specs import RawSpecsWithoutFileOwners
from pants.core.goals.test import TestResult
from pants.core.util_rules.archive import ExtractedArchive, MaybeExtractArchiveRequest
from pants.core.util_rules.environments import (
    EnvironmentField,  # noqa: F401 # offered under this name, as what follows
    EnvironmentTarget,  # noqa: F401
)
from pants.core.util_rules.system_binaries import BinaryPathRequest, BinaryPaths
from pants.engine import rules as _pants_rules
from pants.engine.addresses import Address, Addresses, UnparsedAddressInputs
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
from pants.engine.internals.selectors import Effect, Get, MultiGet
from pants.engine.process import (
    FallibleProcessResult,
    InteractiveProcess,
    InteractiveProcessResult,
    Process,
    ProcessCacheScope,
)
from pants.engine.target import (
    HydratedSources,
    HydrateSourcesRequest,
    Targets,
    WrappedTarget,
    WrappedTargetRequest,
)

concurrently = MultiGet

LOCAL_CACHE_SCOPE = ProcessCacheScope.PER_RESTART_SUCCESSFUL
"""For outputs that are cheaper to make again than to fetch from a remote cache.

2.17 has no scope for the local cache alone, so only the daemon remembers the results.
"""


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
        value = args[0] if args else _implicit[0]
        if isinstance(value, Mapping) and not args:
            value = next(iter(value))
        return Get(output, request_type, value)

    return call


def _call_with_environment(output: type, request_type: type) -> Callable[..., Get]:
    def call(request: Any, *, _implicit: tuple[Mapping[EnvironmentName, type], ...]) -> Get:
        (environment,) = _implicit[0]
        return Get(output, {request: request_type, environment: EnvironmentName})

    return call


_PENDING: dict[str, list[tuple[Any, Callable[..., Any], dict[str, Any], Any]]] = {}


def _queue(
    make_rule: Callable[..., Any],
    options: dict[str, Any],
    function: Any,
    make_call: Callable[[type, type], Callable[..., Get]],
) -> Any:
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
    _PENDING.setdefault(function.__module__, []).append((call, make_rule, options, function))
    return call


def _decorator(
    make_rule: Callable[..., Any],
    make_call: Callable[[type, type], Callable[..., Get]] = _call_with_request,
) -> Callable[..., Any]:
    def decorate(*args: Any, **options: Any) -> Any:
        if args:
            return _queue(make_rule, options, args[0], make_call)
        return lambda function: _queue(make_rule, options, function, make_call)

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
    namespace = frame.f_back.f_globals
    for call, make_rule, options, function in _PENDING.pop(namespace["__name__"], ()):
        call.rule = make_rule(**options)(function).rule
    return list(_pants_rules.collect_rules(namespace))


# ------------------------------------------------------------------------------ small differences
def toml_loads(content: bytes) -> dict[str, Any]:
    """Read TOML. Raises ValueError for anything else."""
    try:
        return tomli.loads(content.decode())
    except RecursionError as e:
        raise ValueError(str(e)) from None


def test_result(process_result: FallibleProcessResult, address: Address, output: Any) -> TestResult:
    """The result of a process for the ``test`` goal."""
    return TestResult.from_fallible_process_result(process_result, address, output)


test_result.__test__ = False  # type: ignore[attr-defined]

__all__ = [name for name in dir() if not name.startswith("_")]
