"""``diff``: what an update from one version of a stack to another changes and moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import by_source
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.deltas import LEAST_SEGMENT_BYTES, same_subject
from venvstacks_rules.model.repository.indexes import PublishedSegment, without_overwritten
from venvstacks_rules.model.repository.keys import DeltaKey
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import counted, signed_size_text, size_text
from venvstacks_rules.repository.reading.repository import FoundManifest, Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.upkeep.details import ShownLayer, package, shown_layers
from venvstacks_rules.repository.upkeep.selection import StackVersion
from venvstacks_rules.repository.upkeep.tables import indented, table_lines

ADDED, REMOVED, CHANGED, REBUILT = "added", "removed", "changed", "rebuilt"


@dataclass(frozen=True)
class PackageChange:
    """A package, the interpreter or a layer's own files, in a layer that is in both or in one."""

    layer_name: str
    name: str
    before: tuple[PublishedSegment, ...]
    after: tuple[PublishedSegment, ...]
    """Its segments; none where it is missing."""

    @property
    def change(self) -> str:
        """``rebuilt`` is the same version with other bytes."""
        if not self.before:
            return ADDED
        if not self.after:
            return REMOVED
        before, after = self.versions
        return REBUILT if before == after else CHANGED

    @property
    def versions(self) -> tuple[str, str]:
        """Before and after; empty where it is missing."""
        before, after = (
            package(segments[0].source)[1] if segments else ""
            for segments in (self.before, self.after)
        )
        return before, after

    @property
    def sizes(self) -> tuple[int, int]:
        """In the archive, before and after, in bytes."""
        before, after = (
            sum(segment.blob.size for segment in segments) for segments in (self.before, self.after)
        )
        return before, after

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        versions, sizes = self.versions, self.sizes
        return {
            "layer_name": self.layer_name,
            "name": self.name,
            "change": self.change,
            "version_before": versions[0],
            "version_after": versions[1],
            "size_before": sizes[0],
            "size_after": sizes[1],
        }


@dataclass(frozen=True)
class Moved:
    """What a machine that has the one version fetches for the other."""

    segments: int
    """That come as a whole."""
    segment_size: int
    described_size: int
    """Of the manifest, the indexes and the lists of files, in bytes."""
    deltas: int = 0
    """That come in place of segments."""
    delta_size: int = 0
    """With the documents that describe them."""

    @property
    def size(self) -> int:
        """All of it, in bytes."""
        return self.segment_size + self.delta_size + self.described_size

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "segments": self.segments,
            "segment_size": self.segment_size,
            "deltas": self.deltas,
            "delta_size": self.delta_size,
            "described_size": self.described_size,
            "size": self.size,
        }


@dataclass(frozen=True)
class PlatformChange:
    """The change on a platform."""

    platform: str
    layers: tuple[tuple[str, str], ...]
    """The names of the layers that change, and how."""
    packages: tuple[PackageChange, ...]
    size_before: int
    size_after: int
    """Of all archives, in bytes."""
    moved: Moved

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "platform": self.platform,
            "layers": [{"layer_name": name, "change": change} for name, change in self.layers],
            "packages": [package.to_dict() for package in self.packages],
            "size_before": self.size_before,
            "size_after": self.size_after,
            "update": self.moved.to_dict(),
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        layers = ", ".join(f"{name} {change}" for name, change in self.layers)
        yield f"layers: {layers or 'all are the same'}"
        if self.packages:
            yield from table_lines(
                ("layer", "package", "change", "before", "after", "size"),
                (
                    (
                        change.layer_name,
                        change.name,
                        change.change,
                        *change.versions,
                        signed_size_text(change.sizes[1] - change.sizes[0]),
                    )
                    for change in self.packages
                ),
                ("size",),
            )
        grown = signed_size_text(self.size_after - self.size_before)
        yield f"archives: {size_text(self.size_after)} ({grown})"
        moved = self.moved
        deltas = ""
        if moved.deltas:
            deltas = f", {counted(moved.deltas, 'delta')} with {size_text(moved.delta_size)}"
        yield (
            f"an update moves {size_text(moved.size)}: {counted(moved.segments, 'segment')} with"
            f" {size_text(moved.segment_size)}{deltas}, and {size_text(moved.described_size)} that"
            " describe them"
        )


