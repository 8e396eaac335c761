"""``repair``: have everything again as it was installed; only what is damaged is fetched."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from venvstacks_rules.client.commands.building import (
    compile_sources,
    compiled_sources,
    delta_teller,
    is_sealed,
    made_in,
    made_lists,
    source_of,
)
from venvstacks_rules.client.commands.checking import (
    CHANGED,
    EXTRA,
    MISSING,
    MOVED,
    Damage,
    Verified,
    all_damage,
    damage_of,
    damage_of_app,
    damage_of_files,
    is_listed,
    looked_at,
    relative,
    report_damage,
)
from venvstacks_rules.client.commands.events import Report, silent
from venvstacks_rules.client.commands.mending import mend
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching.deltas import with_deltas
from venvstacks_rules.client.fetching.downloads import Downloads
from venvstacks_rules.client.fetching.filling import Filling
from venvstacks_rules.client.fetching.known import known_layers, made_files
from venvstacks_rules.client.fetching.opened import source_of_repairs
from venvstacks_rules.client.fetching.plan import WantedLayer, planned, wanted_layers
from venvstacks_rules.client.fetching.source import Here, Source
from venvstacks_rules.client.installation.documents import Documents, Files
from venvstacks_rules.client.installation.generations import (
    LOCK,
    Generations,
    chosen_app,
)
from venvstacks_rules.client.installation.layout import (
    RECORD,
    DamagedInstallationError,
    Layout,
    changing,
    opened_layout,
)
from venvstacks_rules.client.installation.records import Generation, InstalledLayer
from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.local.layers.postinstall import post_install
from venvstacks_rules.model.contents.layout import POSTINSTALL
from venvstacks_rules.model.errors import DeploymentError, VenvstacksError, first_problems
from venvstacks_rules.model.repository.keys import StackKey
from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES, PublishedStack
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import checked_blob

_USED = os.R_OK | os.W_OK | os.X_OK


def repair(
    folder: Path,
    app: str | None = None,
    report: Report = silent,
    disk: Disk | None = None,
    *,
    every: bool = False,
    remove_extra: bool = False,
    forget_seen: bool = False,
) -> tuple[Verified, ...]:
    """Repair an application, or all of them; `every` repairs old generations, too.

    `forget_seen` lets what was seen of a channel be forgotten, if that cannot be read any more.
    Returns what is still wrong: extra files, unless `remove_extra` lets them be removed, and what
    other commands mend. Raises DeploymentError, RepositoryError, StoreError and OSError.
    """
    disk = disk or Disk()
    layout = opened_layout(folder)
    apps = layout.app_names() if app is None else (chosen_app(layout, app),)
    found = []
    with changing(layout, disk, lambda: report("waiting", folder=str(layout.folder))):
        for name in apps:
            generations = Generations(layout, name)
            for number in looked_at(generations, every=every):
                documents = Documents(layout, disk)
                own = damage_of_app(generations) if number == generations.likely else []
                of_generation = damage_of(generations, number, documents) if number else []
                damage = [*own, *of_generation]
                for one in damage:
                    report_damage(report, name, number, one)
                if own:
                    mend(generations, own, disk, report, forget_seen=forget_seen)
                if of_generation:
                    worker = _Repair(generations, number, documents, disk, report)
                    worker.run(of_generation, remove_extra=remove_extra)
                if damage:
                    damage = all_damage(generations, number, Documents(layout, disk))
                report("repaired", app=name, generation=number, problems=len(damage))
                found.append(Verified(name, number, tuple(damage)))
    return tuple(found)


def make_ready(generations: Generations, number: int, disk: Disk, report: Report) -> None:
    """Have a generation that was installed in another folder run where it is now.

    For whoever changes the installation already. What is damaged of it is repaired as well; extra
    files stay. Raises DeploymentError if that is not enough, and what :func:`repair` raises.
    """
    documents = Documents(generations.layout, disk)
    worker = _Repair(generations, number, documents, disk, report)
    worker.run(damage_of(generations, number, documents), remove_extra=False)
    left = damage_of(generations, number, Documents(generations.layout, disk))
    problems = [f"{one.kind}: {one.path}" for one in left if one.kind != EXTRA]
    if problems:
        raise DeploymentError(
            f"Generation {number} of `{generations.app}` cannot be made ready for "
            f"`{generations.layout.folder}`.",
            first_problems(problems),
        )


@dataclass(frozen=True)
class _Repair:
    """The repair of one generation."""

    generations: Generations
    number: int
    documents: Documents
    disk: Disk
    report: Report

    @property
    def _layout(self) -> Layout:
        return self.generations.layout

    @property
    def _place(self) -> Path:
        return self.generations.place(self.number)

    def run(self, damage: Sequence[Damage], *, remove_extra: bool) -> None:
        """Repair what was found."""
        if self._opened_folders():
            damage = damage_of(self.generations, self.number, self.documents)
        if any(one.path == relative(self._layout, self._place / RECORD) for one in damage):
            remedy = "`venvstacks-deploy gc --keep 1` removes it"
            if self.number == self.generations.likely:
                remedy = (
                    "`venvstacks-deploy update` installs the application anew, and `gc` removes "
                    "this generation then"
                )
            raise DamagedInstallationError(
                f"Generation {self.number} of `{self.generations.app}` cannot be repaired.",
                [f"`{self._place / RECORD}` is damaged; {remedy}"],
            )
        generation = self.generations.read(self.number)
        here = Here(
            self._layout,
            self.documents,
            self.disk,
            lambda text: self.report("note", text=text),
        )
        source = source_of_repairs(self.generations.settings(), self.generations.app, here)
        unlisted = {
            layer.install_target
            for layer in generation.layers
            if not is_listed(layer, self.documents)
        }
        layers = self._layers(generation, source)
        if not (self._place / LOCK).exists():
            self.disk.write(str(self._place / LOCK), [])
        if any(one.is_of_document for one in damage):
            damage = [*damage, *self._unseen(layers, unlisted)]
        damaged = {(one.layer, one.file) for one in damage if one.kind in (CHANGED, MISSING)}
        self._restore(layers, damaged, source)
        if remove_extra:
            for one in damage:
                if one.kind == EXTRA:
                    self.disk.remove(str(self._layout.folder / one.path))
        moved = any(one.kind == MOVED for one in damage)
        installed = tuple(
            self._made(wanted, layer, damaged, layers[0], moved=moved)
            for wanted, layer in zip(layers, generation.layers)
        )
        place = str(self.generations.layers(self.number)) if generation.place else ""
        again = replace(generation, layers=installed, place=place)
        self.disk.sync_tree(str(self._place), self.documents.added)
        if again != generation:
            self.disk.replace(str(self._place / RECORD), again.to_json().encode("utf-8"))

    def _opened_folders(self) -> bool:
        """Whether there were folders that could not be entered."""
        found = self._opened(str(self._place))
        # From above: what is below one is seen once it is open.
        for folder, folders, _ in os.walk(self._place):
            for name in folders:
                found = self._opened(f"{folder}/{name}") or found
        return found

    def _opened(self, folder: str) -> bool:
        """Whether a folder could not be entered; it can now."""
        if os.path.islink(folder) or os.access(folder, _USED):
            return False
        self.disk.open_folder(folder)
        return True

    def _layers(self, generation: Generation, source: Source) -> tuple[WantedLayer, ...]:
        """The layers, with documents that were fetched if they were damaged."""
        key = StackKey(generation.stack, generation.version, generation.platform)
        content = self.documents.read(
            generation.manifest,
            lambda: checked_blob(
                source.repository.store, str(key), generation.manifest, limit=MOST_MANIFEST_BYTES
            ),
        )
        stack = PublishedStack.from_json(content, str(key))
        return wanted_layers(stack, generation.app, source.repository, self.documents)

    def _unseen(self, layers: Sequence[WantedLayer], unlisted: set[str]) -> Iterator[Damage]:
        """What is wrong with files of these folders, whose lists are here only now."""
        listed = [(layer.index.install_target, layer.all_files) for layer in layers]
        place = self.generations.layers(self.number)
        looked = [(target, files) for target, files in listed if target in unlisted]
        for one in damage_of_files(self._layout, place, looked):
            report_damage(self.report, self.generations.app, self.number, one)
            yield one

    def _restore(
        self,
        layers: Sequence[WantedLayer],
        damaged: set[tuple[str, str]],
        source: Source,
    ) -> None:
        """Put files in the place of those that are damaged."""
        wanted = [_only(layer, damaged) for layer in layers]
        wanted = [layer for layer in wanted if any(layer.files)]
        if not wanted:
            return
        everywhere = [Generations(self._layout, name) for name in self._layout.app_names()]
        known = known_layers(everywhere, self.documents)
        repository: Repository = source.repository
        tell = delta_teller(self.report)
        plan = with_deltas(planned(wanted, known), known, repository, self._layout.downloads, tell)
        self.report(
            "plan",
            app=self.generations.app,
            files=sum(len(layer.all_files) for layer in wanted),
            linked=len(plan.linked),
            fetched_segments=len(plan.fetched),
            fetched_bytes=plan.fetched_size,
            listed_bytes=self.documents.fetched_size,
            deltas=plan.deltas,
        )
        self.disk.make_folders(str(self._layout.staging))
        staged = self._layout.staging / secrets.token_hex(8)
        self.disk.make_folder(str(staged))
        downloads = Downloads(self._layout.downloads, repository, self.disk)
        Filling(str(staged), self.disk, tell).fill(
            plan, downloads, self._progress, repository.store.concurrency
        )
        # A crash must not leave names of files that are not on the disk yet.
        self.disk.sync_tree(str(staged))
        for layer in wanted:
            target = layer.index.install_target
            for path in layer.all_files:
                place = f"{self.generations.layers(self.number)}/{target}/{path}"
                self._make_way(place)
                self.disk.rename(f"{staged}/{target}/{path}", place)
        self.disk.remove(str(staged))

    def _make_way(self, place: str) -> None:
        """Have folders above a file, and no folder in its place."""
        top = str(self.generations.layers(self.number))
        above = os.path.dirname(place)
        missing = []
        while above != top:
            missing.append(above)
            above = os.path.dirname(above)
        for folder in reversed(missing):
            if os.path.islink(folder) or (os.path.lexists(folder) and not os.path.isdir(folder)):
                self.disk.unlink(folder)
            if not os.path.isdir(folder):
                self.disk.make_folder(folder)
        if os.path.isdir(place) and not os.path.islink(place):
            self.disk.remove(place)

    def _progress(self, came: int, total: int) -> None:
        self.report("progress", bytes=came, total=total)

    def _made(
        self,
        wanted: WantedLayer,
        layer: InstalledLayer,
        damaged: set[tuple[str, str]],
        runtime: WantedLayer,
        *,
        moved: bool,
    ) -> InstalledLayer:
        """Post-install a layer again where that made what is damaged."""
        target = wanted.index.install_target
        files = wanted.all_files
        made = self._known_made(layer)
        bad = [path for name, path in damaged if name == target and path not in files]
        if made is not None and not bad and not moved:
            return layer
        folder = self.generations.layers(self.number) / target
        for path in bad:
            self.disk.unlink(f"{folder}/{path}")
        if made is None:
            self._remove_made(folder, files)
        if str(POSTINSTALL) in files and not is_sealed(wanted):
            below = self.generations.layers(self.number) / runtime.index.install_target
            python = below / read_layer_config(below).base_python
            self.disk.step("post-install", str(folder))
            post_install(folder, python, "--no-compile")
            there = {source_of(path) for path in made or {}} - {source_of(path) for path in bad}
            compile_sources(
                folder, python, [p for p in compiled_sources(wanted) if p not in there], self.disk
            )
        now = [file for file in made_in(folder, files) if _is_ours(file.path, files, made)]
        return replace(
            layer, made=tuple(self.documents.add(part) for part in made_lists(wanted, now))
        )

    def _known_made(self, layer: InstalledLayer) -> Files | None:
        """What post-installation made; None if nobody knows any more."""
        try:
            return made_files(layer, self.documents)
        except VenvstacksError:
            return None

    def _remove_made(self, folder: Path, files: Files) -> None:
        for file in made_in(folder, files):
            if _is_ours(file.path, files, None):
                self.disk.unlink(f"{folder}/{file.path}")


def _is_ours(path: str, files: Files, made: Files | None) -> bool:
    """Whether post-installation makes a file, rather than somebody else."""
    if made is not None and path in made:
        return True
    return path == "pyvenv.cfg" or source_of(path) in files


def _only(layer: WantedLayer, damaged: Iterable[tuple[str, str]]) -> WantedLayer:
    """A layer with the damaged ones of its files only."""
    paths = {path for name, path in damaged if name == layer.index.install_target}
    files = tuple(tuple(file for file in part if file.path in paths) for part in layer.files)
    return replace(layer, files=files)
