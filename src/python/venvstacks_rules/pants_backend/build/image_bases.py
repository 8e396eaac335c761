"""The images below those that are built: of registries, or of the repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Optional

from pants.core.target_types import FileSourceField
from pants.engine.addresses import Address, Addresses
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestSubset,
    FileDigest,
    FileEntry,
    MergeDigests,
    PathGlobs,
)
from pants.engine.target import HydrateSourcesRequest, SourcesField

from venvstacks_rules.model.errors import ImageError
from venvstacks_rules.model.images.base import (
    MOST_DOCUMENT,
    BaseImage,
    base_image,
    base_manifest,
    manifest_of_platform,
)
from venvstacks_rules.model.images.documents import (
    INDEX_FILE,
    LAYOUT_FILE,
    MANIFEST,
    Descriptor,
    ImagePlatform,
    blob_path,
)
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.requests.images import FetchedImage, FetchImageRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.images import ImageBaseRequest, named_base
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    NetworkActionRequest,
    run_network_action,
)

_MOST_INDEXES = 4
_OUTPUT = "image"


@dataclass(frozen=True)
class BaseOfImageRequest:
    """The base of an image for a platform."""

    base: ImageBaseRequest
    platform: str


@dataclass(frozen=True)
class BaseOfImage:
    """The base of an image for a platform."""

    image: Optional[BaseImage]
    """None without a base."""
    digest: Digest
    """Its layers, at their places in a layout."""


@dataclass(frozen=True)
class LayoutFilesRequest:
    """The files of a target that is a base, for one platform."""

    target: Address
    platform: ImagePlatform


@dataclass(frozen=True)
class FetchedBaseRequest:
    """The files of a base from a registry, for one platform."""

    reference: str
    platform: ImagePlatform


@dataclass(frozen=True)
class BaseFiles:
    """The files of a base."""

    digest: Digest
    folder: str
    """Where the layout is in the digest; empty for its top."""
    manifest: str
    """The SHA-256 of the manifest for the platform."""
    called: str
    """In messages."""


@dataclass(frozen=True)
class BlobRequest:
    """A document of a layout."""

    files: BaseFiles
    descriptor: Descriptor


@dataclass(frozen=True)
class Blob:
    """A document of a layout, as its hash says."""

    content: bytes


@rule
async def base_of_image(request: BaseOfImageRequest) -> BaseOfImage:
    named = await named_base(request.base, **implicitly())
    platform = ImagePlatform.of(request.platform)
    assert platform is not None
    if named.reference is not None:
        files = await fetched_base(
            FetchedBaseRequest(str(named.reference), platform), **implicitly()
        )
    elif named.target is not None:
        files = await layout_files(LayoutFilesRequest(named.target, platform), **implicitly())
    else:
        return BaseOfImage(None, await engine.create_digest(CreateDigest([])))
    entries = _blobs(await engine.get_digest_entries(files.digest), files.folder)
    found = entries.get(files.manifest)
    size = found.serialized_bytes_length if found else 0
    document = await blob(
        BlobRequest(files, Descriptor(MANIFEST, files.manifest, size)), **implicitly()
    )
    manifest = base_manifest(document.content, files.called)
    config = await blob(BlobRequest(files, manifest.config), **implicitly())
    image = base_image(manifest, config.content, platform, files.called)
    _refuse_missing(files.called, manifest.layers, entries)
    return BaseOfImage(
        image,
        await engine.create_digest(
            CreateDigest(
                [
                    FileEntry(layer.path, entries[layer.sha256])
                    for layer in dict.fromkeys(manifest.layers)
                ]
            )
        ),
    )


@rule
async def blob(request: BlobRequest) -> Blob:
    files, wanted = request.files, request.descriptor
    path = str(PurePosixPath(files.folder, wanted.path))
    subset = await engine.digest_subset_to_digest(
        DigestSubset(files.digest, PathGlobs([literal_glob(path)]))
    )
    entries = _blobs(await engine.get_digest_entries(subset), files.folder)
    _refuse_missing(files.called, [wanted], entries)
    if wanted.size > MOST_DOCUMENT:
        problem = f"`{wanted.digest}` is a document of {wanted.size} bytes."
        raise ImageError(f"{files.called} cannot be a base:", [problem])
    (content,) = await engine.get_digest_contents(subset)
    return Blob(content.content)


@rule
async def fetched_base(request: FetchedBaseRequest) -> BaseFiles:
    reference = request.reference
    result = await run_network_action(
        NetworkActionRequest(
            ActionProcessRequest(
                verb="fetch-image",
                request=to_json(
                    FetchImageRequest(reference, request.platform.name, _OUTPUT, NETWORK_DIR)
                ),
                output_directories=(_OUTPUT,),
                description=f"Fetch {reference} for {request.platform}",
                done=f"Downloaded {reference} for {request.platform}",
            ),
            stores=True,
        ),
        **implicitly(),
    )
    fetched = from_json(FetchedImage, result.result)
    return BaseFiles(result.digest, _OUTPUT, fetched.manifest, reference)


@rule
async def layout_files(request: LayoutFilesRequest) -> BaseFiles:
    called = str(request.target)
    # Those that a `files` target generates have one file each.
    targets = await engine.resolve_targets(Addresses([request.target]))
    hydrated = await concurrently(
        engine.hydrate_sources(
            HydrateSourcesRequest(
                target.get(SourcesField), for_sources_types=(FileSourceField,), enable_codegen=True
            )
        )
        for target in targets
    )
    digest = await engine.merge_digests(
        MergeDigests([sources.snapshot.digest for sources in hydrated])
    )
    paths = {PurePosixPath(path) for sources in hydrated for path in sources.snapshot.files}
    folders = sorted(
        str(path.parent)
        for path in paths
        if path.name == LAYOUT_FILE and path.with_name(INDEX_FILE) in paths
    )
    if len(folders) != 1:
        raise ImageError(
            f"{called} cannot be a base:",
            [
                f"its files have {len(folders)} folders in OCI layout, with `{LAYOUT_FILE}` and "
                f"`{INDEX_FILE}`. `skopeo copy docker://NAME oci:FOLDER` writes one; name a "
                "`files` target with all that is in it."
            ],
        )
    folder = folders[0]
    subset = await engine.digest_subset_to_digest(
        DigestSubset(digest, PathGlobs([literal_glob(str(PurePosixPath(folder, INDEX_FILE)))]))
    )
    (index,) = await engine.get_digest_contents(subset)
    content, files = index.content, BaseFiles(digest, folder, "", called)
    for _ in range(_MOST_INDEXES):
        chosen = manifest_of_platform(content, request.platform, called)
        if chosen is None:
            break
        found = await blob(BlobRequest(files, chosen), **implicitly())
        content, files = found.content, replace(files, manifest=chosen.sha256)
    else:
        raise ImageError(f"{called} cannot be a base:", ["it has indexes in indexes."])
    if not files.manifest:
        raise ImageError(f"{called} cannot be a base:", [f"`{INDEX_FILE}` names no image."])
    return files


def _blobs(entries: Iterable[object], folder: str) -> Mapping[str, FileDigest]:
    """The blobs of a layout by the hashes that their names say."""
    top = PurePosixPath(folder, blob_path(""))
    return {
        path.name: entry.file_digest
        for entry in entries
        if isinstance(entry, FileEntry)
        for path in [PurePosixPath(entry.path)]
        if path.parent == top
    }


def _refuse_missing(
    called: str, wanted: Iterable[Descriptor], there: Mapping[str, FileDigest]
) -> None:
    """Raise ImageError for blobs that are not there, or are others than their names say."""
    problems = []
    for each in wanted:
        found = there.get(each.sha256)
        # The engine stores files by their SHA-256, so this hashes nothing.
        if found is None:
            problems.append(f"`{each.path}` is missing.")
        elif (found.fingerprint, found.serialized_bytes_length) != (each.sha256, each.size):
            problems.append(
                f"`{each.path}` has {found.serialized_bytes_length} bytes with the hash sha256:"
                f"{found.fingerprint}; {each.size} bytes were expected."
            )
    if problems:
        raise ImageError(f"{called} cannot be a base:", [f"{p} Fetch it again." for p in problems])


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
