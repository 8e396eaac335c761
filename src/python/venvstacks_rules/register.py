"""The module that ``backend_packages = ["venvstacks_rules"]`` loads."""

from venvstacks_rules.pants_backend import pants_versions

pants_versions.refuse_older()
try:
    from venvstacks_rules.pants_backend.backend import rules, target_types
except ImportError as error:
    unsupported = pants_versions.unsupported(error)
    if unsupported is None:
        raise
    raise unsupported from None

__all__ = ["rules", "target_types"]
