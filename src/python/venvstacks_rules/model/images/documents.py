"""Descriptors, manifests, indexes and layouts of images, as the specification of OCI has them.

The same values give the same bytes, so that an image has one digest on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.json_codec import compact_json
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

GZIP, ZSTD = "gzip", "zstd"
ARCHIVE_FORMATS = {GZIP: "tar.gz", ZSTD: "tar.zst"}
"""The format of the archives that are layers of an image, by what OCI calls their compression."""

LAYOUT_FILE, INDEX_FILE = "oci-layout", "index.json"
LAYOUT = '{"imageLayoutVersion":"1.0.0"}'
"""The text of the first of them."""

_TAG, _FULL_NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Descriptor:
    """A blob, as others name it."""

    media_type: str
    sha256: str
    size: int
    """In bytes."""

    @property
    def digest(self) -> str:
        """``sha256:<hex>``."""
        return f"sha256:{self.sha256}"

    @property
    def path(self) -> str:
        """In a layout."""
        return blob_path(self.sha256)

    def to_dict(self) -> dict[str, Any]:
        """As in a manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class ImageLayer:
    """A layer of an image."""

    descriptor: Descriptor
    diff_id: str
    """``sha256:<hex>`` of its tar stream."""
    made_by: str
    """For the history."""


@dataclass(frozen=True)
class Document:
    """A blob of JSON."""

    descriptor: Descriptor
    content: bytes

    @classmethod
    def of(cls, media_type: str, data: object) -> Document:
        """The document with `data`."""
        content = compact_json(data).encode("utf-8")
        sha256 = hashlib.sha256(content).hexdigest()
        return cls(Descriptor(media_type, sha256, len(content)), content)


@dataclass(frozen=True)
class ImagePlatform:
    """A platform as images have it."""

    name: str
    """The target platform, ``linux_x86_64``."""
    architecture: str
    os: str = "linux"

    @classmethod
    def of(cls, target_platform: str) -> ImagePlatform | None:
        """That of a target platform; None if there are no images for it."""
        platform = PLATFORMS[target_platform]
        if platform.system != "linux":
            return None
        return cls(target_platform, _ARCHITECTURES[platform.machine])

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"

    def to_dict(self) -> dict[str, Any]:
        """As in an index."""
        return {"os": self.os, "architecture": self.architecture}


def blob_path(sha256: str) -> str:
    """Where a blob lies in a layout."""
    return f"blobs/sha256/{sha256}"


def manifest(config: Descriptor, layers: Iterable[Descriptor]) -> Document:
    """The manifest of an image for one platform."""
    return Document.of(
        MANIFEST,
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.to_dict(),
            "layers": [layer.to_dict() for layer in layers],
        },
    )


def image_index(manifests: Iterable[tuple[ImagePlatform, Descriptor]]) -> Document:
    """The index of an image for several platforms."""
    return Document.of(
        INDEX,
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                {**each.to_dict(), "platform": platform.to_dict()} for platform, each in manifests
            ],
        },
    )


def layout_index(image: Descriptor, repository: str, tags: Iterable[str]) -> str:
    """The text of ``index.json``: the image by each of its names.

    `repository` is what the image is called without a tag, with its registry, if it has one. What
    reads a layout looks at one annotation, what loads images into a daemon at the other.
    """
    return compact_json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                {
                    **image.to_dict(),
                    "annotations": {_TAG: tag, _FULL_NAME: f"{repository}:{tag}"},
                }
                for tag in tags
            ],
        }
    )
