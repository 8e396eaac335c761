"""The manifest of a stack, published beside the archives.

Keys and values are those of the ``venvstacks`` tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from venvstacks_rules.model.layers.names import LayerKind


def stack_manifest(layers: Iterable[tuple[LayerKind, Mapping[str, Any]]]) -> dict[str, Any]:
    """The manifest of a stack from the metadata of its layers, whose order it keeps."""
    groups: dict[str, list[Mapping[str, Any]]] = {kind.plural: [] for kind in LayerKind}
    for kind, metadata in layers:
        groups[kind.plural].append(metadata)
    return {"layers": groups}
