"""The request and result of ``analyze-wheels``."""

from __future__ import annotations

from venvstacks_rules.model.contents.inputs import LayerWheel
from venvstacks_rules.model.contents.layout import OsName
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.platforms.python_versions import PythonVersion
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class AnalyzeWheelsRequest:
    """List the modules and binaries of some wheels (verb ``analyze-wheels``)."""

    wheels: tuple[LayerWheel, ...]
    python_version: PythonVersion
    """``X.Y`` of the runtime; it decides the folders."""
    os_name: OsName
    """``posix`` or ``nt``, as in markers; it decides the folders, too."""


@dataclass(frozen=True)
class AnalyzedWheels:
    """The result of ``analyze-wheels``, in the order of the request."""

    wheels: tuple[AnalyzedWheel, ...]
