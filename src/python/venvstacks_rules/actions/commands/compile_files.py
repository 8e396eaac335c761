"""Makes the byte code of a layer's own files (``compile-files``)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from venvstacks_rules.actions.compiling.compiled import compile_modules
from venvstacks_rules.model.contents.byte_code import is_chain_module, is_module, shown_name
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.byte_code import CompiledModules, CompileFilesRequest


def run(request_text: str) -> CompiledModules:
    """Do what a :class:`CompileFilesRequest` asks for."""
    request = from_json(CompileFilesRequest, request_text)
    layout = LayerLayout(request.python_version, request.os_name)
    with tempfile.TemporaryDirectory(prefix="compile-", dir=Path.cwd()) as temporary:
        folder = Path(temporary)
        modules = [
            (
                _place(file, folder / f"{number}.py"),
                file.path,
                shown_name(file.path, layout),
                not is_chain_module(file.path),
            )
            for number, file in enumerate(sorted(request.files, key=lambda file: file.path))
            if is_module(file.path, layout)
        ]
        count = compile_modules(
            modules,
            request.byte_code,
            python_version=request.python_version,
            compiler=request.compiler,
            folder=folder,
        )
    return CompiledModules(count)


def _place(file: OwnFile, text_file: Path) -> Path:
    """The file with the content of `file`; a text is written to `text_file`."""
    if file.source is not None:
        return Path(file.source)
    text_file.write_bytes((file.text or "").encode("utf-8"))
    return text_file
