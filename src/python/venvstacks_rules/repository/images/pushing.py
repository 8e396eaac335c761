"""Pushes an image to a registry: what it lacks, then the manifests, then the tags."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from venvstacks_rules.model.images.documents import INDEX, MANIFEST, Descriptor
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import counted, size_text
from venvstacks_rules.repository.images.registry import ImageRepository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import Content, StoreError

_AT_ONCE = 4


@dataclass(frozen=True)
class LayoutImage:
    """An image in a layout that we wrote."""

    manifests: tuple[Descriptor, ...]
    """The image itself is the last; an index comes after what it names."""
    blobs: tuple[Descriptor, ...]
    """Layers and configurations, each once, in the order of the manifests."""


@dataclass(frozen=True)
class PushPlan:
    """What a registry lacks of an image."""

    here: tuple[Descriptor, ...]
    """What it has."""
    elsewhere: tuple[tuple[Descriptor, str], ...]
    """What it has in other repositories, with their names."""
    missing: tuple[Descriptor, ...]
    tags: tuple[str, ...]
    """Those that stand for something else, or nothing."""

    @property
    def changes(self) -> bool:
        """Whether there is something to do."""
        return bool(self.elsewhere or self.missing or self.tags)

    def text(self, *, done: bool) -> str:
        """What was done, or is to be done, in one line."""
        size = sum(blob.size for blob in self.missing)
        sent, taken, set_ = ("sent", "taken", "set") if done else ("to send", "to take", "to set")
        parts = [
            f"{counted(len(self.missing), 'blob')} {sent} ({size_text(size)})",
            *([f"{len(self.elsewhere)} {taken} from other repositories"] if self.elsewhere else ()),
            f"{len(self.here)} there already",
            *([f"{set_}: {', '.join(self.tags)}"] if self.tags else ()),
        ]
        return "; ".join(parts)


def layout_image(layout: Path, image: Descriptor) -> LayoutImage:
    """The image with this manifest or index."""
    manifests = tuple(_manifests(layout, image))
    blobs = dict.fromkeys(
        blob for each in manifests if each.media_type == MANIFEST for blob in _blobs(layout, each)
    )
    return LayoutImage(manifests, tuple(blobs))


def push_plan(
    repository: ImageRepository,
    image: LayoutImage,
    tags: Iterable[str],
    others: Sequence[tuple[str, ImageRepository]],
) -> PushPlan:
    """What `repository` lacks; `others` are repositories of the same registry by their names."""
    tags = tuple(tags)
    sizes = list(
        in_parallel(
            lambda blob: repository.blob_size(blob.digest, blob.sha256), image.blobs, _AT_ONCE
        )
    )
    lacking = [blob for blob, size in zip(image.blobs, sizes) if size is None]
    sources = list(in_parallel(partial(_source, others), lacking, _AT_ONCE))
    digests = list(in_parallel(repository.digest_of_tag, tags, _AT_ONCE))
    # Registries that remove what has no tag may have removed what an index names.
    parts = [manifest.digest for manifest in image.manifests[:-1]]
    if None in in_parallel(repository.digest_of_tag, parts, _AT_ONCE):
        digests = [None for _ in digests]
    return PushPlan(
        tuple(blob for blob, size in zip(image.blobs, sizes) if size is not None),
        tuple((blob, name) for blob, name in zip(lacking, sources) if name is not None),
        tuple(blob for blob, name in zip(lacking, sources) if name is None),
        tuple(tag for tag, digest in zip(tags, digests) if digest != image.manifests[-1].digest),
    )


def pushed(
    repository: ImageRepository,
    image: LayoutImage,
    plan: PushPlan,
    layout: Path,
    say: Callable[[str], None],
) -> PushPlan:
    """Carry out `plan`; what was done, which may be more to send."""
    refused = [blob for blob, name in plan.elsewhere if not _mounted(repository, blob, name)]
    missing = (*plan.missing, *refused)

    def send(blob: Descriptor) -> None:
        content = Content(Reference(blob.sha256, blob.size), path=layout / blob.path)
        repository.upload(blob.digest, content)
        if blob.size >= _WORTH_A_LINE:
            say(f"  sent {blob.digest} ({size_text(blob.size)})")

    for _ in in_parallel(send, missing, _AT_ONCE):
        pass
    for document in image.manifests:
        names = [document.digest]
        if document is image.manifests[-1]:
            names = list(plan.tags) or names
        content = (layout / document.path).read_bytes()
        for name in names:
            repository.put_manifest(name, document.media_type, content)
    return PushPlan(
        plan.here,
        tuple(pair for pair in plan.elsewhere if pair[0] not in refused),
        missing,
        plan.tags,
    )


_WORTH_A_LINE = 1024 * 1024


def _source(others: Iterable[tuple[str, ImageRepository]], blob: Descriptor) -> str | None:
    for name, repository in others:
        # What nobody pushed to yet, or somebody else owns, is refused by many registries.
        with contextlib.suppress(StoreError):
            if repository.blob_size(blob.digest, blob.sha256) is not None:
                return name
    return None


def _mounted(repository: ImageRepository, blob: Descriptor, source: str) -> bool:
    try:
        return repository.mount(blob, source)
    except StoreError:
        # Servers of tokens refuse what one may not read; then the blob is sent.
        return False


def _manifests(layout: Path, document: Descriptor) -> Iterator[Descriptor]:
    if document.media_type == INDEX:
        for item in _data(layout, document)["manifests"]:
            yield from _manifests(layout, _descriptor(item))
    yield document


def _blobs(layout: Path, manifest: Descriptor) -> Iterator[Descriptor]:
    data = _data(layout, manifest)
    yield from map(_descriptor, (*data["layers"], data["config"]))


def _data(layout: Path, document: Descriptor) -> Any:
    return parsed_json((layout / document.path).read_bytes())


def _descriptor(item: Any) -> Descriptor:
    return Descriptor(item["mediaType"], item["digest"].partition(":")[2], item["size"])
