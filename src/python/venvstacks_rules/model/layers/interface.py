"""What the layers above have to know of a layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerInterface:
    """What the layers above have to know of a layer.

    As long as it stays the same, a change of the layer rebuilds nothing above it.
    """

    install_target: str
    python_version: str
    """X.Y.Z of the runtime."""
    libraries: tuple[str, ...] = ()
    """The shared libraries that the layer offers, by the names that they are looked up by."""
    ambiguous_libraries: tuple[str, ...] = ()
    """The names that several of its libraries have, and that it offers none by."""
    modules: tuple[str, ...] = ()
    """The names that can be imported from the layer's packages."""
