"""What is wrong with a stack file: everything at once, in the order of its layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from venvstacks_rules.model.layer_definitions import ModuleDefinition
from venvstacks_rules.model.stack_file import StackFile


def stack_file_problems(
    stack: StackFile,
    *,
    modules: Mapping[str, ModuleDefinition],
    known_indexes: Collection[str] | None,
    patch_release_needed: bool,
) -> tuple[str, ...]:
    """One complete message for each problem, with the file, the key path and the remedy.

    `modules` has every launch and support module by its path as in the layers, with the files that
    were found. `known_indexes` holds the names of the indexes that layers may refer to, None where
    they are not known. `patch_release_needed` is whether ``cpython@X.Y`` is too vague for the
    interpreter provider.
    """
    raise NotImplementedError


def index_names(uv_config: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the indexes of a ``[tool.uv]`` table; what has no name is left out."""
    raise NotImplementedError


def toml_problem(path: str, reason: str) -> str:
    """The message for a stack file that is not TOML at all."""
    raise NotImplementedError
