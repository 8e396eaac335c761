"""The byte code of a layer: where it is made, and which files have some."""

from __future__ import annotations

from pathlib import PurePosixPath

from venvstacks_rules.model.contents.chain import MODULE_PREFIX
from venvstacks_rules.model.contents.layout import LayerLayout


def is_module(path: str, layout: LayerLayout) -> bool:
    """Whether Python looks for byte code beside the file at `path` in the layer."""
    return path.endswith(".py") and path.startswith(f"{layout.stdlib}/")


def is_chain_module(path: str) -> bool:
    """Whether the file at `path` chains the layer.

    Python need not compare it with its byte code: its name has the hash of its text.
    """
    return PurePosixPath(path).name.startswith(MODULE_PREFIX)


def shown_name(path: str, layout: LayerLayout) -> str:
    """What byte code has as the name of its source, the same in all layers and on all systems.

    It is relative to the folder that Python imports from. Where Python imports the module, it puts
    the path of the source in its place, which is what tracebacks show.
    """
    for folder in (layout.site_packages, layout.stdlib):
        if path.startswith(f"{folder}/"):
            return path[len(f"{folder}/") :]
    return path
