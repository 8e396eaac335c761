"""The image below that of an application: read from documents that are not trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import ImageError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.images.documents import (
    INDEX,
    LAYER,
    MANIFEST,
    Descriptor,
    ImagePlatform,
)
from venvstacks_rules.model.json_codec import rewritable_json

MOST_DOCUMENT = 4 * 1024 * 1024
"""The limit for a manifest, an index and a configuration, in bytes; registries have the same."""

_DOCKER = "application/vnd.docker"
_INDEXES = (INDEX, f"{_DOCKER}.distribution.manifest.list.v2+json")
_MANIFESTS = (MANIFEST, f"{_DOCKER}.distribution.manifest.v2+json")
MANIFEST_TYPES = (*_INDEXES, *_MANIFESTS)
"""The kinds of documents that an image is named by."""
_LAYERS = {
    **{f"{LAYER}{ending}": f"{LAYER}{ending}" for ending in ("", "+gzip", "+zstd")},
    f"{_DOCKER}.image.rootfs.diff.tar": LAYER,
    f"{_DOCKER}.image.rootfs.diff.tar.gzip": f"{LAYER}+gzip",
    f"{_DOCKER}.image.rootfs.diff.tar.zstd": f"{LAYER}+zstd",
}
"""What OCI calls the kinds of layers; docker has other names for the same."""


@dataclass(frozen=True)
class BaseManifest:
    """The manifest of a base for one platform."""

    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All that it names."""
        return (self.config, *self.layers)


@dataclass(frozen=True)
class BaseImage:
    """A base for one platform."""

    config: Mapping[str, Any]
    """As its configuration has it."""
    layers: tuple[Descriptor, ...]
    diff_ids: tuple[str, ...]


def manifest_of_platform(content: bytes, platform: ImagePlatform, where: str) -> Descriptor | None:
    """The manifest for `platform` that an index names; None if `content` is a manifest itself.

    It may be another index. `where` is what messages call the image. Raises ImageError.
    """
    table, problems = _read(content, where)
    if "manifests" not in table:
        return None
    listed = [(_descriptor(item), _platform(item)) for item in table.tables("manifests")]
    _refuse(problems, where)
    # What is no image, as an attestation, has an unknown platform; an image that is alone may have
    # none.
    fitting = [found for found, place in listed if _fits(place, platform)]
    others = [found for found, place in listed if place == (None, None, None)]
    found = list(dict.fromkeys(fitting or others))
    if len(found) > 1:
        digests = ", ".join(each.digest for each in found)
        problem = f"it has {len(found)} images for {platform}: {digests}. Leave one of them."
        raise ImageError(f"{where} cannot be a base:", [problem])
    if not found:
        places = {"/".join(filter(None, place)) for _, place in listed} - {"unknown/unknown"}
        problem = f"it has no image for {platform}, but for {', '.join(sorted(places)) or 'none'}."
        raise ImageError(f"{where} cannot be a base:", [problem])
    if found[0].media_type not in MANIFEST_TYPES:
        problem = f"`{found[0].media_type}` is no kind of manifest."
        raise ImageError(f"{where} cannot be a base:", [problem])
    return found[0]


def base_manifest(content: bytes, where: str) -> BaseManifest:
    """The config and the layers that a manifest names. Raises ImageError."""
    table, problems = _read(content, where)
    config = _descriptor(table.table("config"))
    layers = tuple(_layers(table.tables("layers", required=True)))
    _refuse(problems, where)
    return BaseManifest(config, layers)


def base_image(
    manifest: BaseManifest, config: bytes, platform: ImagePlatform, where: str
) -> BaseImage:
    """The base with this config. Raises ImageError if it does not fit."""
    table, problems = _read(config, where)
    found = (table.string("os"), table.string("architecture"))
    diff_ids = table.table("rootfs").strings("diff_ids")
    if not problems and found != (platform.os, platform.architecture):
        problems.append(
            f"it is for {'/'.join(found)}, and the layers are for {platform}. Pin the digest of an "
            "image that has both, or another base."
        )
    if not problems and len(diff_ids) != len(manifest.layers):
        problems.append(
            f"its manifest has {len(manifest.layers)} layers, and its configuration "
            f"{len(diff_ids)} `diff_ids`."
        )
    _refuse(problems, where)
    return BaseImage(table.data, manifest.layers, diff_ids)


def _read(content: bytes, where: str) -> tuple[CheckedTable, list[str]]:
    problems: list[str] = []
    try:
        data = rewritable_json(content)
    except ValueError as e:
        raise ImageError(f"{where} cannot be a base:", [f"a document is not JSON: {e}."]) from None
    return CheckedTable(data, "", problems), problems


_Place = tuple[Optional[str], Optional[str], Optional[str]]


def _fits(place: _Place, platform: ImagePlatform) -> bool:
    *found, variant = place
    # Those that every machine of the architecture runs.
    return found == [platform.os, platform.architecture] and variant in (None, "", "v1", "v8")


def _platform(item: CheckedTable) -> _Place:
    if "platform" not in item:
        return None, None, None
    platform = item.table("platform")
    names = ("os", "architecture", "variant")
    system, architecture, variant = (platform.optional_string(name) for name in names)
    return system, architecture, variant


def _descriptor(item: CheckedTable) -> Descriptor:
    algorithm, _, sha256 = item.string("digest").partition(":")
    if "digest" in item and (algorithm != "sha256" or not is_sha256_hex(sha256)):
        item.note("digest", "is not `sha256:` and 64 hexadecimal digits")
    return Descriptor(item.string("mediaType"), sha256, item.size("size"))


def _layers(items: Iterable[CheckedTable]) -> Iterator[Descriptor]:
    for item in items:
        found = _descriptor(item)
        kind = _LAYERS.get(found.media_type)
        if kind is None:
            item.note("mediaType", f"`{found.media_type}` is no kind of layer that can be used")
        yield Descriptor(kind or "", found.sha256, found.size)


def _refuse(problems: Iterable[str], where: str) -> None:
    found = [f"{problem.rstrip('.')}." for problem in problems]
    if found:
        raise ImageError(f"{where} cannot be a base:", found)
