"""Data files of the layers below that programs on Windows do not find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from venvstacks_rules.model.layers.interface import LayerInterface


def data_warnings(lower: Sequence[LayerInterface]) -> Iterator[str]:
    """A warning for each layer below a layer for Windows, which has no links to these files."""
    for below in lower:
        owners: dict[str, set[str]] = {}
        for file in below.data:
            owners.setdefault("/".join(file.path.split("/")[:2]), set()).add(file.distribution)
        if owners:
            listed = ", ".join(
                f"`{folder}` of {', '.join(sorted(owners[folder]))}" for folder in sorted(owners)
            )
            yield (
                f"programs that look for files below `sys.prefix` do not find those of "
                f"{below.install_target}: {listed}. On Windows a layer has no links to them. If "
                "this layer needs them, require these packages in it and not below"
            )
