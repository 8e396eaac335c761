"""The modules and binaries of a wheel."""

from __future__ import annotations

from venvstacks_rules.model.contents.ballast import Ballast
from venvstacks_rules.model.contents.wheel_metadata import NO_METADATA, WheelMetadata
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.libraries.binaries import Binary
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class LeftOutFiles:
    """The files of a wheel that stay out of a layer."""

    files: int = 0
    size: int = 0
    """Of all of them, in bytes."""
    unused: tuple[str, ...] = ()
    """The globs that match none of the wheel's files."""


@dataclass(frozen=True)
class AnalyzedWheel:
    """The parts of a wheel that matter to other wheels."""

    file_name: str
    modules: tuple[str, ...]
    """The modules that programs can import from it, sorted."""
    binaries: tuple[Binary, ...]
    """Sorted by path."""
    scripts: tuple[tuple[str, str], ...] = ()
    """The names and targets of the commands that it defines, sorted by name."""
    packages: tuple[str, ...] = ()
    """Its packages, at any depth, as dotted names; sorted."""
    namespaces: tuple[str, ...] = ()
    """Its folders of modules without an ``__init__``, in the same form."""
    data: tuple[str, ...] = ()
    """Its files that programs look for below ``sys.prefix``: paths in the layer, sorted."""
    ballast: tuple[Ballast, ...] = ()
    """What no program needs when it runs."""
    left_out: LeftOutFiles = LeftOutFiles()
    """What the layer leaves out of it; all else is of the files that stay."""
    unused_scripts: tuple[str, ...] = ()
    """The globs for scripts that name none of its scripts."""
    metadata: WheelMetadata = NO_METADATA
    """What METADATA says of its licences and requirements."""

    @property
    def distribution(self) -> str:
        """The normalised name of its distribution."""
        return normalised_name(self.file_name.split("-")[0])
