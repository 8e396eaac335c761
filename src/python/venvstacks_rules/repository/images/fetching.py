"""Fetches an image for one platform from a registry."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from venvstacks_rules.model.images.base import (
    MOST_DOCUMENT,
    BaseManifest,
    base_manifest,
    manifest_of_platform,
)
from venvstacks_rules.model.images.documents import Descriptor, ImagePlatform, blob_path
from venvstacks_rules.model.images.references import ImageReference
from venvstacks_rules.repository.images.registry import ImageRepository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import StoreError

_AT_ONCE = 4
_MOST_INDEXES = 3
"""How deep indexes may be in indexes."""


def fetched(
    repository: ImageRepository, image: ImageReference, platform: ImagePlatform, output: Path
) -> str:
    """Write the blobs of `image` into `output`, and return the SHA-256 of the manifest.

    Each is compared with its hash. Raises StoreError and ImageError.
    """
    (output / blob_path("")).mkdir(parents=True)
    sha256, manifest = _manifest(repository, image, platform, output)
    # A base may name a layer twice.
    blobs = dict.fromkeys(manifest.blobs)
    for _ in in_parallel(partial(_save, repository, output), blobs, _AT_ONCE):
        pass
    return sha256


def _manifest(
    repository: ImageRepository, image: ImageReference, platform: ImagePlatform, output: Path
) -> tuple[str, BaseManifest]:
    sha256 = image.sha256
    for _ in range(_MOST_INDEXES):
        content = repository.manifest(sha256)
        chosen = manifest_of_platform(content, platform, str(image))
        if chosen is None:
            (output / blob_path(sha256)).write_bytes(content)
            manifest = base_manifest(content, str(image))
            if manifest.config.size > MOST_DOCUMENT:
                raise StoreError(f"{image}: its configuration has {manifest.config.size} bytes.")
            return sha256, manifest
        sha256 = chosen.sha256
    raise StoreError(f"{image}: it has indexes in indexes. Pin the digest of a manifest.")


def _save(repository: ImageRepository, output: Path, blob: Descriptor) -> None:
    path = output / blob.path
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for piece in repository.pieces(blob.digest, f"blobs/{blob.digest}", 0, blob.size):
            hasher.update(piece)
            file.write(piece)
    if hasher.hexdigest() != blob.sha256:
        path.unlink()
        raise StoreError(
            f"{repository.called}: the registry sends other bytes for `{blob.digest}`. Look at the "
            "registry."
        )
