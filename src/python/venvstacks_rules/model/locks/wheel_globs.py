"""The fields with globs for wheels, compared with what layers install, by their locks."""

from __future__ import annotations

from collections.abc import Mapping

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.problems import TargetOrigin
from venvstacks_rules.model.layers.wheel_globs import (
    EXCLUDE_FILES,
    INCLUDE_SCRIPTS,
    unknown_distributions,
)
from venvstacks_rules.model.locks.pylock import Lockfile


def refuse_unknown_distributions(
    layers: Mapping[str, Layer], locks: Mapping[str, Lockfile]
) -> None:
    """Raise DefinitionError if `layers` choose files of what they do not install.

    Both are by address, and have all layers below as well.
    """
    installed = {
        address: [package.name for package in lock.packages if not package.from_lower_layer]
        for address, lock in locks.items()
    }
    problems = []
    for address, layer in layers.items():
        if address not in installed:
            continue
        provided = {
            name: below for below in reversed(layer.lower) for name in installed.get(below, ())
        }
        for field, entries in (
            (EXCLUDE_FILES, layer.exclude_files),
            (INCLUDE_SCRIPTS, layer.include_scripts),
        ):
            found = unknown_distributions(field, entries, installed[address], provided)
            problems += [TargetOrigin(address).message(problem) for problem in found]
    if problems:
        raise DefinitionError("Layers choose files of what they do not install:", problems)
