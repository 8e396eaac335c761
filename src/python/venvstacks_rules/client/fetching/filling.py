"""Fills the folder of a new generation: with links, and from segments."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching.downloads import Downloads
from venvstacks_rules.client.fetching.plan import (
    Plan,
    WantedLayer,
    WantedSegment,
    named,
    parents,
)
from venvstacks_rules.client.installation.layout import NoRoomError
from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.wording import counted
from venvstacks_rules.repository.reading.segments import segment_members
from venvstacks_rules.repository.stores.store import REMEDY

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many have come."""


class _GivenUpError(Exception):
    """Another segment could not be fetched."""


class _OtherContentError(DamagedError):
    """A file is not what its list says."""


class Filling:
    """The folder that holds the layers of one new generation; it is empty at first."""

    def __init__(self, folder: str, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk

    def fill(self, plan: Plan, downloads: Downloads, progress: Progress, workers: int) -> None:
        """Create all that is planned.

        Symbolic links come last, so that nothing is written through one.
        """
        for layer in plan.layers:
            self._make_folders(layer)
        self._place(plan)
        self._fetch(plan, downloads, progress, workers)
        for layer in plan.layers:
            for file in layer.all_files.values():
                if file.link_target is not None:
                    self._disk.make_link(file.link_target, self._path(layer, file))

    def _make_folders(self, layer: WantedLayer) -> None:
        top = f"{self._folder}/{layer.index.install_target}"
        self._disk.make_folder(top)
        folders = {parent for path in layer.all_files for parent in parents(path)}
        # Outer ones first.
        for folder in sorted(folders):
            self._disk.make_folder(f"{top}/{folder}")

    def _path(self, layer: WantedLayer, file: ArchivedFile) -> str:
        return f"{self._folder}/{layer.index.install_target}/{file.path}"

    def _place(self, plan: Plan) -> None:
        for layer, file, source in plan.linked:
            self._disk.place(source, self._path(layer, file), executable=file.executable)

    def _fetch(self, plan: Plan, downloads: Downloads, progress: Progress, workers: int) -> None:
        total, came = plan.fetched_size, 0
        guard = threading.Lock()
        given_up = threading.Event()

        def advance(size: int) -> None:
            nonlocal came
            if given_up.is_set():
                raise _GivenUpError
            with guard:
                came += size
                progress(came, total)

        # The large ones first: the others fill the gaps.
        order = sorted(plan.fetched, key=lambda wanted: -wanted.segment.blob.size)
        with ThreadPoolExecutor(max(1, workers)) as pool:
            futures = [pool.submit(self._unpack, wanted, downloads, advance) for wanted in order]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                given_up.set()
                for future in futures:
                    future.cancel()
                raise

    def _unpack(
        self, wanted: WantedSegment, downloads: Downloads, advance: Callable[[int], None]
    ) -> None:
        index, segment = wanted.layer.index, wanted.segment
        missing = {file.path: file for file in wanted.missing}
        other = None
        with downloads.blob(segment.blob, advance) as stream:
            try:
                found = segment_members(stream, segment, index.archive_format, index.install_target)
                for member in found:
                    file = missing.pop(member.path, None)
                    if file is not None:
                        content = _checked(member.content, file)
                        path = self._path(wanted.layer, file)
                        try:
                            self._disk.write(path, content, executable=file.executable)
                        except _OtherContentError as e:
                            # In a whole archive, a later file may have the path as well.
                            self._disk.unlink(path)
                            missing[member.path], other = file, e
            except (DamagedError, EOFError) as e:
                raise _damaged(wanted, str(e)) from None
        if missing and other is not None:
            raise _damaged(wanted, str(other))
        if missing:
            first = min(missing)
            raise _damaged(
                wanted, f"it lacks {counted(len(missing), 'file')} of its list, such as {first!a}"
            )


def _checked(content: Iterator[bytes], file: ArchivedFile) -> Iterator[bytes]:
    """The content of a file; DamagedError if it is not what the list says."""
    import hashlib

    hasher, size = hashlib.sha256(), 0
    for piece in content:
        size += len(piece)
        if size > file.size:
            break
        hasher.update(piece)
        yield piece
    if size != file.size or hasher.hexdigest() != file.sha256:
        raise _OtherContentError(f"{file.path!a} is not what its list says")


def _damaged(wanted: WantedSegment, problem: str) -> RepositoryError:
    return RepositoryError(
        f"The segment {named(wanted)} cannot be used.",
        [problem, REMEDY],
    )


def refuse_full_disk(folder: str, size: int) -> None:
    """NoRoomError if the disk has no room for so many bytes."""
    if os.name == "nt":
        import shutil

        free = shutil.disk_usage(folder).free
    else:
        status = os.statvfs(folder)
        free = status.f_bavail * status.f_frsize
    if free < size:
        raise NoRoomError(
            "The disk has no room for the new version.",
            [
                f"it needs {size} bytes in `{folder}`, and {free} are free; nothing was changed",
                "`venvstacks-deploy gc --keep 1` removes old versions",
            ],
        )
