"""The modules with the rules that run actions."""

from __future__ import annotations

from venvstacks_rules.pants_backend.processes import (
    actions,
    actions_lock,
    bare,
    byte_code,
    libraries,
    library_wheels,
    network,
    network_actions,
    python,
    sources,
    work,
)

PROCESS_MODULES = (
    *(actions, actions_lock, bare, byte_code, libraries, library_wheels, network),
    *(network_actions, python, sources, work),
)
