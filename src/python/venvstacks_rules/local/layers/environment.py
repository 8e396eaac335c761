"""The environment variables of programs that run in layers."""

from __future__ import annotations


def python_environment(environment: dict[str, str]) -> dict[str, str]:
    """`environment` without the variables that would make a layer's Python find other packages."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _PYTHON_VARIABLES and not name.startswith(_PEX_PREFIXES)
    }


_PYTHON_VARIABLES = frozenset(
    {
        "PEX",
        "PYTHONEXECUTABLE",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONPLATLIBDIR",
        "__PYVENV_LAUNCHER__",
    }
)


_PEX_PREFIXES = ("PEX_", "_PEX_", "__PEX_")
