"""The request and result of ``export-layers``."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.inputs import InterpreterFile, LayerWheel
from venvstacks_rules.model.contents.layout import InstallTarget, OsName
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.platforms.python_versions import PythonVersion
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class LayerToExport:
    """A layer and everything that it is made of."""

    target: str
    """The address of the layer, for messages."""
    install_target: InstallTarget
    runtime: str
    """The install target of the runtime; the layer's own if it is one."""
    python_version: PythonVersion
    """X.Y.Z of the runtime."""
    os_name: OsName
    """``posix`` or ``nt``, as in markers."""
    case_sensitive: bool
    """Whether file names that differ only by case are always two files on the target."""
    wheels: tuple[LayerWheel, ...]
    """If two contain the same file, the later one's is taken."""
    files: tuple[OwnFile, ...]
    links: tuple[OwnLink, ...]
    interpreter: Optional[InterpreterFile] = None
    """For a runtime only."""


@dataclass(frozen=True)
class ExportLayersRequest:
    """Make layers in a folder, of hard links to a cache (verb ``export-layers``)."""

    layers: tuple[LayerToExport, ...]
    """Each after the layers below it."""
    documents: tuple[OwnFile, ...]
    """Files to write beside the layers; paths are relative to the folder."""
    destination: GivenPath
    """The folder for the layers' folders; absolute, or relative to the working directory."""
    cache: GivenPath
    """The cache folder."""
    verify: bool = False
    """Whether to read all files of the cache and of layers that are there, to find damage."""


@dataclass(frozen=True)
class ExportedLayer:
    """What the action did for a layer."""

    install_target: str
    changed: bool
    """False if the layer was there already and was left alone."""
    linked: int = 0
    """Files that are hard links to the cache."""
    copied: int = 0
    """Files that are copies of files of the cache, because links are not possible."""
    written: int = 0
    """The layer's own files and links."""
    size: int = 0
    """Of the files linked and copied, in bytes."""
    damaged: int = 0
    """Files of the layer that were missing or changed, so that it was made again."""


@dataclass(frozen=True)
class ExportedLayers:
    """The result of ``export-layers``, in the order of the request."""

    layers: tuple[ExportedLayer, ...]
