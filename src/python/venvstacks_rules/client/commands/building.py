"""Makes a new generation: beside the others, complete and checked before anybody sees it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.client.commands.events import Report
from venvstacks_rules.client.disk.operations import Disk, files_below, hashed
from venvstacks_rules.client.disk.threads import WORKERS, mapped
from venvstacks_rules.client.fetching.deltas import DeltaNews, Tell, with_deltas
from venvstacks_rules.client.fetching.downloads import IN_MEMORY, Downloads, size_here
from venvstacks_rules.client.fetching.filling import Filling
from venvstacks_rules.client.fetching.known import Known, KnownLayer
from venvstacks_rules.client.fetching.plan import Plan, WantedLayer, planned
from venvstacks_rules.client.installation.documents import Documents, Files
from venvstacks_rules.client.installation.generations import LAYERS, LOCK, Generations
from venvstacks_rules.client.installation.layout import RECORD
from venvstacks_rules.client.installation.records import Generation, InstalledLayer
from venvstacks_rules.client.installation.room import (
    NO_MORE_FILES,
    Room,
    no_room,
    refuse_full_disk,
)
from venvstacks_rules.local.files.streams import FULL
from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.local.layers.postinstall import DiskFullError, post_install
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.layout import POSTINSTALL
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.repository.indexes import listing_bytes
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository

_CACHE = "/__pycache__/"
_FEW = 200
"""Sources that one process compiles."""


@dataclass(frozen=True)
class Builder:
    """Makes generations of one application."""

    generations: Generations
    documents: Documents
    disk: Disk
    report: Report

    def build(
        self,
        stack: PublishedStack,
        manifest: Reference,
        layers: Sequence[WantedLayer],
        known: Known,
        repository: Repository,
        *,
        carried: Callable[[Plan], Plan] | None = None,
    ) -> int:
        """The number of a new generation; nothing is there if it cannot be made.

        `carried` changes the plan to what there is in place of segments; otherwise there may be
        deltas.
        """
        layout = self.generations.layout
        tell = delta_teller(self.report)
        plan = planned(layers, known)
        if carried is None:
            plan = with_deltas(plan, known, repository, layout.downloads, tell)
        else:
            plan = carried(plan)
        number = self.generations.next
        self._report_plan(stack, plan)
        self.disk.make_folders(str(layout.staging))
        needed = plan.new_size + _download_size(plan, layout.downloads) + _byte_code_size(plan)
        refuse_full_disk(layout, needed, _new_files(plan))
        staged = layout.staging / secrets.token_hex(8)
        place = self.generations.layers(number)
        try:
            self.disk.make_folder(str(staged))
            folder = staged / LAYERS
            self.disk.make_folder(str(folder))
            downloads = Downloads(layout.downloads, repository, self.disk)
            Filling(str(folder), self.disk, tell).fill(
                plan, downloads, self._progress, repository.store.concurrency
            )
            installed = self._post_installed(layers, folder, place, known)
            generation = Generation(
                self.generations.app,
                stack.name,
                stack.version,
                stack.platform,
                manifest,
                installed,
                "" if all(map(runs_anywhere, layers)) else str(place),
            )
            self.disk.write(f"{staged}/{LOCK}", [])
            self.disk.write(f"{staged}/{RECORD}", [generation.to_json().encode("utf-8")])
            self.disk.keep_folder(str(self.generations.folder))
            # Documents as well: a generation that is there has them.
            self.disk.sync_tree(str(staged), self.documents.added)
            self.disk.rename(str(staged), str(self.generations.place(number)))
            self.disk.sync_folder(str(self.generations.folder))
        except BaseException as e:
            full = self._why_full(e)
            self.disk.try_to_remove(str(staged))
            if full:
                raise no_room(layout, f"{full}; nothing was changed") from None
            raise
        return number

    def _why_full(self, error: BaseException) -> str:
        """What the disk has no room for, if that is why something failed."""
        if not isinstance(error, (DeploymentError, OSError)):
            return ""
        room = Room.of(str(self.generations.layout.staging))
        if isinstance(error, OSError):
            if error.errno not in FULL:
                return ""
            text = f"`{error.filename}`: {error.strerror}" if error.filename else error.strerror
        elif isinstance(error, DiskFullError) or room.is_full:
            # The script of a layer does not always say that this is why it failed.
            text = "it is full now"
        else:
            return ""
        return NO_MORE_FILES if room.lacks_files else f"{text}"

    def _report_plan(self, stack: PublishedStack, plan: Plan) -> None:
        self.report(
            "plan",
            app=self.generations.app,
            version=stack.version,
            files=sum(len(layer.all_files) for layer in plan.layers),
            linked=len(plan.linked),
            fetched_segments=len(plan.fetched),
            fetched_bytes=plan.fetched_size,
            listed_bytes=self.documents.fetched_size,
            deltas=plan.deltas,
        )

    def _progress(self, came: int, total: int) -> None:
        self.report("progress", bytes=came, total=total)

    def _post_installed(
        self, layers: Sequence[WantedLayer], folder: Path, place: Path, known: Known
    ) -> tuple[InstalledLayer, ...]:
        runtime = folder / layers[0].index.install_target
        python = runtime / read_layer_config(runtime).base_python
        return tuple(
            post_installed(
                layer,
                folder,
                place,
                python,
                known=known,
                documents=self.documents,
                disk=self.disk,
            )
            for layer in layers
        )


def delta_teller(report: Report) -> Tell:
    """What tells what became of deltas."""

    def tell(news: DeltaNews) -> None:
        report(
            "delta",
            segment=news.segment,
            used=not news.problem,
            bytes=news.size,
            full_bytes=news.full_size,
            problem=news.problem or None,
        )

    return tell


def post_installed(
    wanted: WantedLayer,
    folder: Path,
    place: Path,
    python: Path,
    *,
    known: Known,
    documents: Documents,
    disk: Disk,
) -> InstalledLayer:
    """Make a layer in `folder` ready for the folder `place`, with the interpreter `python`.

    Byte code of sources that did not change is linked. The rest is compiled as the layer's own
    script does it.
    """
    layer = folder / wanted.index.install_target
    files = wanted.all_files
    made: Sequence[ArchivedFile] = ()
    if str(POSTINSTALL) in files and not is_sealed(wanted):
        linked = _linked_byte_code(wanted, layer, known, disk)
        disk.step("post-install", str(layer))
        post_install(layer, python, "--no-compile", f"--deployed-in={place}")
        there = set(map(source_of, linked))
        missing = [path for path in compiled_sources(wanted) if path not in there]
        compile_sources(layer, python, missing, disk)
        made = made_in(layer, files, linked)
    return InstalledLayer(
        wanted.layer.layer_name,
        wanted.index.install_target,
        wanted.layer.index,
        tuple(documents.add(part) for part in made_lists(wanted, made)),
    )


def runs_anywhere(wanted: WantedLayer) -> bool:
    """Whether a layer has nothing that tells its place."""
    windows = wanted.index.platform.startswith("win")
    return is_sealed(wanted) or (wanted.index.kind == "runtime" and not windows)


def compile_sources(layer: Path, python: Path, sources: Sequence[str], disk: Disk) -> None:
    """Have the byte code of these files."""
    if not sources:
        return
    disk.step("compile", str(layer))
    if len(sources) > _FEW:
        # On all processors; what is there already is looked at again.
        post_install(layer, python, "--no-config")
    else:
        post_install(layer, python, "--compile-listed", paths=sources)


def made_in(layer: Path, files: Files, linked: Files | None = None) -> Sequence[ArchivedFile]:
    """What is in a layer and is not among `files`: post-installation made it.

    What was just `linked` is not read again.
    """
    made = [] if linked is None else list(linked.values())
    for path, entry in files_below(str(layer)):
        if path not in files and (linked is None or path not in linked):
            mode = entry.stat(follow_symlinks=False).st_mode
            found = hashed(f"{layer}/{path}")
            if found is None:
                raise DeploymentError(
                    f"`{layer.name}` cannot be installed.",
                    [f"post-installation made `{path}`, which is no file"],
                )
            made.append(ArchivedFile(path, found[1], found[0], bool(mode & 0o100)))
    return sorted(made, key=lambda file: file.path)


def source_of(path: str) -> str:
    """The source of the byte code at `path`; empty if it is none."""
    folder, cache, name = path.rpartition(_CACHE)
    return f"{folder}/{name.rsplit('.', 2)[0]}.py" if cache and name.endswith(".pyc") else ""


def is_sealed(wanted: WantedLayer) -> bool:
    """Whether a layer runs as it was unpacked, wherever it is."""
    sealed = wanted.index.metadata.get("sealed") is True
    return sealed and not wanted.index.platform.startswith("win")


def compiled_sources(wanted: WantedLayer) -> list[str]:
    """The sources that post-installation compiles; none if the layer says who else does, if any."""
    if wanted.index.metadata.get("byte_code") is not None:
        return []
    files = wanted.all_files
    return [path for path in files if path.endswith(".py") and path[:4].lower() == "lib/"]


def _download_size(plan: Plan, folder: Path) -> int:
    """How much has to come that does not stay in memory."""
    # What comes in place of a segment is smaller, or fails, and then the segment comes.
    blobs = {
        blob
        for wanted in plan.fetched
        for blob in ((wanted.segment.blob,) if wanted.carried is None else wanted.blobs)
    }
    return sum(blob.size - size_here(folder, blob) for blob in blobs if blob.size > IN_MEMORY)


def _new_files(plan: Plan) -> int:
    """How many files and folders there will be at least that are not linked."""
    links = sum(
        f.link_target is not None for layer in plan.layers for f in layer.all_files.values()
    )
    folders = sum(len(layer.folders) for layer in plan.layers)
    return links + folders + sum(len(wanted.missing) for wanted in plan.fetched)


def _byte_code_size(plan: Plan) -> int:
    """About how large the byte code is that will be made: as its sources."""
    compiled = {id(layer): frozenset(compiled_sources(layer)) for layer in plan.layers}
    return sum(
        file.size
        for wanted in plan.fetched
        for file in wanted.missing
        if file.path in compiled[id(wanted.layer)]
    )


def _linked_byte_code(wanted: WantedLayer, layer: Path, known: Known, disk: Disk) -> Files:
    """Link the byte code of sources that are as they were, which was read and hashed."""
    files = wanted.all_files
    linked: Files = {}
    done: set[str] = set()
    with ThreadPoolExecutor(WORKERS) as pool:
        for other in known.layers(wanted.index.install_target):
            if not _same_interpreter(wanted, other):
                continue
            found = [
                (file, source)
                for path, file in other.made.items()
                for source in [source_of(path)]
                if source in files and source not in done
                if files[source] == other.files.get(source)
            ]
            sound = mapped(pool, lambda each, other=other: other.is_sound(each[0]), found)  # type: ignore[misc]
            for (file, source), is_there in zip(found, sound):
                if is_there and source not in done:
                    place = f"{layer}/{file.path}"
                    disk.make_folders(os.path.dirname(place))
                    disk.place(f"{other.folder}/{file.path}", place, executable=file.executable)
                    linked[file.path] = file
                    done.add(source)
    return linked


def _same_interpreter(wanted: WantedLayer, other: KnownLayer) -> bool:
    """Whether both layers are for the same version of Python, with which byte code changes."""
    python = wanted.index.metadata.get("python_implementation")
    return python is not None and python == other.python


def made_lists(wanted: WantedLayer, made: Sequence[ArchivedFile]) -> Sequence[bytes]:
    """What was made, listed by the segments of the sources; what has no source comes last.

    So the lists of segments that stay are there already with the next version.
    """
    owners = {file.path: number for number, files in enumerate(wanted.files) for file in files}
    parts: list[list[ArchivedFile]] = [[] for _ in range(len(wanted.files) + 1)]
    for file in made:
        parts[owners.get(source_of(file.path), -1)].append(file)
    return [listing_bytes(part) for part in parts if part]
