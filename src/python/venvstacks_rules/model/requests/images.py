"""The requests and results of the actions for container images."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class ImageLayerRequest:
    """Look at an archive as a layer of an image (verb ``image-layer``)."""

    archive: GivenPath
    index: GivenPath
    """Its segment index."""


@dataclass(frozen=True)
class FoundImageLayer:
    """The result of ``image-layer``."""

    diff_id: str
    """``sha256:<hex>`` of the tar stream."""
    size: int
    """Of the tar stream, in bytes."""


@dataclass(frozen=True)
class FetchImageRequest:
    """Fetch an image for one platform from a registry (verb ``fetch-image``)."""

    image: str
    """``host[:port]/name@sha256:<hex>``; the digest of a manifest or of an index."""
    platform: str
    """The target platform: ``linux_x86_64``."""
    output: GivenPath
    """The folder to make; a part of a layout, with the blobs of the image."""
    network: Optional[GivenPath] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class FetchedImage:
    """The result of ``fetch-image``."""

    manifest: str
    """The SHA-256 of the manifest for the platform."""


@dataclass(frozen=True)
class PushImageRequest:
    """Push an image to a registry, on a terminal (verb ``push-image``).

    The action prints its report.
    """

    layout: GivenPath
    """A folder in OCI layout."""
    image: str
    """The SHA-256 of its manifest or index."""
    size: int
    """Of that, in bytes."""
    media_type: str
    place: str
    """``host[:port]/name``."""
    tags: tuple[str, ...]
    sources: tuple[str, ...] = ()
    """Other repositories of the registry that may have layers of the image."""
    only_show: bool = False
    """Whether to send nothing, and say what would be sent."""
    check: bool = False
    """Whether to fail if there is something to send; with `only_show`."""
    network: Optional[GivenPath] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""
