"""The rules that find the modules and requirements of layers that come from the repository."""

from __future__ import annotations

from pants.source import source_root

from venvstacks_rules.pants_backend.graph import (
    code_targets,
    distributions,
    layer_code,
    layer_modules,
    module_files,
    module_owners,
    repository_modules,
    requirement_targets,
)
from venvstacks_rules.pants_backend.locks import python_resolves


def module_rules() -> list[object]:
    """All of them; they also need those of layers."""
    modules = (
        *(code_targets, distributions, layer_code, layer_modules),
        *(module_files, module_owners, repository_modules),
        *(python_resolves, requirement_targets),
    )
    return [*(rule for module in modules for rule in module.rules()), *source_root.rules()]  # type: ignore[no-untyped-call]
