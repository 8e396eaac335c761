"""The interpreters of runtime layers, from any provider."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Optional

from pants.core.target_types import FileSourceField
from pants.engine.addresses import Address
from pants.engine.env_vars import EnvironmentVarsRequest
from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName
from pants.engine.fs import Digest
from pants.engine.process import ProcessCacheScope
from pants.engine.target import HydrateSourcesRequest, SourcesField, Target, WrappedTargetRequest
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import DefinitionError, InterpreterError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.locks.pylock import LockedInterpreter, Lockfile, mirrored_url
from venvstacks_rules.model.requests.interpreters import (
    FindInterpreterRequest,
    FoundInterpreter,
    PackedInterpreter,
    PackInterpreterRequest,
)
from venvstacks_rules.model.requests.pin import PinInterpretersRequest, PinnedInterpreters
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    concurrently,
    implicitly,
    rule,
    rule_of_environment,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.graph.references import field_origin, parsed_address
from venvstacks_rules.pants_backend.inputs.downloads import PinnedFileRequest, pinned_file
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    NetworkActionRequest,
    run_network_action,
)
from venvstacks_rules.pants_backend.processes.python import SEARCH_VARIABLES
from venvstacks_rules.pants_backend.subsystems.venvstacks import PythonProvider, VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import PythonArchivesField


@dataclass(frozen=True)
class InterpreterRequest:
    """The interpreter of a runtime on one platform."""

    layer: Layer
    target: Target
    lock: Lockfile
    platform: str


@dataclass(frozen=True)
class RuntimeInterpreterRequest:
    """The interpreter of the runtime layer at an address, on one platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class InterpreterArchive:
    """An interpreter archive in the layout of python-build-standalone."""

    digest: Digest
    path: str
    sha256: str | None
    """The hash that a lockfile pins; None if none does."""
    size: int | None
    """In bytes."""
    url: Optional[str] = None
    """As a lockfile pins it, whatever mirror it came from; None if none does."""


@dataclass(frozen=True)
class LocalInterpreterRequest:
    """A CPython of this machine."""

    address: str
    python_version: str
    linux_target: str
    to_compile: bool = False
    """Whether it only has to run here, to compile."""


@dataclass(frozen=True)
class CapturedInterpreterRequest:
    """A CPython of this machine, to be captured for a platform."""

    interpreter: LocalInterpreterRequest
    platform: str


@dataclass(frozen=True)
class ProvidedInterpreterRequest:
    """An interpreter archive from a target."""

    target: Target
    platform: str


@dataclass(frozen=True)
class UnpinnedInterpreterRequest:
    """An archive of python-build-standalone that no lockfile pins."""

    address: str
    python_version: str
    linux_target: str
    platform: str


@rule
async def runtime_interpreter(request: RuntimeInterpreterRequest) -> InterpreterArchive:
    found, locks = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
    )
    layer = found.layer
    archive: InterpreterArchive = await interpreter_archive(
        InterpreterRequest(layer, found.target, locks.locks[layer.address], request.platform),
        **implicitly(),
    )
    return archive


@rule
async def interpreter_archive(
    request: InterpreterRequest, options: VenvstacksSubsystem, local: ChosenLocalEnvironmentName
) -> InterpreterArchive:
    if options.python_provider is PythonProvider.LOCAL:
        captured: InterpreterArchive = await local_interpreter(
            CapturedInterpreterRequest(
                LocalInterpreterRequest(
                    request.layer.address, request.layer.python_version, request.layer.linux_target
                ),
                request.platform,
            ),
            **implicitly({local.val: EnvironmentName}),
        )
        return captured
    if options.python_provider is PythonProvider.ARCHIVE:
        provided: InterpreterArchive = await provided_interpreter(
            ProvidedInterpreterRequest(request.target, request.platform), **implicitly()
        )
        return provided
    pinned = next((x for x in request.lock.interpreters if x.platform == request.platform), None)
    if pinned is None:
        # Another tool made the lock, and did not pin an interpreter.
        unpinned = UnpinnedInterpreterRequest(
            request.layer.address,
            request.layer.python_version,
            request.layer.linux_target,
            request.platform,
        )
        pinned = await pinned_interpreter(unpinned, **implicitly())
    url = mirrored_url(pinned.url, options.python_mirror)
    fetched = await pinned_file(
        PinnedFileRequest(
            request.layer.address, url, pinned.sha256, pinned.size, directory="interpreter"
        ),
        **implicitly(),
    )
    return InterpreterArchive(fetched.digest, fetched.path, pinned.sha256, pinned.size, pinned.url)


