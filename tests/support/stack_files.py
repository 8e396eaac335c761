"""Stack files for tests, and what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from venvstacks_rules.model.layers.definitions import ModuleDefinition
from venvstacks_rules.model.locks.uv_settings import index_names
from venvstacks_rules.model.stack_file.checks import stack_file_problems
from venvstacks_rules.model.stack_file.read import StackFile, parse_stack_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MODULES = {
    path: ModuleDefinition(path.rstrip("/"), files)
    for path, files in {
        "main.py": ("main.py",),
        "lib/main.py": ("lib/main.py",),
        "pkg/": ("pkg/__main__.py",),
        "lib": ("lib/__init__.py",),
        "../shared/tool.py": ("../shared/tool.py",),
    }.items()
}
MODULES["../../out.py"] = ModuleDefinition("../../out.py", (), outside=True)

RUNTIME = """
[[runtimes]]
name = "py"
python_implementation = "cpython@3.11.13"
requirements = []
"""
FRAMEWORK = """
[[frameworks]]
name = "fw"
runtime = "py"
requirements = []
"""
OTHER_FRAMEWORK = FRAMEWORK.replace('"fw"', '"other"')
APPLICATION = """
[[applications]]
name = "app"
frameworks = ["fw"]
launch_module = "main.py"
requirements = []
"""
INDEXES = """
[[tool.uv.index]]
name = "cpu"
url = "https://example.org/cpu"
[[tool.uv.index]]
name = "cu128"
url = "https://example.org/cu128"
[[tool.uv.index]]
url = "https://example.org/nameless"
"""


def layer(text: str, **values: str) -> str:
    """A layer with further keys, or others; without those that are empty."""
    lines = [line for line in text.splitlines() if line.split(" = ")[0] not in values]
    return "\n".join([*lines, *(f"{k} = {v}" for k, v in values.items() if v)]) + "\n"


def parse(text: str) -> StackFile:
    """A stack file, read."""
    return parse_stack_file(tomllib.loads(text), "src/stack.toml", default_macosx_target="13.0")


def problems(text: str, modules: Mapping[str, ModuleDefinition] = MODULES) -> list[str]:
    """The messages for a stack file, without the file."""
    stack = parse(text)
    found = stack_file_problems(
        stack,
        modules=modules,
        known_indexes=index_names(stack.uv_config or {}),
        patch_release_needed=True,
    )
    start = "src/stack.toml: "
    assert all(message.startswith(start) for message in found)
    return [message[len(start) :] for message in found]
