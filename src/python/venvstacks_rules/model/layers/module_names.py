"""The names of launch and support modules, compared with those that Python finds first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from venvstacks_rules.model.layers.definitions import LayerDefinition
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.platforms.python_versions import language_version
from venvstacks_rules.model.platforms.standard_library import standard_library


def standard_name_problems(
    definition: LayerDefinition, python_version: str, stripped: Iterable[str] = ()
) -> Iterator[Problem]:
    """Modules with names of the standard library of `python_version`: nothing would find them.

    `stripped` are the modules that the runtime leaves out.
    """
    standard = standard_library(python_version).difference(stripped)
    for key, module in definition.modules:
        name = module.top_level
        if name == "__main__":
            yield Problem(
                key,
                f"names {module.called!r}, which nothing could import: `__main__` is whatever "
                "Python was started with. Rename it, or put it into a package directory and name "
                "that.",
            )
        elif name in standard:
            yield Problem(
                key,
                f"names {module.called!r}, which nothing could import: `{name}` is a module of the "
                f"standard library of Python {language_version(python_version)}, and Python finds "
                "that one. Rename it.",
            )