@dataclass(frozen=True)
class Comparison:
    """What is between two versions, for each platform that both have."""

    url: str
    before: StackVersion
    after: StackVersion
    changes: tuple[PlatformChange, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "url": self.url,
            "before": {"name": self.before.name, "version": self.before.version},
            "after": {"name": self.after.name, "version": self.after.version},
            "platforms": [change.to_dict() for change in self.changes],
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        for i, change in enumerate(self.changes):
            if i:
                yield ""
            yield f"{self.before} to {self.after} for {change.platform}"
            yield from indented(change.lines())


def comparison(repository: Repository, before: StackVersion, after: StackVersion) -> Comparison:
    """What an update changes and moves; RepositoryError if the versions share no platform."""
    old = {found.stack.platform: found for found in before.found}
    pairs = [
        (old[found.stack.platform], found) for found in after.found if found.stack.platform in old
    ]
    if not pairs:
        raise RepositoryError(
            f"{repository.url}: `{before}` and `{after}` have no platform in common.",
            [
                f"`{version}` is there for {', '.join(version.platforms)}"
                for version in (before, after)
            ],
        )
    return Comparison(
        repository.url, before, after, tuple(_change(repository, *pair) for pair in pairs)
    )


def _change(repository: Repository, old: FoundManifest, new: FoundManifest) -> PlatformChange:
    before, after = shown_layers(repository, old.stack), shown_layers(repository, new.stack)
    old_layers = {layer.layer.layer_name: layer for layer in before}
    new_layers = {layer.layer.layer_name: layer for layer in after}
    layers: list[tuple[str, str]] = []
    packages: list[PackageChange] = []
    for name in (*new_layers, *(name for name in old_layers if name not in new_layers)):
        one, other = old_layers.get(name), new_layers.get(name)
        if one is not None and other is not None and one.key == other.key:
            continue
        change = ADDED if one is None else REMOVED if other is None else CHANGED
        layers.append((name, change))
        packages += _package_changes(name, one, other)
    return PlatformChange(
        platform=new.stack.platform,
        layers=tuple(layers),
        packages=tuple(packages),
        size_before=sum(layer.layer.archive_size for layer in before),
        size_after=sum(layer.layer.archive_size for layer in after),
        moved=_moved(repository, before, after, (old.reference, new.reference)),
    )


def _package_changes(
    layer_name: str, before: ShownLayer | None, after: ShownLayer | None
) -> Iterator[PackageChange]:
    old, new = _by_package(before), _by_package(after)
    for name in sorted({*old, *new}, key=lambda name: (name.startswith("("), name.lower())):
        one, other = tuple(old.get(name, ())), tuple(new.get(name, ()))
        if [segment.blob for segment in one] != [segment.blob for segment in other]:
            yield PackageChange(layer_name, name, one, other)


def _by_package(layer: ShownLayer | None) -> dict[str, list[PublishedSegment]]:
    """The segments of a layer by the name of the package."""
    segments = () if layer is None else layer.index.segments
    return {package(source)[0]: parts for source, parts in by_source(segments).items()}


def _moved(
    repository: Repository,
    before: Sequence[ShownLayer],
    after: Sequence[ShownLayer],
    manifests: tuple[Reference, Reference],
) -> Moved:
    """What is fetched: all new descriptions, and each new segment of which a file is missing."""
    known: set[Reference] = {manifests[0]}
    for layer in before:
        known |= {layer.layer.index, *layer.index.blobs}
    new = [layer for layer in after if layer.layer.index not in known]
    described = {
        manifests[1],
        *(layer.layer.index for layer in new),
        *(segment.files for layer in new for segment in layer.index.segments),
    } - known
    # Of a machine that has all files of the old version, and nothing else.
    contents = {
        file.sha256
        for layer in (before if new else ())
        for files in _counting_files(repository, layer)
        for file in files
    }
    fetched: dict[Reference, PublishedSegment] = {}
    for layer in new:
        for segment, files in zip(layer.index.segments, _counting_files(repository, layer)):
            if segment.blob not in known and any(file.sha256 not in contents for file in files):
                fetched[segment.blob] = segment
    olds = [segment for layer in before for segment in layer.index.segments]
    sizes = {blob: _delta_size(repository, each, olds) for blob, each in fetched.items()}
    deltas = [size for size in sizes.values() if size]
    whole = [segment for blob, segment in fetched.items() if not sizes[blob]]
    return Moved(
        len(whole),
        sum(segment.blob.size for segment in whole),
        sum(reference.size for reference in described),
        len(deltas),
        sum(deltas),
    )


def _delta_size(
    repository: Repository, new: PublishedSegment, olds: Sequence[PublishedSegment]
) -> int:
    """What comes in place of a segment, in bytes; 0 if the segment does."""
    if new.blob.size < LEAST_SEGMENT_BYTES:
        return 0
    for old in olds:
        if same_subject(old, new):
            key = DeltaKey.of(new.blob.sha256, old.blob.sha256)
            try:
                delta = repository.delta(key)
            except RepositoryError:
                # Clients fetch the segment then.
                continue
            if delta is not None and delta.blob.size < new.blob.size:
                return delta.blob.size + len(delta.to_json().encode("utf-8"))
    return 0


def _counting_files(
    repository: Repository, layer: ShownLayer
) -> tuple[tuple[ArchivedFile, ...], ...]:
    """The files of each segment that lie in the layer in the end; links have no content."""
    listings = list(
        in_parallel(
            repository.listing,
            (segment.files for segment in layer.index.segments),
            repository.store.concurrency,
        )
    )
    return tuple(
        tuple(file for file in files if file.link_target is None)
        for files in without_overwritten(listings)
    )
