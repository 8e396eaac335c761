"""The interpreters that make byte code for layers.

Byte code is the same on all platforms, so the interpreter is one that runs where the build does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName
from pants.engine.fs import Digest, DigestSubset, PathGlobs, RemovePrefix
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.platforms.libc import GLIBC
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.requests.byte_code import (
    Compiler,
    UnpackedInterpreter,
    UnpackInterpreterRequest,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.inputs.interpreters import (
    InterpreterRequest,
    LocalInterpreterRequest,
    found_interpreter,
    interpreter_archive,
)
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks
from venvstacks_rules.pants_backend.processes.actions import (
    PlacedActionRequest,
    placed_action,
    run_action,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest, ActionResult
from venvstacks_rules.pants_backend.subsystems.venvstacks import PythonProvider, VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import PythonArchivesField

_MOUNT = "_interpreter"


@dataclass(frozen=True)
class CompilerRequest:
    """The interpreter that makes byte code for a layer."""

    address: Address


@dataclass(frozen=True)
class LayerCompiler:
    """An interpreter that makes byte code."""

    compiler: Compiler
    tree: Optional[Digest]
    """Its files; None for one that is installed on the machine of the build."""


@dataclass(frozen=True)
class CompileActionRequest:
    """An action that starts the interpreter."""

    action: ActionProcessRequest
    compiler: LayerCompiler


@rule
async def layer_compiler(
    request: CompilerRequest,
    options: VenvstacksSubsystem,
    native: NativePlatform,
    local: ChosenLocalEnvironmentName,
) -> LayerCompiler:
    found, locks = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
    )
    runtime = next(one for one in (found.layer, *found.lower) if one.address == found.layer.runtime)
    if not _runs(runtime, found, native.name, options):
        own = options.python_provider is PythonProvider.LOCAL
        installed = await found_interpreter(
            LocalInterpreterRequest(
                runtime.address,
                runtime.python_version if own else short_version(runtime.python_version),
                runtime.linux_target,
                to_compile=True,
            ),
            **implicitly({local.val: EnvironmentName}),
        )
        key = f"{installed.python_version} {installed.fingerprint}"
        return LayerCompiler(Compiler(installed.executable, key), None)
    archive = await interpreter_archive(
        InterpreterRequest(
            runtime, found.targets[runtime.address], locks.locks[runtime.address], native.name
        ),
        **implicitly(),
    )
    result = await run_action(
        ActionProcessRequest(
            verb="unpack-interpreter",
            request=to_json(
                UnpackInterpreterRequest(
                    archive.path, archive.sha256, runtime.python_version, _MOUNT
                )
            ),
            input_digest=archive.digest,
            output_directories=(_MOUNT,),
            description=f"Unpack the interpreter of {runtime.layer_name} to compile with",
        ),
        **implicitly(),
    )
    files = await engine.digest_subset_to_digest(
        DigestSubset(result.digest, PathGlobs([f"{_MOUNT}/**"]))
    )
    tree = await engine.remove_prefix(RemovePrefix(files, _MOUNT))
    python = from_json(UnpackedInterpreter, result.result).python
    # The process has its files as an input, which tell it from another.
    return LayerCompiler(Compiler(f"{_MOUNT}/{python}", ""), tree)


def _runs(runtime: Layer, found: LayerInGraph, native: str, options: VenvstacksSubsystem) -> bool:
    """Whether the archive of the runtime's own interpreter can be had and runs here."""
    if options.python_provider is PythonProvider.LOCAL:
        return False
    if options.python_provider is PythonProvider.ARCHIVE:
        offered = list(found.targets[runtime.address][PythonArchivesField].value or ())
    else:
        offered = [platform.name for platform in runtime.platforms]
    # Machines with another C library cannot start it, and few have musl.
    return native in offered and runtime.parsed_linux_target.libc == GLIBC


@rule
async def compile_action(
    request: CompileActionRequest, local: ChosenLocalEnvironmentName
) -> ActionResult:
    tree = request.compiler.tree
    if tree is None:
        placed: ActionResult = await placed_action(
            PlacedActionRequest(request.action), **implicitly({local.val: EnvironmentName})
        )
        return placed
    action = replace(request.action, mounts=FrozenDict({_MOUNT: tree}))
    result: ActionResult = await run_action(action, **implicitly())
    return result


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
