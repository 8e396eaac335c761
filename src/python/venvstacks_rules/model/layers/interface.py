"""The interface of a layer: what the layers above depend on."""

from __future__ import annotations

from venvstacks_rules.model.values import dataclass, replace

CODE_OWNER = "the first-party code of"
"""What stands, with the layer's name, for the distribution of first-party code."""


@dataclass(frozen=True)
class PackageFolder:
    """A folder of modules in the packages of a layer."""

    name: str
    """As it is imported: ``google.cloud``."""
    regular: bool
    """Whether it has an ``__init__``."""
    distributions: tuple[str, ...]
    """Those that have modules in it, by normalised name."""

    @property
    def is_code(self) -> bool:
        """Whether it is one of first-party code."""
        return any(name.startswith(CODE_OWNER) for name in self.distributions)


@dataclass(frozen=True)
class DataFile:
    """A file for the top of an environment, such as one in ``share``."""

    path: str
    """Relative to the layer's folder."""
    distribution: str
    """The one that brings it."""


@dataclass(frozen=True)
class LayerInterface:
    """Everything that the layers above depend on.

    A change of a layer that leaves its interface the same rebuilds nothing above it.
    """

    install_target: str
    python_version: str
    """X.Y.Z of the runtime."""
    libraries: tuple[str, ...] = ()
    """The names of the shared libraries that the layer offers."""
    ambiguous_libraries: tuple[str, ...] = ()
    """Names that several of its libraries share; the layer offers none of these."""
    modules: tuple[str, ...] = ()
    """The modules that programs can import from the layer's packages."""
    scripts: tuple[tuple[str, str], ...] = ()
    """The names and targets of the commands that the layer's packages define, sorted by name."""
    packages: tuple[PackageFolder, ...] = ()
    """The folders of these, by name."""
    data: tuple[DataFile, ...] = ()
    """What the layer's packages bring for the top of an environment, by path."""

    @property
    def without_code(self) -> LayerInterface:
        """The interface of the layer if its first-party code lies elsewhere."""
        return replace(self, packages=tuple(p for p in self.packages if not p.is_code))
