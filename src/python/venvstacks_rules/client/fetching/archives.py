"""An application from a folder of archives, as ``package`` writes it, on any server of files.

Nothing in such a folder is signed. A pin of the manifest vouches for all of it: the manifest has
the hashes of the archives and of their segment indexes. Where a list is missing, or nobody vouches
for it, the archive itself says what is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from venvstacks_rules.client.fetching.archive_store import ArchiveRepository, ArchiveStore
from venvstacks_rules.client.fetching.downloads import Downloads
from venvstacks_rules.client.fetching.source import Here, KnownArchive, Offer, Source, Trust
from venvstacks_rules.client.fetching.whole import archive_files
from venvstacks_rules.client.installation.layout import WrongOptionError
from venvstacks_rules.client.installation.names import known_names
from venvstacks_rules.client.installation.records import Settings
from venvstacks_rules.model.contents.segment_index import IndexedSegment
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.outputs.names import MANIFEST_FOLDER, manifest_path
from venvstacks_rules.model.repository.indexes import MOST_LISTING_BYTES, LayerIndex
from venvstacks_rules.model.repository.keys import LayerKey
from venvstacks_rules.model.repository.manifests import (
    MOST_MANIFEST_BYTES,
    PublishedStack,
    StackLayer,
)
from venvstacks_rules.model.repository.packaged import (
    PackagedLayer,
    PackagedStack,
    listings,
    stack_version,
)
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import Store


def manifest_paths(platform: str) -> tuple[str, ...]:
    """Where the manifest for a platform may lie, the likeliest first."""
    names = [manifest_path(platform=platform, tagged=tagged) for tagged in (True, False)]
    return (*names, *(f"{platform}/{name}" for name in names))


@dataclass(frozen=True)
class Found:
    """The manifest of the platform."""

    path: str
    layers: tuple[PackagedLayer, ...]
    """Those that the application needs, lower ones first."""
    version: str

    @property
    def folder(self) -> str:
        """Of the archives; empty, or with a slash at its end."""
        return self.path.rpartition(f"{MANIFEST_FOLDER}/")[0]


class ArchiveSource(Source):
    """The folder of archives of an application."""

    def __init__(self, settings: Settings, app: str, here: Here, store: Store) -> None:
        super().__init__(settings, store, app)
        self._here = here
        # Documents are made of what the folder has.
        here.documents.counts_fetched = False
        self._store = ArchiveStore(store, self._complete)
        self.repository: Repository = ArchiveRepository(self._store)
        self._ranged: bool | None = None
        self._manifests: dict[str, bytes | None] = {}

    def has_manifest(self) -> bool:
        """Whether there is one where one may be, whatever it says."""
        paths = manifest_paths(self.settings.platform)
        return any(self._manifest(path) is not None for path in paths)

    def refuse_unverified(self, trust: Trust) -> None:  # noqa: ARG002 - no root can help
        """RepositoryError unless something vouches for the folder, or nothing has to."""
        if self.settings.manifest is None and not self.settings.allow_unsigned:
            raise RepositoryError(
                f"{self._store.url}: a folder of archives is not signed, so nothing can be "
                "verified.",
                [
                    "name the hash of its manifest that its publisher gave you, with `--manifest "
                    "sha256:...`",
                    "or say `--allow-unsigned`: whoever can change the folder, or the way to it, "
                    "then decides what runs here",
                ],
            )

    def offer(
        self, trust: Trust, *, version: str | None = None, allow_expired: bool = False
    ) -> Offer:
        """What the manifest names.

        StoreError if the folder cannot be reached, RepositoryError if it is not believed.
        """
        del allow_expired  # nothing expires
        found = self.found()
        if version not in (None, found.version):
            raise WrongOptionError(
                f"{self._store.url}: there is no version {version!a}.",
                [f"a folder of archives has one version; it is {found.version}"],
            )
        known: dict[str, KnownArchive] = {}
        indexes = [self._index(found, layer, trust.archives, known) for layer in found.layers]
        stack = self._stack(found, indexes)
        kept = replace(trust, archives=known)
        manifest = Reference.of(stack.to_json().encode("utf-8"))
        unsigned = ("The folder of archives is not signed.",)
        notes = unsigned if self.settings.manifest is None else ()
        return Offer(stack.key, manifest, kept, notes)

    def _complete(self) -> None:
        """Have all documents and pieces in the store."""
        found = self.found()
        self._stack(found, [self._index(found, layer, {}, {}) for layer in found.layers])

    def _stack(self, found: Found, indexes: list[LayerIndex]) -> PublishedStack:
        stack = PublishedStack(
            self.settings.name,
            found.version,
            self.settings.platform,
            tuple(map(StackLayer.of, indexes)),
        )
        for index in indexes:
            data = index.to_json().encode("utf-8")
            key = LayerKey(index.layer_name, index.platform, Reference.of(data).sha256)
            self._store.add_document(str(key), data)
        self._store.add_document(str(stack.key), stack.to_json().encode("utf-8"))
        return stack

    def found(self) -> Found:
        """The manifest, if it is believed. RepositoryError if there is none for the platform."""
        others = []
        settings, url = self.settings, self._store.url
        before = () if settings.archives is None else (settings.archives,)
        paths = dict.fromkeys((*before, *manifest_paths(settings.platform)))
        for path in paths:
            content = self._manifest(path)
            if content is None:
                continue
            name = f"{url}/{path}"
            packaged = PackagedStack.from_json(content, name)
            platforms = {layer.platform for layer in packaged.layers}
            if platforms != {settings.platform}:
                others.append(f"`{path}` is for {', '.join(sorted(platforms)) or 'no platform'}")
                continue
            self._check_pin(name, content)
            try:
                layers = packaged.needed_by(self._app)
            except RepositoryError as e:
                names = [one.layer_name for one in packaged.layers if one.kind == "application"]
                known = known_names(names, self._app, "applications")
                raise WrongOptionError(f"{name}: {e.summary}", known or e.problems) from None
            return Found(path, layers, stack_version(layers))
        raise RepositoryError(
            f"{url}: there are no archives for {settings.platform}.",
            others or [f"it has none of {', '.join(f'`{path}`' for path in paths)}"],
        )

    def _manifest(self, path: str) -> bytes | None:
        """What lies at a path; asked for once."""
        if path not in self._manifests:
            stored = self._store.inner.get(path, limit=MOST_MANIFEST_BYTES)
            self._manifests[path] = None if stored is None else stored.data
            if stored is not None:
                self._here.documents.fetched_size += len(stored.data)
        return self._manifests[path]

    def _check_pin(self, name: str, content: bytes) -> None:
        pin, sha256 = self.settings.manifest, hashlib.sha256(content).hexdigest()
        if pin not in (None, f"sha256:{sha256}"):
            raise RepositoryError(
                f"`{name}` is not believed.",
                [
                    f"its hash is sha256:{sha256}, and {pin} is pinned",
                    "for a new version, run `venvstacks-deploy install` with the hash that its "
                    "publisher gave you",
                ],
            )

    def _index(
        self,
        found: Found,
        layer: PackagedLayer,
        before: Mapping[str, KnownArchive],
        known: dict[str, KnownArchive],
    ) -> LayerIndex:
        """The index of a layer; nothing is fetched for an archive that was known `before`."""
        sha256 = layer.archive.sha256
        self._store.add_piece(sha256, found.folder, layer)
        entry = before.get(sha256)
        index = None if entry is None else self._index_before(layer, entry)
        if entry is not None and index is not None:
            listed = entry.listed
        else:
            index, listed = self._index_of(found, layer)
        data = index.to_json().encode("utf-8")
        known[sha256] = KnownArchive(Reference.of(data), listed)
        return index

    def _index_before(self, layer: PackagedLayer, entry: KnownArchive) -> LayerIndex | None:
        """The index that was made of the archive, if it counts."""
        # What the archive itself said counts always. Of a list, the manifest may say another hash.
        if entry.listed:
            pinned = self.settings.manifest is not None
            if layer.segments_sha256 != entry.listed and (pinned or layer.segments_sha256):
                return None
        documents = self._here.documents
        if documents.find(entry.index) is None:
            return None
        index = documents.index(entry.index)
        if any(documents.find(segment.files) is None for segment in index.segments):
            return None
        return replace(
            index, kind=layer.kind, metadata=layer.metadata, archive_name=layer.archive_name
        )

    def _index_of(self, found: Found, layer: PackagedLayer) -> tuple[LayerIndex, str]:
        """The index of a layer, and the hash of the list that it was made of, if it was."""
        content = self._segment_index(found, layer)
        if content is None:
            segments = [self._of_archive(layer)]
        else:
            segments = list(layer.read_segments(content))
            for segment in segments:
                self._store.add_piece(segment.sha256, found.folder, layer, segment.offset)
            if len(segments) > 1 and not self._takes_ranges(found, layer):
                segments = [layer.joined(segments)]
        index = layer.index(
            (segment, self._store.add_blob(data)) for segment, data in listings(segments)
        )
        return index, "" if content is None else hashlib.sha256(content).hexdigest()

    def _segment_index(self, found: Found, layer: PackagedLayer) -> bytes | None:
        """The segment index of an archive; None if there is none that can be believed."""
        url, wanted = self._store.url, layer.segments_sha256
        if wanted is None and self.settings.manifest is not None:
            self._note_whole(layer, "the manifest does not say the hash of")
            return None
        path = f"{found.folder}{layer.segments_name}"
        stored = self._store.inner.get(path, limit=MOST_LISTING_BYTES)
        if stored is None:
            self._note_whole(layer, "the folder has no")
            return None
        self._here.documents.fetched_size += len(stored.data)
        sha256 = hashlib.sha256(stored.data).hexdigest()
        if wanted not in (None, sha256):
            raise RepositoryError(
                f"{url}: `{path}` is damaged.",
                [f"its hash is sha256:{sha256}, not sha256:{wanted}", "upload the folder again"],
            )
        return stored.data

    def _note_whole(self, layer: PackagedLayer, why: str) -> None:
        self._here.note(
            f"`{layer.archive_name}` is fetched as a whole: {why} `{layer.segments_name}`."
        )

    def _of_archive(self, layer: PackagedLayer) -> IndexedSegment:
        """The archive as one segment, whose files it lists itself."""
        downloads = Downloads(self._here.layout.downloads, self.repository, self._here.disk)
        with downloads.kept(layer.archive) as stream:
            return layer.whole(*archive_files(stream, layer))

    def _takes_ranges(self, found: Found, layer: PackagedLayer) -> bool:
        """Whether the server sends pieces of files; otherwise archives are read once, as one."""
        if self._ranged is None:
            path = f"{found.folder}{layer.archive_name}"
            self._ranged = self._store.inner.takes_ranges(path)
        return self._ranged
