"""The rules by which a layer's distributions are found and built, for engines that judge locks."""

from __future__ import annotations

from pants.backend.python.subsystems.repos import PythonRepos
from pants.core.goals import package
from pants.core.subsystems import python_bootstrap
from pants.core.util_rules import archive, system_binaries

from tests.pants_backend.process_rules import PROCESS_MODULES
from venvstacks_rules.pants_backend.graph import platforms
from venvstacks_rules.pants_backend.locks import distributions
from venvstacks_rules.pants_backend.subsystems.actions import ActionsSubsystem

_MODULES = (
    *(distributions, package, platforms, archive, system_binaries, *PROCESS_MODULES),
    *(python_bootstrap, PythonRepos, ActionsSubsystem),
)

DISTRIBUTION_RULES = tuple(rule for module in _MODULES for rule in module.rules())
