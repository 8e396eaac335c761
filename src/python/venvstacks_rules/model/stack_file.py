"""The stack file, ``venvstacks.toml``: its layers as they are written.

:func:`parse_stack_file` takes the TOML document and reads each key by its type;
:func:`venvstacks_rules.model.stack_file_checks.stack_file_problems` judges what the layers mean
together, and reports that with what could not be read. Nothing here raises for a wrong file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from venvstacks_rules.model.names import LayerKind, layer_name


@dataclass(frozen=True)
class StackLayer:
    """A layer of a stack file, as written, with the file's defaults filled in."""

    key: str
    """Where the file has it: ``frameworks[1]``."""
    kind: LayerKind
    name: str
    requirements: tuple[str, ...]
    linux_target: str
    macosx_target: str
    python_implementation: str | None = None
    """Of a runtime."""
    runtime: str | None = None
    """The name of the runtime that the layer lies on, as written (without the kind)."""
    frameworks: tuple[str, ...] = ()
    """The names of the frameworks that the layer lies on, as written (without the kind)."""
    platforms: tuple[str, ...] | None = None
    """None for those of the layers below; empty for a layer that is disabled."""
    launch_module: str | None = None
    """Of an application; relative to the file's folder, without a slash at the end."""
    support_modules: tuple[str, ...] = ()
    """As `launch_module`, sorted."""
    dynlib_exclude: tuple[str, ...] = ()
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Distribution name, as written, and the name of the index to take it from."""
    index_overrides: tuple[tuple[str, str], ...] = ()
    """The name of an index of a lower layer, and of the one that takes its place."""
    priority_indexes: tuple[str, ...] = ()
    versioned: bool = False

    @property
    def layer_name(self) -> str:
        """The kind-prefixed name."""
        return layer_name(self.kind, self.name)

    @property
    def lower(self) -> tuple[str, ...]:
        """The layer_names of the layers that it names, in order."""
        if self.runtime is not None:
            return (layer_name(LayerKind.RUNTIME, self.runtime),)
        return tuple(layer_name(LayerKind.FRAMEWORK, name) for name in self.frameworks)


@dataclass(frozen=True)
class StackFile:
    """A stack file, as written."""

    path: str
    """As messages call it."""
    layers: tuple[StackLayer, ...] = ()
    """Runtimes, frameworks, applications, each in the order of the file."""
    uv_config: Mapping[str, object] | None = field(default=None, hash=False)
    """The ``[tool.uv]`` table, where the file has one."""
    warnings: tuple[str, ...] = ()
    """What still works but should be changed; complete sentences."""


def parse_stack_file(
    document: Mapping[str, object], path: str, *, default_macosx_target: str
) -> StackFile:
    """Read the parsed TOML `document`; `path` is what messages call the file.

    A value that cannot be read is left out of the layers; do not use these before
    `stack_file_problems` found nothing.
    """
    raise NotImplementedError
