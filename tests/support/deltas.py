"""A repository that is published to by our own publisher, with a large segment that changes."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from pathlib import Path

from tests.support.client_repository import (
    APP,
    MAIN,
    RUNTIME,
    SITE,
    ClientRepository,
    Content,
    own_files,
    own_links,
    runtime_content,
)
from venvstacks_rules.model.publishing.plan import PublishResult
from venvstacks_rules.model.repository.deltas import Delta
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.publication import (
    Publication,
    PublishedLayer,
    StackToPublish,
)
from venvstacks_rules.repository.publishing.upload import Settings, published
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore

SETTINGS = Settings()
LIBRARY, DATA, NOTES = f"{SITE}/big/library.so", f"{SITE}/big/data.bin", f"{SITE}/big/notes.txt"


def noise(size: int, seed: str) -> str:
    """Text that compresses to four fifths of its size."""
    data = random.Random(seed).getrandbits(8 * size).to_bytes(size, "little")
    return base64.b85encode(data).decode()[:size]


def library(version: str) -> str:
    """A large file, which moves and changes a little with each version."""
    text = noise(1_400_000, "library")
    return f"library {version}\n{text[:1_000_000]}{version}{text[1_000_000:]}"


def big_files(version: str) -> dict[str, str]:
    """The files of a wheel of which most does not change."""
    return {
        LIBRARY: library(version),
        DATA: noise(40_000, "data"),
        NOTES: f"what is new in {version}\n",
        f"{SITE}/big-{version}.dist-info/RECORD": noise(20_000, "record") + version,
    }


class DeltaRepository:
    """A repository in a folder."""

    def __init__(self, folder: Path, archive_format: str = "tar.zst") -> None:
        self.folder = folder / "repository"
        self._made = ClientRepository(folder / "made", archive_format)
        self.last: LayerIndex
        """The index of the application that was published last."""

    @property
    def reader(self) -> Repository:
        """It, for readers."""
        return Repository(FileStore(self.folder))

    @property
    def url(self) -> str:
        """Of the folder."""
        return self.folder.as_uri()

    def publish(
        self,
        version: str,
        files: Mapping[str, str] | None = None,
        settings: Settings = SETTINGS,
        channels: tuple[str, ...] = ("stable",),
        executable: frozenset[str] = frozenset(),
    ) -> PublishResult:
        """A version of a runtime and an application, whose wheel has these files."""
        main = {f"{SITE}/hello.py": MAIN.format(version=version), f"{SITE}/words.py": "WORD = 1\n"}
        source = f"big-{version}-py3-none-any.whl"
        big = Content(source, files or big_files(version), executable=executable)
        own = Content("layer", {**main, **own_files((RUNTIME,), "hello")}, own_links())
        runtime = self._made.layer(RUNTIME, "runtime", (), [runtime_content()])
        self.last = self._made.layer(APP, "application", (RUNTIME,), [big, own])
        stack = self._made.release(version, [runtime, self.last])
        # The files of this version only: what was published before is in the repository.
        named = {blob.sha256 for index in (runtime, self.last) for blob in index.blobs}
        publication = Publication(
            tuple(PublishedLayer.of(i.to_json().encode()) for i in (runtime, self.last)),
            (StackToPublish.of(stack.to_json().encode(), channels),),
            {sha256: self._made.folder / blob_key(sha256) for sha256 in named},
        )
        return published(publication, self.reader, settings)

    @property
    def big(self) -> Reference:
        """The segment of the wheel that was published last."""
        return self.last.segments[0].blob

    def deltas(self) -> list[Delta]:
        """All that are there."""
        found = [self.reader.delta(key) for key, _ in self.reader.deltas()]
        return [delta for delta in found if delta is not None]
