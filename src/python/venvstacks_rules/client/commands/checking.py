"""``verify``: what in a generation is not as it was installed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.client.commands.events import Report, silent
from venvstacks_rules.client.disk.operations import Disk, files_below
from venvstacks_rules.client.disk.threads import WORKERS, mapped
from venvstacks_rules.client.fetching.known import is_sound, made_files
from venvstacks_rules.client.fetching.source import Trust
from venvstacks_rules.client.installation.documents import Documents, Files
from venvstacks_rules.client.installation.generations import (
    LAYERS,
    LOCK,
    Generations,
    chosen_app,
)
from venvstacks_rules.client.installation.layout import (
    CURRENT,
    DOCUMENTS,
    RECORD,
    SETTINGS,
    Layout,
    opened_layout,
)
from venvstacks_rules.client.installation.records import Generation, InstalledLayer, Settings
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import DeploymentError, VenvstacksError

CHANGED, MISSING, EXTRA, MOVED = "changed", "missing", "extra", "moved"


@dataclass(frozen=True)
class Damage:
    """A file that is not as it was installed."""

    kind: str
    """``changed``, ``missing``, ``extra``; ``moved`` for a generation in another folder."""
    path: str
    """From the folder of the installation on."""
    layer: str = ""
    """The folder of the layer; empty for what lies in none."""
    file: str = ""
    """The path in the layer."""

    @property
    def is_of_document(self) -> bool:
        """Whether it is a list of files, or what leads to one: nobody could look at the files."""
        return self.path.startswith(f"{DOCUMENTS}/")


@dataclass(frozen=True)
class Verified:
    """What was found in a generation."""

    app: str
    generation: int
    """0 if the application has none any more."""
    damage: tuple[Damage, ...]
    """That of the application's own files is told with the generation that is started."""


def verify(
    folder: Path, app: str | None = None, report: Report = silent, *, every: bool = False
) -> tuple[Verified, ...]:
    """Read all files of an application, or of all of them; `every` looks at old generations, too.

    Changes nothing. What is read is not removed meanwhile. Raises DeploymentError.
    """
    layout = opened_layout(folder)
    apps = layout.app_names() if app is None else (chosen_app(layout, app),)
    found = []
    for name in apps:
        generations = Generations(layout, name)
        seen: set[int] = set()
        # Another process may make or remove some meanwhile.
        while left := set(looked_at(generations, every=every)) - seen:
            number = min(left)
            seen.add(number)
            with generations.kept(number) as there:
                is_gone = not there and number != generations.likely
                if not is_gone:
                    found.append(_verified(generations, number, report))
            if not every and not is_gone:
                break
    return tuple(found)


def looked_at(generations: Generations, *, every: bool) -> tuple[int, ...]:
    """The numbers of the generations that are verified or repaired; 0 stands for none."""
    return (every and generations.numbers) or (generations.likely,)


def _verified(generations: Generations, number: int, report: Report) -> Verified:
    damage = tuple(all_damage(generations, number, Documents(generations.layout, Disk())))
    for one in damage:
        report_damage(report, generations.app, number, one)
    report("verified", app=generations.app, generation=number, problems=len(damage))
    return Verified(generations.app, number, damage)


def report_damage(report: Report, app: str, number: int, damage: Damage) -> None:
    """Tell of a file of a generation."""
    report("damage", app=app, generation=number, kind=damage.kind, path=damage.path)


def all_damage(generations: Generations, number: int, documents: Documents) -> list[Damage]:
    """All that is wrong with a generation; with the application as well, if it is the current one.

    `number` is one of :func:`looked_at`.
    """
    own = damage_of_app(generations) if number == generations.likely else []
    return [*own, *(damage_of(generations, number, documents) if number else [])]


def damage_of_app(generations: Generations) -> list[Damage]:
    """What is wrong with the files that an application has beside its generations, by path."""
    layout, folder = generations.layout, generations.folder
    names = []
    settings: Settings | None = None
    try:
        current = generations.current
        if current not in generations.numbers:
            names.append(str(current))
    except DeploymentError:
        names.append(CURRENT)
    try:
        settings = generations.settings()
    except DeploymentError:
        names.append(SETTINGS)
    names += Trust.read(folder, settings, installed=True).damage
    return [
        Damage(CHANGED if (folder / name).exists() else MISSING, relative(layout, folder / name))
        for name in sorted(names)
    ]


