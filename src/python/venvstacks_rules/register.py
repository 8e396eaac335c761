"""The module that ``backend_packages = ["venvstacks_rules"]`` loads."""

from venvstacks_rules.pants_backend.backend import rules, target_types

__all__ = ["rules", "target_types"]