@rule
async def pinned_interpreter(
    request: UnpinnedInterpreterRequest, options: VenvstacksSubsystem
) -> LockedInterpreter:
    pin = PinInterpretersRequest(
        request.address,
        request.python_version,
        (request.platform,),
        options.python_mirror,
        linux_target=request.linux_target,
        network=NETWORK_DIR,
    )
    result = await run_network_action(
        NetworkActionRequest(
            ActionProcessRequest(
                verb="pin-interpreters",
                request=to_json(pin),
                description=f"Pin CPython {request.python_version} for {request.platform}",
                done=f"Pinned CPython {request.python_version} for {request.platform}",
            )
        ),
        **implicitly(),
    )
    return from_json(PinnedInterpreters, result.result).interpreters[0]


# This machine is where the build was started: workers have other interpreters, or none.
@rule_of_environment
async def found_interpreter(request: LocalInterpreterRequest) -> FoundInterpreter:
    env = await engine.environment_vars_subset(EnvironmentVarsRequest(SEARCH_VARIABLES))
    find = FindInterpreterRequest(
        request.address, request.python_version, request.linux_target, request.to_compile
    )
    result = await run_action(
        ActionProcessRequest(
            verb="find-interpreter",
            request=to_json(find),
            description=f"Find CPython {request.python_version} on this machine",
            done=f"Found CPython {request.python_version} on this machine",
            env=FrozenDict(env),
            # Installed interpreters may change; Pants itself looks for its own at each start, too.
            cache_scope=ProcessCacheScope.PER_RESTART_SUCCESSFUL,
        ),
        **implicitly(),
    )
    return from_json(FoundInterpreter, result.result)


@rule_of_environment
async def local_interpreter(
    request: CapturedInterpreterRequest, native: NativePlatform, local: ChosenLocalEnvironmentName
) -> InterpreterArchive:
    if request.platform != native.name:
        raise InterpreterError(
            "The interpreter of this machine is for another platform:",
            [
                f"{request.interpreter.address}: `[venvstacks].python_provider` is 'local', which "
                f"has an interpreter for {native.name} only, and the layer is built for "
                f"{request.platform}. Set it to 'pbs' or 'archive'."
            ],
        )
    found = await found_interpreter(request.interpreter, **implicitly({local.val: EnvironmentName}))
    output = "interpreter.tar.zst"
    result = await run_action(
        ActionProcessRequest(
            verb="pack-interpreter",
            request=to_json(PackInterpreterRequest(found, output)),
            description=f"Capture CPython {found.python_version} from {found.executable}",
            done=f"Captured CPython {found.python_version} from {found.executable}",
            output_files=(output,),
        ),
        **implicitly(),
    )
    packed = from_json(PackedInterpreter, result.result)
    return InterpreterArchive(result.digest, packed.path, packed.sha256, packed.size)


@rule
async def provided_interpreter(request: ProvidedInterpreterRequest) -> InterpreterArchive:
    target = request.target
    archives: Mapping[str, str] = target[PythonArchivesField].value or {}
    if request.platform not in archives:
        entries = " and is empty"
        if archives:
            entries = f"; it has entries for: {', '.join(sorted(archives))}"
        raise DefinitionError(
            "A runtime has no interpreter for a platform:",
            [
                f"{target.address}: `python_archives` has no entry for '{request.platform}'"
                f"{entries}. Add one, or narrow `platforms`."
            ],
        )
    field, written = PythonArchivesField.alias, archives[request.platform]
    address = parsed_address(field, written, target.address)
    origin = field_origin(field, target.address)
    wrapped = await engine.resolve_target(WrappedTargetRequest(address, origin))
    hydrated = await engine.hydrate_sources(
        HydrateSourcesRequest(
            wrapped.target.get(SourcesField),
            for_sources_types=(FileSourceField,),
            # To fetch a `source=http_source(...)`.
            enable_codegen=True,
        )
    )
    files = hydrated.snapshot.files
    if len(files) != 1:
        raise InterpreterError(
            "A target cannot serve as an interpreter archive:",
            [
                f"{address}: it has {len(files)} files, and one archive is needed "
                f"({origin}). Name a `file` target."
            ],
        )
    return InterpreterArchive(hydrated.snapshot.digest, os.path.normpath(files[0]), None, None)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
