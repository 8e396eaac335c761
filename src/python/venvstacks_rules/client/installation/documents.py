"""Manifests, indexes and lists of files: kept by their hash, and checked at each use."""

from __future__ import annotations

from collections.abc import Callable

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.layout import DamagedInstallationError, Layout
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.repository.indexes import LayerIndex, read_listing, without_overwritten
from venvstacks_rules.model.repository.references import Reference

Fetch = Callable[[], bytes]

Files = dict[str, ArchivedFile]
"""Files by their path in a layer."""


class Documents:
    """The documents of an installation."""

    def __init__(self, layout: Layout, disk: Disk, *, in_memory: bool = False) -> None:
        """`in_memory` keeps what is added for this process only."""
        self._folder = layout.documents
        self._disk = disk
        self._listings: dict[Reference, tuple[ArchivedFile, ...]] = {}
        self._memory: dict[str, bytes] | None = {} if in_memory else None
        self.fetched_size = 0
        """How many bytes of documents, and of what they are made of, were fetched."""
        self.counts_fetched = True
        """False if who fetches them counts."""
        self.added: list[str] = []
        """The files of documents that are new, and perhaps not on the disk yet."""

    def find(self, reference: Reference) -> bytes | None:
        """The document with a hash; None if it is missing or damaged."""
        if self._memory is not None and reference.sha256 in self._memory:
            return self._memory[reference.sha256]
        try:
            data = (self._folder / reference.sha256).read_bytes()
        except OSError:
            return None
        return data if Reference.of(data) == reference else None

    def read(self, reference: Reference, fetch: Fetch | None = None) -> bytes:
        """The document; fetched if it is missing or damaged.

        DamagedInstallationError if it cannot be fetched.
        """
        data = self.find(reference)
        if data is not None:
            return data
        if fetch is None:
            raise DamagedInstallationError(
                "The installation is damaged.",
                [
                    f"`{self._folder / reference.sha256}` is missing or changed",
                    "run `venvstacks-deploy repair`",
                ],
            )
        data = fetch()
        if self.counts_fetched:
            self.fetched_size += len(data)
        self.add(data)
        return data

    def add(self, data: bytes) -> Reference:
        """Keep a document."""
        reference = Reference.of(data)
        if self._memory is not None:
            self._memory[reference.sha256] = data
        elif self.find(reference) is None:
            self._disk.keep_folder(str(self._folder))
            path = str(self._folder / reference.sha256)
            self._disk.unlink(path)
            self._disk.write(path, [data])
            self.added.append(path)
        return reference

    def listing(self, reference: Reference, fetch: Fetch | None = None) -> tuple[ArchivedFile, ...]:
        """A list of files."""
        known = self._listings.get(reference)
        if known is None:
            known = read_listing(self.read(reference, fetch), reference.sha256)
            self._listings[reference] = known
        return known

    def index(self, reference: Reference, fetch: Fetch | None = None) -> LayerIndex:
        """The index of a layer."""
        return LayerIndex.from_json(self.read(reference, fetch), reference.sha256)

    def files(self, index: LayerIndex) -> Files:
        """The files of a layer; their lists have to be here."""
        listings = [self.listing(segment.files) for segment in index.segments]
        return {file.path: file for files in without_overwritten(listings) for file in files}

    def remove_others(self, keep: set[str]) -> int:
        """Remove all documents but those with these hashes; return the bytes."""
        freed = 0
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else []:
            if path.name not in keep:
                freed += path.stat().st_size
                self._disk.unlink(str(path))
        return freed
