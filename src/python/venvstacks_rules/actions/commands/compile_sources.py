"""``compile-sources``: compile the actions' own modules to byte code."""

from __future__ import annotations

import os

from venvstacks_rules.actions.tools.byte_code import compile_modules
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.tools import CompiledSources, CompileSourcesRequest


def run(request_text: str) -> CompiledSources:
    """Do what a :class:`CompileSourcesRequest` asks for."""
    request = from_json(CompileSourcesRequest, request_text)
    names = [
        os.path.relpath(f"{folder}/{name}", request.sources)
        for folder, _, files in os.walk(request.sources, onerror=_raise)
        for name in files
        if name.endswith(".py")
    ]
    return CompiledSources(compile_modules(request.sources, names, request.output, "actions"))


def _raise(error: OSError) -> None:
    raise error
