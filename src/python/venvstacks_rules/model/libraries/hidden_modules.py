"""Modules of wheels that Python never imports, because its standard library has the name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.platforms.python_versions import language_version
from venvstacks_rules.model.platforms.standard_library import standard_library

# Some wheels leave their tests in site-packages; nobody means to import these.
_STRAY = frozenset({"test"})


def hidden_module_warnings(
    wheels: Iterable[AnalyzedWheel], python_version: str, stripped: Iterable[str] = ()
) -> Iterator[str]:
    """A warning for each wheel with such modules; without a full stop.

    `stripped` are the modules that the runtime leaves out.
    """
    standard = standard_library(python_version).difference(_STRAY, stripped)
    version = language_version(python_version)
    for wheel in wheels:
        names = sorted(standard.intersection(wheel.modules))
        if names:
            listed = ", ".join(f"`{name}`" for name in names)
            yield (
                f"{wheel.file_name} brings {listed}, which Python {version} never imports from "
                "there: its standard library has the name. Require a version for this Python, or "
                "leave the package out"
            )
