"""Small layers and stacks to publish, as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.publishing.publication import PublicationFiles, StackFiles
from venvstacks_rules.model.repository.indexes import (
    LayerIndex,
    PublishedSegment,
    listing_bytes,
)
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.publication import Publication

PLATFORM = "linux_x86_64"
RUNTIME = {"interpreter": b"the interpreter" * 100, "layer": b"files of the runtime"}
SBOM = b'{"bomFormat": "CycloneDX"}'


@dataclass(frozen=True)
class Layer:
    """A layer version with its blobs."""

    index: LayerIndex
    blobs: Mapping[str, bytes]
    """By their hashes."""

    @classmethod
    def of(
        cls,
        layer_name: str,
        segments: Mapping[str, bytes],
        platform: str = PLATFORM,
        below: Sequence[str] = (),
    ) -> Layer:
        """A framework or an application on a runtime, or a runtime if it has that name."""
        blobs = {}
        published = []
        for source, data in segments.items():
            listing = listing_bytes([ArchivedFile(f"{source}.txt", len(data), "a" * 64)])
            blobs.update({Reference.of(blob).sha256: blob for blob in (data, listing)})
            published.append(
                PublishedSegment(source, Reference.of(data), Reference.of(listing), len(data), 1024)
            )
        blobs[Reference.of(SBOM).sha256] = SBOM
        kind = layer_name.partition("-")[0]
        metadata = {
            "layer_name": layer_name,
            "install_target": layer_name,
            "target_platform": platform,
            "runtime_layer": "cpython",
        }
        if kind in ("framework", "app"):
            metadata["required_layers"] = list(below)  # type: ignore[assignment]
        index = LayerIndex(
            kind={"framework": "framework", "app": "application"}.get(kind, "runtime"),
            metadata=metadata,
            archive_name=f"{layer_name}.tar.zst",
            archive_format="tar.zst",
            compression_level=9,
            segments=tuple(published),
            documents={"sbom": Reference.of(SBOM)},
        )
        return cls(index, blobs)


def release(
    folder: Path,
    layers: Sequence[Layer],
    version: str = "1.0",
    channels: Sequence[str] = ("stable",),
) -> PublicationFiles:
    """Files of a release of `layers`, lower ones first, below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    platform = layers[0].index.platform
    stack = PublishedStack(
        "release", version, platform, tuple(StackLayer.of(layer.index) for layer in layers)
    )
    manifest = folder / f"release-{version}-{platform}.json"
    manifest.write_text(stack.to_json())
    alone = layers_alone(folder, layers)
    return PublicationFiles(
        alone.indexes, (StackFiles(str(manifest), tuple(channels)),), alone.blobs
    )


def layers_alone(folder: Path, layers: Sequence[Layer]) -> PublicationFiles:
    """Files of layers without a stack."""
    indexes = []
    blobs = {}
    for layer in layers:
        content = layer.index.to_json().encode("utf-8")
        path = folder / f"{Reference.of(content).sha256}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        indexes.append(str(path))
        for sha256, data in layer.blobs.items():
            blob = folder / sha256
            blob.write_bytes(data)
            blobs[sha256] = str(blob)
    return PublicationFiles(tuple(indexes), (), blobs)


def small_release(
    folder: Path, version: str = "1.0", channels: Sequence[str] = ("stable",), extra: bytes = b""
) -> Publication:
    """A runtime and an application; the latter has `version` and `extra` in a segment."""
    layers = [
        Layer.of("cpython", RUNTIME),
        Layer.of("app-demo", {"layer": f"demo {version}".encode() + extra, "rich.whl": b"rich"}),
    ]
    return Publication.read(release(folder, layers, version, channels))


def files_below(folder: Path) -> Iterator[str]:
    """The paths of all files, relative to `folder`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()
