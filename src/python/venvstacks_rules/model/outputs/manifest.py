"""The manifest of a stack, published beside the archives.

The metadata of the layers have the keys and values of the ``venvstacks`` tool. The hashes of the
segment indexes stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from venvstacks_rules.model.layers.names import LayerKind


def stack_manifest(
    layers: Iterable[tuple[LayerKind, Mapping[str, Any]]],
    segment_indexes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The manifest of a stack from the metadata of its layers, whose order it keeps.

    `segment_indexes` are the SHA-256 of the files beside the archives, by their names.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {kind.plural: [] for kind in LayerKind}
    for kind, metadata in layers:
        groups[kind.plural].append(metadata)
    if segment_indexes is None:
        return {"layers": groups}
    hashes = {name: f"sha256:{sha256}" for name, sha256 in segment_indexes.items()}
    return {"layers": groups, "segment_indexes": hashes}
