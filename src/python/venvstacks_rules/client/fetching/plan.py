"""What a generation needs: which files are linked, and which segments are fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

from venvstacks_rules.client.disk.threads import WORKERS, mapped
from venvstacks_rules.client.fetching.known import Known
from venvstacks_rules.client.installation.documents import Documents, Files
from venvstacks_rules.client.installation.layout import WrongOptionError
from venvstacks_rules.client.installation.names import known_names
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.paths import (
    folded,
    install_target_problem,
    link_problem,
    windows_problem,
)
from venvstacks_rules.model.repository.carried import CarriedWheel
from venvstacks_rules.model.repository.deltas import Delta
from venvstacks_rules.model.repository.indexes import (
    MOST_INDEX_BYTES,
    LayerIndex,
    PublishedSegment,
    without_overwritten,
)
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import checked_blob


@dataclass(frozen=True)
class WantedLayer:
    """A layer of the new generation."""

    layer: StackLayer
    index: LayerIndex
    files: tuple[tuple[ArchivedFile, ...], ...]
    """Of each segment, those that count."""

    @cached_property
    def all_files(self) -> Files:
        """By path."""
        return {file.path: file for files in self.files for file in files}

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """All folders of the files, the outer ones first."""
        found: set[str] = set()
        for path in self.all_files:
            for folder in parents(path):
                if folder in found:
                    # With those above it.
                    break
                found.add(folder)
        return tuple(sorted(found))


@dataclass(frozen=True)
class UsableDelta:
    """A delta that fits, and the places of the files that it starts from."""

    delta: Delta
    bases: Mapping[int, str]
    """Paths of files that were read and hashed, by their number in the delta."""


@dataclass(frozen=True)
class CarriedFiles:
    """A wheel of an installer, and which of its entries are the files that are missing."""

    carried: CarriedWheel
    entries: tuple[tuple[int, ArchivedFile], ...]
    """The numbers of entries, and the files that they are."""
    rest: tuple[ArchivedFile, ...]
    """The files that are not in the wheel."""


@dataclass(frozen=True)
class WantedSegment:
    """A segment, and those of its files that are not here."""

    layer: WantedLayer
    segment: PublishedSegment
    missing: tuple[ArchivedFile, ...]
    delta: UsableDelta | None = None
    """What is fetched in its place."""
    carried: CarriedFiles | None = None
    """The same, from an installer."""

    @property
    def blobs(self) -> tuple[Reference, ...]:
        """What is fetched."""
        if self.carried is not None:
            wheel = (self.carried.carried.wheel,) if self.carried.entries else ()
            return (*wheel, self.carried.carried.rest) if self.carried.rest else wheel
        return (self.segment.blob if self.delta is None else self.delta.delta.blob,)

    @property
    def size(self) -> int:
        """Of all that is fetched, in bytes."""
        return sum(blob.size for blob in self.blobs)


@dataclass(frozen=True)
class Plan:
    """How a generation comes about."""

    layers: tuple[WantedLayer, ...]
    linked: tuple[tuple[WantedLayer, ArchivedFile, str], ...]
    """Files, and where each of them is here."""
    fetched: tuple[WantedSegment, ...]

    @property
    def fetched_size(self) -> int:
        """Of the segments, and of the deltas in their place, in bytes."""
        return sum(wanted.size for wanted in self.fetched)

    @property
    def deltas(self) -> int:
        """How many deltas are fetched."""
        return sum(wanted.delta is not None for wanted in self.fetched)

    @property
    def new_size(self) -> int:
        """Of the files that they are fetched for, in bytes."""
        return sum(file.size for wanted in self.fetched for file in wanted.missing)


def wanted_layers(
    stack: PublishedStack, app: str, repository: Repository, documents: Documents
) -> tuple[WantedLayer, ...]:
    """The layers that an application needs, with their lists of files.

    RepositoryError if there is no such application, or if the lists could lead out of its folder.
    """
    needed = stack.needed_by(app)
    applications = [layer.layer_name for layer in stack.layers if layer.kind == "application"]
    if not needed:
        raise WrongOptionError(
            f"{repository.url}: `{stack.key}` has no layer `{app}`.",
            known_names(applications, app, "applications") or ["it has no application"],
        )
    if needed[-1].layer_name != app or needed[-1].kind != "application":
        raise WrongOptionError(
            f"{repository.url}: `{app}` is no application.",
            [f"it is a {needed[-1].kind}", *known_names(applications, app, "applications")],
        )
    return tuple(_wanted(stack, layer, repository, documents) for layer in needed)


def _wanted(
    stack: PublishedStack, layer: StackLayer, repository: Repository, documents: Documents
) -> WantedLayer:
    key = next(key for key in stack.layer_keys if key.sha256 == layer.index.sha256)
    index = documents.index(
        layer.index,
        lambda: checked_blob(repository.store, str(key), layer.index, limit=MOST_INDEX_BYTES),
    )
    found = (index.layer_name, index.install_target, index.platform)
    if found != (layer.layer_name, layer.install_target, stack.platform):
        raise RepositoryError(
            f"{repository.url}: `{key}` cannot be used.",
            [f"it is the index of `{found[0]}` in `{found[1]}` for {found[2]}"],
        )
    listings = []
    for segment in index.segments:
        reference = segment.files
        listings.append(
            documents.listing(
                reference,
                lambda reference=reference: repository.document(reference),  # type: ignore[misc]
            )
        )
    wanted = WantedLayer(layer, index, without_overwritten(listings))
    problems = list(_problems(wanted))
    if problems:
        raise RepositoryError(
            f"{repository.url}: the files of `{index.install_target}` cannot be used.",
            first_problems(problems),
        )
    return wanted


def _problems(wanted: WantedLayer) -> Iterable[str]:
    """What of the lists of files could not be created, or could lead anywhere."""
    problem = install_target_problem(wanted.index.install_target)
    if problem is not None:
        yield problem
    windows = wanted.index.platform.startswith("win")
    # Only Linux tells names apart that differ in case.
    form = str if wanted.index.platform.startswith("linux") else folded
    files = wanted.all_files
    known: dict[str, str] = {}
    for path, file in files.items():
        if windows and windows_problem(path):
            yield f"{path!a}: {windows_problem(path)}"
        if file.link_target is not None:
            problem = link_problem(path, file.link_target, ups_first=True)
            if problem is not None:
                yield f"{path!a}: {problem}: {file.link_target!a}"
        other = known.setdefault(form(path), path)
        if other != path:
            yield f"{path!a} and {other!a} are one file on many systems"
    for folder in wanted.folders:
        other = known.get(form(folder), "")
        if other:
            yield f"{other!a} is a folder as well"


def parents(path: str) -> Iterable[str]:
    """The folders above a path, the inner ones first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def planned(layers: Sequence[WantedLayer], known: Known) -> Plan:
    """Compare what is wanted with what is here; each file that is found was read and hashed."""
    linked, fetched = [], []
    with ThreadPoolExecutor(WORKERS) as pool:
        for layer in layers:
            target = layer.index.install_target
            for segment, files in zip(layer.index.segments, layer.files):
                real = [file for file in files if file.link_target is None]
                places = mapped(pool, partial(known.find, target), real)
                found = list(zip(real, places))
                missing = tuple(file for file, place in found if place is None)
                linked += [(layer, file, place) for file, place in found if place is not None]
                if missing:
                    fetched.append(WantedSegment(layer, segment, missing))
    return Plan(tuple(layers), tuple(linked), tuple(fetched))


def named(wanted: WantedSegment) -> str:
    """A segment, in messages."""
    key = blob_key(wanted.segment.blob.sha256)
    return f"`{wanted.segment.described}` of `{wanted.layer.index.install_target}` ({key})"