def damage_of(generations: Generations, number: int, documents: Documents) -> list[Damage]:
    """All that is wrong with a generation, by path."""
    layout = generations.layout
    place = generations.place(number)
    record = relative(layout, place / RECORD)
    try:
        generation = generations.read(number)
    except DeploymentError:
        kind = CHANGED if (place / RECORD).exists() else MISSING
        return [Damage(kind, record)]
    except OSError:
        return [Damage(CHANGED, record)]
    found = list(_outside_of_layers(generations, number, generation))
    if documents.find(generation.manifest) is None:
        found.append(_document(layout, generation.manifest.sha256))
    if not generation.is_ready(str(place / LAYERS)):
        found.append(Damage(MOVED, relative(layout, place)))
    with ThreadPoolExecutor(WORKERS) as pool:
        for layer in generation.layers:
            try:
                files = documents.files(documents.index(layer.index))
                made = made_files(layer, documents)
            except VenvstacksError:
                lost = list(_missing_documents(layout, layer, documents))
                # If all are there, this release cannot read them: nobody looked at the files.
                found += lost or [_document(layout, layer.index.sha256)]
                continue
            found += _layer_damage(layout, place / LAYERS / layer.install_target, files, made, pool)
    return sorted(found, key=lambda damage: (damage.path, damage.kind))


def damage_of_files(
    layout: Layout, layers: Path, listed: Iterable[tuple[str, Files]]
) -> Iterator[Damage]:
    """What is wrong with files below `layers`, by the folders of layers and their lists.

    For layers whose lists were not here before. What is extra can then not be told from what
    post-installation made.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        for target, files in listed:
            for damage in _layer_damage(layout, layers / target, files, {}, pool):
                if damage.kind != EXTRA:
                    yield damage


def _layer_damage(
    layout: Layout, folder: Path, files: Files, made: Files, pool: ThreadPoolExecutor
) -> Iterator[Damage]:
    # What post-installation made in the place of a file counts.
    expected = list({**files, **made}.values())
    place = f"{relative(layout, folder)}/"
    if folder.is_symlink():
        # What lies behind it is somebody else's, even if it looks the same.
        for file in expected:
            yield Damage(MISSING, f"{place}{file.path}", folder.name, file.path)
        return
    states = mapped(pool, lambda file: _state(f"{folder}/{file.path}", file), expected)
    for file, state in zip(expected, states):
        if state is not None:
            yield Damage(state, f"{place}{file.path}", folder.name, file.path)
    for path, _ in files_below(str(folder)):
        if path not in files and path not in made:
            yield Damage(EXTRA, f"{place}{path}", folder.name, path)


def _state(path: str, file: ArchivedFile) -> str | None:
    """``missing`` or ``changed``; None if a file is as it should be."""
    try:
        status = os.lstat(path)
        if file.link_target is not None:
            is_link = stat.S_ISLNK(status.st_mode)
            return None if is_link and os.readlink(path) == file.link_target else CHANGED
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except OSError:
        # A folder above it may not be entered, or the disk cannot read it.
        return CHANGED
    return None if is_sound(path, file) else CHANGED


def _outside_of_layers(
    generations: Generations, number: int, generation: Generation
) -> Iterator[Damage]:
    place = generations.place(number)
    targets = {layer.install_target for layer in generation.layers}
    for folder, known in ((place, {RECORD, LOCK, LAYERS}), (place / LAYERS, targets)):
        try:
            there = set(os.listdir(folder))
        except OSError:
            there = set()
        for name in sorted(there - known):
            yield Damage(EXTRA, relative(generations.layout, folder / name))
        for name in sorted(known - there - targets):
            yield Damage(MISSING, relative(generations.layout, folder / name))


def is_listed(layer: InstalledLayer, documents: Documents) -> bool:
    """Whether the lists of a layer are here, so that :func:`damage_of` looks at its files."""
    try:
        documents.files(documents.index(layer.index))
        made_files(layer, documents)
    except VenvstacksError:
        return False
    return True


def _missing_documents(
    layout: Layout, layer: InstalledLayer, documents: Documents
) -> Iterator[Damage]:
    needed = [layer.index, *layer.made]
    if documents.find(layer.index) is not None:
        # An index that this release cannot read names nothing.
        with suppress(VenvstacksError):
            needed += [segment.files for segment in documents.index(layer.index).segments]
    for reference in needed:
        if documents.find(reference) is None:
            yield _document(layout, reference.sha256)


def _document(layout: Layout, sha256: str) -> Damage:
    path = layout.documents / sha256
    return Damage(CHANGED if path.exists() else MISSING, relative(layout, path))


def relative(layout: Layout, path: Path) -> str:
    """A path from the folder of the installation on, with forward slashes."""
    return path.relative_to(layout.folder).as_posix()
