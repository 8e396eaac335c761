"""``rollback``, ``gc`` and ``uninstall``."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.client.commands.events import Report, silent
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.client.installation.generations import Generations, chosen_app, move_away
from venvstacks_rules.client.installation.layout import (
    CLIENT,
    MARKER,
    Layout,
    MisusedError,
    abandoned,
    changing,
    opened_layout,
)
from venvstacks_rules.client.installation.records import Generation, as_event
from venvstacks_rules.model.errors import DeploymentError, VenvstacksError


@dataclass(frozen=True)
class Freed:
    """What was removed."""

    generations: tuple[tuple[str, int], ...]
    """Applications and numbers."""
    size: int
    """In bytes."""


def rollback(
    folder: Path,
    app: str | None = None,
    report: Report = silent,
    disk: Disk | None = None,
    *,
    number: int | None = None,
) -> int:
    """Start another generation from now on: what was started before, or `number`.

    Returns its number. Called again, it goes further back. After the installation was moved, the
    generation is made ready for its place first.

    Raises DeploymentError if it is not there, or cannot be made ready.
    """
    disk = disk or Disk()
    layout = opened_layout(folder)
    generations = Generations(layout, chosen_app(layout, app))
    with changing(layout, disk, lambda: report("waiting", folder=str(layout.folder))):
        current = generations.current
        if number is None:
            before = generations.before
            if not before:
                raise DeploymentError(
                    f"No generation of `{generations.app}` was started before {current}.",
                    ["`venvstacks-deploy list` shows those that are there; name one with `--to`"],
                )
            number = before[0]
        elif number not in generations.numbers:
            there = ", ".join(map(str, generations.numbers))
            raise MisusedError(
                f"`{generations.app}` has no generation {number}.", [f"it has {there}"]
            )
        generation = generations.read(number)
        if not generation.is_ready(str(generations.layers(number))):
            from venvstacks_rules.client.commands.repairing import make_ready

            make_ready(generations, number, disk, report)
        generations.switch(number, disk, back=True)
    report("rolled-back", **as_event(generation, number), before=current)
    return number


def gc(folder: Path, report: Report = silent, disk: Disk | None = None, *, keep: int) -> Freed:
    """Remove all but `keep` generations of each application, and what nothing needs.

    The one that is started stays, then those that were started before it. Those that are in use
    stay in any case. Raises DeploymentError.
    """
    disk = disk or Disk()
    layout = opened_layout(folder)
    with changing(layout, disk, lambda: report("waiting", folder=str(layout.folder))):
        return remove_old(layout, keep, disk, report)


def remove_old(
    layout: Layout, keep: int, disk: Disk, report: Report, app: str | None = None
) -> Freed:
    """The same, for whoever changes the installation already; of one application, or of all."""
    check_keep(keep)
    removed = []
    freed = 0
    for name in layout.app_names() if app is None else (app,):
        generations = Generations(layout, name)
        current, numbers = generations.current, generations.numbers
        # Those after the current one were left by a rollback: the next update may need them.
        kept = {*generations.ranked[:keep], *[n for n in numbers if n > current][-keep:]}
        for number in numbers:
            if number in kept:
                continue
            size = _only_there(str(generations.place(number)))
            if generations.remove(number, disk):
                removed.append((name, number))
                freed += size
                report("removed", app=name, generation=number, bytes=size)
            else:
                report("in-use", app=name, generation=number)
    freed += Documents(layout, disk).remove_others(_needed_documents(layout, disk))
    if layout.downloads.is_dir():
        for path in layout.downloads.iterdir():
            freed += path.stat().st_size
            disk.unlink(str(path))
    return Freed(tuple(removed), freed)


def check_keep(keep: int) -> None:
    """DeploymentError unless something stays: the generation that is started always does."""
    if keep < 1:
        raise MisusedError(
            "Nothing was changed.", [f"`--keep {keep}`: one generation stays at least"]
        )


def uninstall(
    folder: Path,
    app: str | None = None,
    report: Report = silent,
    disk: Disk | None = None,
) -> None:
    """Remove an application; with the last one, the installation.

    Raises DeploymentError if it runs.
    """
    disk = disk or Disk()
    layout = opened_layout(folder)
    name = chosen_app(layout, app)
    with changing(layout, disk, lambda: report("waiting", folder=str(layout.folder))):
        generations = Generations(layout, name)
        disk.make_folders(str(layout.staging))
        away = layout.staging / f"{name}-{secrets.token_hex(4)}"
        with ExitStack() as held:
            used = [n for n in generations.numbers if not generations.taken(n, held)]
            if used:
                raise DeploymentError(
                    f"`{name}` was not removed.",
                    [f"it runs, from generation {used[0]}; end it first"],
                )
            move_away(generations.folder, away, held, disk)
        disk.sync_folder(str(layout.apps))
        disk.remove(str(away))
        if layout.app_names():
            Documents(layout, disk).remove_others(_needed_documents(layout, disk))
        else:
            for path in (layout.apps, layout.documents, layout.downloads, layout.staging):
                disk.remove(str(path))
            # On Windows, a client that removes itself leaves what it runs from.
            with suppress(PermissionError):
                disk.remove(str(layout.folder / CLIENT))
            for entry in abandoned(layout.folder, 0):
                # It may be of somebody else: then the folder stays, with nothing else in it.
                disk.try_to_remove(str(entry))
            disk.unlink(str(layout.folder / MARKER))
            disk.unlink(str(layout.lock))
            disk.remove_empty(str(layout.folder))
    report("uninstalled", app=name)


def _needed_documents(layout: Layout, disk: Disk) -> set[str]:
    """The hashes of the documents that some generation names."""
    documents = Documents(layout, disk)
    needed: set[str] = set()
    for name in layout.app_names():
        for _, generation in Generations(layout, name).usable():
            needed.update(_documents_of(generation, documents))
    return needed


def _documents_of(generation: Generation, documents: Documents) -> Iterable[str]:
    yield generation.manifest.sha256
    for layer in generation.layers:
        yield layer.index.sha256
        yield from (made.sha256 for made in layer.made)
        with suppress(VenvstacksError):
            for segment in documents.index(layer.index).segments:
                yield segment.files.sha256


def _only_there(folder: str) -> int:
    """The bytes of the files that have no name outside of a folder."""
    names: dict[tuple[int, int], int] = {}
    size = 0
    for here, _, found in os.walk(folder):
        for name in found:
            with suppress(OSError):
                status = os.lstat(f"{here}/{name}")
                inode = status.st_dev, status.st_ino
                names[inode] = names.get(inode, 0) + 1
                size += status.st_size if names[inode] == status.st_nlink else 0
    return size
