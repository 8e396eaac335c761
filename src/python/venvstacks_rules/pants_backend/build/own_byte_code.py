"""Makes the byte code of a layer's own files, if its archive includes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from venvstacks_rules.model.contents.byte_code import is_module
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.layers.byte_code import INCLUDED, in_image
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.byte_code import CompileFilesRequest
from venvstacks_rules.pants_backend.build.contents import LayerContentsRequest, layer_contents
from venvstacks_rules.pants_backend.build.layer_byte_code import (
    NO_BYTE_CODE,
    ByteCodeFiles,
    compiled_byte_code,
)
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.inputs.compilers import (
    CompileActionRequest,
    CompilerRequest,
    layer_compiler,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


@dataclass(frozen=True)
class OwnByteCodeRequest:
    """The byte code of a layer's own files; none unless the archive includes it."""

    contents: LayerContentsRequest


@rule
async def own_byte_code(request: OwnByteCodeRequest, options: VenvstacksSubsystem) -> ByteCodeFiles:
    contents = await layer_contents(request.contents, **implicitly())
    layer, os_name = contents.layer, PLATFORMS[request.contents.platform].os_name
    layout = LayerLayout(contents.python_version, os_name)
    files = tuple(file for file in contents.files if is_module(file.path, layout))
    byte_code = options.byte_code_of(layer.byte_code)
    if request.contents.image is not None:
        byte_code = in_image(byte_code)
    if not files or byte_code != INCLUDED:
        return NO_BYTE_CODE
    compiler = await layer_compiler(CompilerRequest(request.contents.address), **implicitly())
    output = "files.zip"
    compiled: ByteCodeFiles = await compiled_byte_code(
        CompileActionRequest(
            ActionProcessRequest(
                verb="compile-files",
                request=to_json(
                    CompileFilesRequest(
                        files,
                        short_version(contents.python_version),
                        os_name,
                        compiler.compiler,
                        output,
                    )
                ),
                input_digest=contents.modules.digest,
                output_files=(output,),
                description=f"Compile the modules of {layer.layer_name}",
            ),
            compiler,
        ),
        **implicitly(),
    )
    return compiled


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
