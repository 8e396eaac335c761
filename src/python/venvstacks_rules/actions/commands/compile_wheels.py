"""Makes the byte code of wheels (``compile-wheels``)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from venvstacks_rules.actions.compiling.compiled import Sources, compile_modules
from venvstacks_rules.actions.wheels.installed import of_each, write_wheel
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.byte_code import (
    CompiledModules,
    CompileWheelsRequest,
    WheelToCompile,
)


def run(request_text: str) -> CompiledModules:
    """Do what a :class:`CompileWheelsRequest` asks for.

    Raises WheelError with the problems of all wheels of the request.
    """
    request = from_json(CompileWheelsRequest, request_text)
    return CompiledModules(sum(of_each(request.wheels, lambda wheel: _compiled(wheel, request))))


def _compiled(wheel: WheelToCompile, request: CompileWheelsRequest) -> int:
    # Modules have the same place in site-packages on all systems.
    layout = LayerLayout(request.python_version, "posix")
    site_packages = f"{layout.site_packages}/"
    with tempfile.TemporaryDirectory(prefix="compile-", dir=Path.cwd()) as temporary:
        sources = Sources(Path(temporary, "sources"), lambda path: path.startswith(site_packages))
        write_wheel(wheel, layout, sources)
        names = {path[len(site_packages) :]: file for path, file in sources.files.items()}
        return compile_modules(
            ((names[name], name, name, True) for name in sorted(names)),
            wheel.byte_code,
            python_version=request.python_version,
            compiler=request.compiler,
            folder=Path(temporary),
        )
