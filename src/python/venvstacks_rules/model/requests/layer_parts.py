"""What the requests for a layer's archive, and for its index, have in common."""

from __future__ import annotations

from typing import Any

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.layout import InstallTarget, OsName
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class LayerPartsRequest:
    """The segments of a layer, and its own files.

    `results` are files with an :class:`InterpreterSegments`, a :class:`WheelSegments` or a
    :class:`FileSegment` as JSON, beside the segments that they name. An archive has the segments in
    this order, and the layer's own files last.
    """

    target: str
    """The address of the layer, for messages."""
    install_target: InstallTarget
    os_name: OsName
    """``posix`` or ``nt``, as in markers; Windows has no links, and refuses some names."""
    case_sensitive: bool
    """Whether all file systems of the target distinguish names that differ by case only."""
    results: tuple[GivenPath, ...]
    files: tuple[OwnFile, ...]
    links: tuple[OwnLink, ...]
    compression: Compression
    metadata: dict[str, Any]
    """The keys of the layer metadata that do not depend on the archive's bytes."""
