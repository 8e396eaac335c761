"""The upload of a publish: everything that a thing names is there before the thing is.

Under a lease, in this order: blobs, indexes, archives, manifests, deltas, channels. A process that
is killed leaves blobs and indexes that nobody sees; the next one finds them and goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Callable

from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.publishing.plan import (
    MOVED,
    ChannelChange,
    PublishedDelta,
    PublishPlan,
    PublishResult,
)
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import REPOSITORY_FILE, StackKey, blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.channels import (
    UNSIGNED,
    Signing,
    moved,
    other_content,
)
from venvstacks_rules.repository.publishing.leases import GRACE, Held, publisher_lease
from venvstacks_rules.repository.publishing.planning import planned
from venvstacks_rules.repository.publishing.publication import Publication, StackToPublish
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import Content

Progress = Callable[[str, int, int], None]
"""Called with what is sent, how many bytes are done, and how many there are."""


@dataclass(frozen=True)
class Settings:
    """How a publish goes."""

    signing: Signing = UNSIGNED
    progress: Progress = lambda *_: None
    waiting: Callable[[str], None] = lambda _: None
    """Called with a line for people if the upload has to wait."""
    grace: float = GRACE
    """Of the lease, in seconds."""
    patience: float = 600.0
    """How long a prune is waited for, in seconds."""
    thorough: bool = False
    """Ask for each blob, also of layer versions that are there."""
    deltas: bool = True
    """Make deltas from the versions that channels point at."""


def published(
    publication: Publication, repository: Repository, settings: Settings = Settings()
) -> PublishResult:
    """Plan and upload at once."""
    plan = planned(publication, repository, thorough=settings.thorough)
    return uploaded(publication, repository, plan, settings)


def uploaded(
    publication: Publication,
    repository: Repository,
    plan: PublishPlan,
    settings: Settings = Settings(),
) -> PublishResult:
    """Carry out a plan, which another process may have made.

    The repository may have changed since. RepositoryError if it lacks more by now than what the
    publication has the files of.
    """
    if not plan.changes:
        return PublishResult(plan, plan.channels, 0)
    with publisher_lease(
        repository.store,
        grace=settings.grace,
        patience=settings.patience,
        waiting=settings.waiting,
    ) as held:
        # Nothing that is there now is removed while the lease is held.
        now = planned(publication, repository, before=plan, thorough=settings.thorough)
        upload = _Upload(publication, repository, now, settings, held)
        channels = upload.channels(plan.channels)
        return PublishResult(now, channels, upload.sent, upload.deltas)


@dataclass(frozen=True)
class _Part:
    """One thing to send."""

    key: str
    content: Content
    name: str
    """For people."""
    holds: tuple[str, ...] = ()


class _Upload:
    def __init__(
        self,
        publication: Publication,
        repository: Repository,
        plan: PublishPlan,
        settings: Settings,
        held: Held,
    ) -> None:
        self.sent = 0
        """In bytes."""
        self.deltas: tuple[PublishedDelta, ...] = ()
        """That were made."""
        self._publication = publication
        self._repository = repository
        self._plan = plan
        self._settings = settings
        self._held = held
        self._done = 0
        self._lock = threading.Lock()

    def channels(self, before: Iterable[ChannelChange]) -> tuple[ChannelChange, ...]:
        """Send everything, and move the channels; `before` is what the first plan saw of them."""
        if self._plan.changes:
            blobs = self._blobs()
            store = self._repository.store
            store.put_if_absent(REPOSITORY_FILE, Content.of(repository_json().encode("utf-8")))
            self._put_all(blobs)
            self._held.check()
            self._put_all(self._indexes())
            self._put_archives()
            self._held.check()
            for stack in self._publication.stacks:
                self._put_manifest(stack)
        changes = tuple(before)
        if self._settings.deltas and any(change.change == MOVED for change in changes):
            # It reads archives, which nothing else here does.
            from venvstacks_rules.repository.publishing.deltas import (  # noqa: PLC0415
                published_deltas,
            )

            self.deltas = published_deltas(
                self._publication, self._repository, changes, self._held, self._settings.waiting
            )
        return tuple(self._moved(change) for change in changes)

    def _blobs(self) -> list[_Part]:
        """The blobs to send. RepositoryError if files are missing or have other sizes."""
        lacking = set(self._plan.missing)
        parts: dict[str, _Part] = {}
        problems = []
        for layer in self._publication.layers:
            for blob, name in _named_blobs(layer.index):
                if blob.sha256 not in lacking or blob.sha256 in parts:
                    continue
                content = self._publication.content(blob)
                problem = _file_problem(content)
                if content is None or problem is not None:
                    target = layer.index.install_target
                    problems.append(f"`{name}` of `{target}`, sha256:{blob.sha256}: {problem}")
                else:
                    parts[blob.sha256] = _Part(blob_key(blob.sha256), content, name)
        if problems:
            raise RepositoryError(
                f"{self._repository.url}: the repository lacks what this publish cannot send.",
                [*first_problems(problems), "The repository may have changed; run this again."],
            )
        return list(parts.values())

    def _indexes(self) -> list[_Part]:
        new = {layer.index for layer in self._plan.layers if not layer.known}
        return [
            _Part(
                str(layer.key),
                Content.of(layer.content),
                f"index of {layer.index.install_target}",
                tuple(blob_key(blob.sha256) for blob in layer.index.blobs),
            )
            for layer in self._publication.layers
            if layer.key.sha256 in new
        ]

    def _put_archives(self) -> None:
        lacking = set(self._plan.archives)
        for archives in self._publication.archives:
            parts = [
                _Part(key, content, key.rpartition("/")[2])
                for key, content in archives.contents(lacking)
            ]
            # Who finds the manifest need not ask for the others.
            self._put_all([part for part in parts if part.key != archives.manifest])
            self._put_all([part for part in parts if part.key == archives.manifest])

    def _put_manifest(self, published: StackToPublish) -> None:
        stack = published.stack
        store = self._repository.store
        if store.put_if_absent(str(stack.key), Content.of(published.content)):
            return
        found = self._repository.found_manifest(stack.key)
        if found is None or found.reference != published.reference:
            there = published.reference if found is None else found.reference
            raise other_content(self._repository.url, stack.key, there, published.reference)

    def _put_all(self, parts: Sequence[_Part]) -> None:
        """Store all, several at a time, the largest first."""
        ordered = sorted(parts, key=lambda part: (-part.content.reference.size, part.key))
        with ThreadPoolExecutor(self._repository.store.concurrency) as pool:
            futures = [pool.submit(self._put, part) for part in ordered]
            try:
                for future in as_completed(futures):
                    future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _put(self, part: _Part) -> None:
        size = part.content.reference.size
        stored = self._repository.store.put_if_absent(part.key, part.content, part.holds)
        with self._lock:
            self.sent += size if stored else 0
            self._done += size
            self._settings.progress(part.name, self._done, self._plan.new_size)

    def _moved(self, before: ChannelChange) -> ChannelChange:
        manifest = next(
            published.reference
            for published in self._publication.stacks
            if published.stack.key == StackKey(before.name, before.version, before.platform)
        )
        signing = self._settings.signing
        return moved(self._repository, before, manifest, self._held, signing)


def _named_blobs(index: LayerIndex) -> Iterator[tuple[Reference, str]]:
    for segment in index.segments:
        yield segment.blob, segment.described
        yield segment.files, f"list of the files of {segment.described}"
    for name, document in sorted(index.documents.items()):
        yield document, name


def _file_problem(content: Content | None) -> str | None:
    if content is None or content.path is None:
        return "its file is not given"
    try:
        size = content.path.stat().st_size
    except OSError as e:
        return f"`{content.path}`: {e.strerror or e}"
    wanted = content.reference.size
    return None if size == wanted else f"`{content.path}` has {size} bytes, not {wanted}"
