"""Makes the byte code of a runtime's interpreter (``compile-interpreter``)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from venvstacks_rules.actions.compiling.compiled import Sources, compile_modules
from venvstacks_rules.actions.interpreters.files import write_interpreter
from venvstacks_rules.model.contents.byte_code import shown_name
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.byte_code import CompiledModules, CompileInterpreterRequest


def run(request_text: str) -> CompiledModules:
    """Do what a :class:`CompileInterpreterRequest` asks for.

    Raises InterpreterError if the archive is wrong, damaged or hostile.
    """
    request = from_json(CompileInterpreterRequest, request_text)
    layout = LayerLayout(request.python_version, request.os_name)
    library = f"{layout.stdlib}/"
    with tempfile.TemporaryDirectory(prefix="compile-", dir=Path.cwd()) as temporary:
        sources = Sources(Path(temporary, "sources"), lambda path: path.startswith(library))
        write_interpreter(
            request,
            sources,
            Path(temporary),
            os_name=request.os_name,
            case_sensitive=request.case_sensitive,
        )
        files = sources.files
        count = compile_modules(
            ((files[path], path, shown_name(path, layout), True) for path in sorted(files)),
            request.byte_code,
            python_version=request.python_version,
            compiler=request.compiler,
            folder=Path(temporary),
        )
    return CompiledModules(count)
