"""``install-bundle``: from an installer, without any network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from venvstacks_rules.client.commands.building import Builder
from venvstacks_rules.client.commands.checking import damage_of
from venvstacks_rules.client.commands.events import Report, silent
from venvstacks_rules.client.commands.tidying import check_keep
from venvstacks_rules.client.commands.updating import (
    KEPT,
    Change,
    believed,
    everywhere,
    known_settings,
    switched,
)
from venvstacks_rules.client.disk.operations import Disk, resolved
from venvstacks_rules.client.fetching.bundles import BundleStore
from venvstacks_rules.client.fetching.known import KnownLayer, is_sound, known_layers
from venvstacks_rules.client.fetching.plan import WantedLayer, wanted_layers
from venvstacks_rules.client.fetching.source import ROOT
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.layout import SETTINGS, Layout, changing, made_layout
from venvstacks_rules.client.installation.records import Settings
from venvstacks_rules.local.files.streams import chunks, sha256_of_chunks
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import DeploymentError, RepositoryError
from venvstacks_rules.model.repository.bundles import ROOT_FILE, Bundle
from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES, PublishedStack
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import checked_blob
from venvstacks_rules.repository.trust.verification import TrustedRoot

FOLLOWS_NOTHING = "stable"
"""The channel in the settings of an application without a repository."""


@dataclass(frozen=True)
class BundleRequest:
    """An installer, and how it was started."""

    file: Path
    start: int = 0
    """Where its payload begins, in bytes."""
    sha256: str | None = None
    """Of all from there on, if nobody has compared it."""
    unpacked: Path | None = None
    """The folder with the layers that its script has unpacked."""
    keep: int = KEPT


def install_bundle(
    folder: Path, request: BundleRequest, report: Report = silent, disk: Disk | None = None
) -> tuple[Change, ...]:
    """Install the applications that an installer brings.

    An application that is there already, and sound, stays as it is; of a damaged one there is a new
    generation. Raises DeploymentError, RepositoryError and OSError. What was there is then as it
    was before.
    """
    disk = disk or Disk()
    check_keep(request.keep)
    if request.sha256 is not None:
        check_payload(request.file, request.start, request.sha256)
    store = BundleStore(request.file, request.start)
    bundle = store.bundle()
    root = store.root()
    # Before a folder is made for something that nobody can install.
    pinned = None if root is None else TrustedRoot.pinned(root, ROOT_FILE)
    repository = Repository(store)
    content = checked_blob(store, str(bundle.key), bundle.manifest, limit=MOST_MANIFEST_BYTES)
    stack = PublishedStack.from_json(content, str(bundle.key))
    layout = made_layout(folder, disk)
    changes = []
    with changing(layout, disk, lambda: report("waiting", folder=str(layout.folder))):
        if request.unpacked is not None:
            # What is linked has to be on the disk before its names are.
            disk.sync_tree(str(request.unpacked))
        for app in bundle.applications:
            generations = Generations(layout, app)
            documents = Documents(layout, disk)
            documents.add(content)
            number = _there(generations, bundle, documents)
            built = number is None
            if number is None:
                layers = wanted_layers(stack, app, repository, documents)
                known = known_layers(
                    everywhere(layout, generations),
                    documents,
                    _unpacked(layers, bundle, request.unpacked),
                )
                builder = Builder(generations, documents, disk, report)
                wheels = None
                if bundle.wheels:
                    from venvstacks_rules.client.fetching.carried import CarriedWheels

                    wheels = CarriedWheels(store, documents).in_place_of_segments
                number = builder.build(
                    stack, bundle.manifest, layers, known, repository, carried=wheels
                )
            if request.unpacked is not None and not (built and disk.clones):
                layers = wanted_layers(stack, app, repository, documents)
                folders = _unpacked(layers, bundle, request.unpacked)
                _share(folders, generations.layers(number), layout, disk)
            changed = not _is_current(generations, number)
            _follow(generations, bundle, pinned, disk)
            change = Change(app, bundle.version, number, changed)
            switched(change, generations, disk, report, request.keep)
            changes.append(change)
    return tuple(changes)


def check_payload(path: Path, start: int, sha256: str) -> None:
    """RepositoryError if what follows the script of an installer is not what it says."""
    with path.open("rb") as stream:
        stream.seek(start)
        found, _ = sha256_of_chunks(chunks(stream))
    if found != sha256:
        raise RepositoryError(
            f"`{path}` is damaged.",
            [
                f"the hash of its payload is sha256:{found}, not sha256:{sha256}",
                "download the installer again; nothing was installed",
            ],
        )


def _there(generations: Generations, bundle: Bundle, documents: Documents) -> int | None:
    """A sound generation that is what the installer brings."""
    for number, generation in generations.usable():
        if generation.manifest == bundle.manifest and not damage_of(generations, number, documents):
            return number
    return None


def _is_current(generations: Generations, number: int) -> bool:
    try:
        return generations.current == number
    except DeploymentError:
        # There is none, or the file that says it is damaged: it is written again.
        return False


def _unpacked(
    layers: Sequence[WantedLayer], bundle: Bundle, folder: Path | None
) -> list[KnownLayer]:
    """The layers that lie unpacked beside the client. Nothing of them is believed unread."""
    if folder is None:
        return []
    return [
        KnownLayer(f"{folder}/{wanted.index.install_target}", wanted.index, wanted.all_files, {})
        for wanted in layers
        if wanted.layer.index.sha256 in bundle.unpacked
    ]


def _share(unpacked: Sequence[KnownLayer], layers: Path, layout: Layout, disk: Disk) -> None:
    """Have the client that stays be the same files as those of a generation.

    What an installer has unpacked somewhere else is not ours to change. On Windows, what runs
    cannot be replaced, and the client runs from these files.
    """
    if os.name == "nt":
        return
    for known in unpacked:
        if layout.folder not in resolved(Path(known.folder)).parents:
            continue
        for file in known.files.values():
            place = f"{known.folder}/{file.path}"
            source = f"{layers}/{known.index.install_target}/{file.path}"
            try:
                if not _are_two(source, place, file):
                    continue
                if disk.place(source, f"{place}.shared", executable=file.executable):
                    disk.rename(f"{place}.shared", place)
                else:
                    # A copy takes the same room.
                    disk.unlink(f"{place}.shared")
            except OSError:
                # There are two files, as before.
                disk.try_to_remove(f"{place}.shared")


def _are_two(source: str, place: str, file: ArchivedFile) -> bool:
    """Whether both are sound copies of a file, so that one is enough."""
    if file.link_target is not None or os.path.samefile(source, place):
        return False
    return is_sound(source, file) and is_sound(place, file)


def _follow(
    generations: Generations, bundle: Bundle, pinned: TrustedRoot | None, disk: Disk
) -> None:
    """Keep where updates come from.

    An installer that names no repository changes nothing. A root that is believed already stays, if
    the repository does: it may be newer than that of the installer. Only an installer with a root
    makes one anew that is damaged. Of another repository, nothing that was believed of the old one
    counts.
    """
    path = generations.folder / SETTINGS
    before = known_settings(generations)
    following = bundle.following
    if following is None:
        if before is not None:
            return
        settings = Settings("", bundle.stack, FOLLOWS_NOTHING, bundle.platform)
    else:
        settings = Settings(
            following.repository,
            bundle.stack,
            following.channel,
            bundle.platform,
            following.allow_unsigned,
        )
    trust = believed(generations, before, settings)
    moved = before is not None and before.repository not in ("", settings.repository)
    kept = trust.of_channel(settings, before)
    if moved or kept.root is None:
        kept = replace(kept, root=pinned)
    if pinned is not None:
        kept = kept.without_damage_of(ROOT)
    kept.refuse_damaged(generations.folder)
    kept.write(generations.folder, trust, disk)
    if settings != before:
        disk.replace(str(path), settings.to_json().encode("utf-8"))
