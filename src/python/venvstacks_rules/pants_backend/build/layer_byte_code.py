"""Makes the byte code that archives include."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import EMPTY_DIGEST, AddPrefix, Digest, DigestSubset, PathGlobs

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.byte_code import (
    CompileInterpreterRequest,
    CompileWheelsRequest,
    WheelToCompile,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.inputs.compilers import (
    CompileActionRequest,
    CompilerRequest,
    compile_action,
    layer_compiler,
)
from venvstacks_rules.pants_backend.inputs.interpreters import (
    RuntimeInterpreterRequest,
    runtime_interpreter,
)
from venvstacks_rules.pants_backend.inputs.wheels import FetchedWheelsRequest, fetched_wheels
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest

# Beside files whose names are not ours.
_DIRECTORY = "_byte_code"


@dataclass(frozen=True)
class WheelByteCodeRequest:
    """The byte code of some wheels, for all platforms."""

    wheels: tuple[LockedWheel, ...]
    address: Address
    """The layer whose lockfile has them."""
    python_version: str
    """``X.Y``."""


@dataclass(frozen=True)
class InterpreterByteCodeRequest:
    """The byte code of a runtime's interpreter for a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class ByteCodeFiles:
    """Archives with byte code, one for each source."""

    digest: Digest
    paths: tuple[str, ...]


NO_BYTE_CODE = ByteCodeFiles(EMPTY_DIGEST, ())


@rule
async def compiled_byte_code(request: CompileActionRequest) -> ByteCodeFiles:
    """What an action compiles, moved beside the inputs of another."""
    result = await compile_action(request, **implicitly())
    outputs = request.action.output_files
    files = await engine.digest_subset_to_digest(DigestSubset(result.digest, PathGlobs(outputs)))
    return ByteCodeFiles(
        await engine.add_prefix(AddPrefix(files, _DIRECTORY)),
        tuple(f"{_DIRECTORY}/{output}" for output in outputs),
    )


@rule
async def wheel_byte_code(request: WheelByteCodeRequest) -> ByteCodeFiles:
    fetched, compiler = await concurrently(
        fetched_wheels(FetchedWheelsRequest(request.wheels, request.address), **implicitly()),
        layer_compiler(CompilerRequest(request.address), **implicitly()),
    )
    outputs = tuple(f"{index}.zip" for index in range(len(fetched.wheels)))
    wheels = tuple(
        WheelToCompile(**vars(wheel), byte_code=output)
        for wheel, output in zip(fetched.wheels, outputs)
    )
    compiled: ByteCodeFiles = await compiled_byte_code(
        CompileActionRequest(
            ActionProcessRequest(
                verb="compile-wheels",
                request=to_json(
                    CompileWheelsRequest(
                        wheels, short_version(request.python_version), compiler.compiler
                    )
                ),
                input_digest=fetched.digest,
                output_files=outputs,
                description=f"Compile {fetched.called}",
                done=f"Compiled {fetched.called}",
            ),
            compiler,
        ),
        **implicitly(),
    )
    return compiled


@rule
async def interpreter_byte_code(request: InterpreterByteCodeRequest) -> ByteCodeFiles:
    found, archive, compiler = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        runtime_interpreter(
            RuntimeInterpreterRequest(request.address, request.platform), **implicitly()
        ),
        layer_compiler(CompilerRequest(request.address), **implicitly()),
    )
    layer, platform = found.layer, PLATFORMS[request.platform]
    output = "interpreter.zip"
    compiled: ByteCodeFiles = await compiled_byte_code(
        CompileActionRequest(
            ActionProcessRequest(
                verb="compile-interpreter",
                request=to_json(
                    CompileInterpreterRequest(
                        archive=archive.path,
                        sha256=archive.sha256,
                        size=archive.size,
                        python_version=layer.python_version,
                        strip=layer.strip_interpreter,
                        os_name=platform.os_name,
                        case_sensitive=platform.case_sensitive,
                        compiler=compiler.compiler,
                        byte_code=output,
                    )
                ),
                input_digest=archive.digest,
                output_files=(output,),
                description=f"Compile the standard library of {layer.layer_name}",
                done=f"Compiled the standard library of {layer.layer_name}",
            ),
            compiler,
        ),
        **implicitly(),
    )
    return compiled


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
