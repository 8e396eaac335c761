"""Small repositories on disk, for tests of those who read and tidy them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.indexes import (
    LayerIndex,
    PublishedSegment,
    listing_bytes,
)
from venvstacks_rules.model.repository.keys import REPOSITORY_FILE, ChannelKey, LayerKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import Content

LINUX, WINDOWS = "linux_x86_64", "win_amd64"
RUNTIME, FRAMEWORK = "cpython-3.11", "framework-sklearn"


def wheel(name: str, version: str) -> str:
    """The source of a segment."""
    return f"{name}-{version}-py3-none-any.whl"


def packages(**versions: str) -> dict[str, dict[str, bytes]]:
    """The segments of wheels, each with one module that has name and version."""
    return {
        wheel(name, version): {f"site/{name}.py": f"{name} = {version!r}\n".encode()}
        for name, version in versions.items()
    }


@dataclass
class SmallRepository:
    """A repository in a folder; everything is stored as a publisher does it."""

    folder: Path
    indexes: dict[LayerKey, LayerIndex] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.put(REPOSITORY_FILE, repository_json().encode())

    @property
    def store(self) -> FileStore:
        """Its store."""
        return FileStore(self.folder)

    @property
    def reader(self) -> Repository:
        """It, for readers."""
        return Repository(self.store)

    @property
    def url(self) -> str:
        """Its URL."""
        return self.store.url

    def put(self, key: str, data: bytes) -> None:
        """Store something."""
        self.store.put_if_absent(key, Content.of(data))

    def put_blob(self, data: bytes) -> Reference:
        """Store a blob."""
        reference = Reference.of(data)
        self.put(blob_key(reference.sha256), data)
        return reference

    def layer(
        self,
        layer_name: str = RUNTIME,
        segments: Mapping[str, Mapping[str, bytes]] | None = None,
        *,
        platform: str = LINUX,
        kind: str = "runtime",
        documents: Mapping[str, bytes] | None = None,
    ) -> LayerIndex:
        """Store a layer version, of segments with their files, and then its index."""
        segments = packages(pip="24.0") if segments is None else segments
        metadata: dict[str, object] = {
            "layer_name": layer_name,
            "install_target": layer_name,
            "target_platform": platform,
            "runtime_layer": RUNTIME,
        }
        if kind != "runtime":
            metadata["required_layers"] = []
        index = LayerIndex(
            kind=kind,
            metadata=metadata,
            archive_name=f"{layer_name}.tar.zst",
            archive_format="tar.zst",
            compression_level=3,
            segments=tuple(
                PublishedSegment(
                    source=source,
                    blob=self.put_blob(b"compressed " + b"".join(files.values())),
                    files=self.put_blob(
                        listing_bytes(
                            ArchivedFile(path, len(data), Reference.of(data).sha256)
                            for path, data in files.items()
                        )
                    ),
                    unpacked_size=sum(map(len, files.values())),
                    tar_size=1024 * len(files),
                )
                for source, files in segments.items()
            ),
            documents={name: self.put_blob(content) for name, content in (documents or {}).items()},
        )
        return self.put_index(index)

    def put_index(self, index: LayerIndex) -> LayerIndex:
        """Store an index."""
        content = index.to_json().encode()
        key = LayerKey(index.layer_name, index.platform, Reference.of(content).sha256)
        self.put(str(key), content)
        self.indexes[key] = index
        return index

    def stack(
        self,
        version: str,
        layers: Sequence[LayerIndex] = (),
        *,
        name: str = "release",
        platform: str = LINUX,
        notes: str = "",
    ) -> PublishedStack:
        """Store the manifest of a stack; by default of a runtime and a framework."""
        layers = layers or (
            self.layer(platform=platform),
            self.layer(FRAMEWORK, packages(numpy=version), kind="framework", platform=platform),
        )
        stack = PublishedStack(
            name, version, platform, tuple(StackLayer.of(index) for index in layers), notes
        )
        self.put(str(stack.key), stack.to_json().encode())
        return stack

    def point(self, stack: PublishedStack, channel: str = "stable") -> ChannelRecord:
        """Point a channel at a stack."""
        key = ChannelKey(stack.name, channel, stack.platform)
        manifest = Reference.of(stack.to_json().encode())
        found = self.reader.record(key)
        if found is None:
            record = ChannelRecord.first(key, stack.version, manifest)
        else:
            record = found.record.moved(stack.version, manifest)
        mark = None if found is None else found.mark
        assert self.store.replace(str(key), record.to_json().encode(), mark)
        return record

    def record(self, channel: str = "stable", platform: str = LINUX) -> ChannelRecord:
        """The record of a channel of `release`."""
        found = self.reader.record(ChannelKey("release", channel, platform))
        assert found is not None
        return found.record

    def files(self) -> dict[str, bytes]:
        """All that is stored, by key."""
        return {entry.key: (self.folder / entry.key).read_bytes() for entry in self.store.list("")}
