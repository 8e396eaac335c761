"""Fills the folder of a new generation: with links, and from segments."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching.deltas import DeltaNews, PatchedFiles, Tell
from venvstacks_rules.client.fetching.downloads import Downloads
from venvstacks_rules.client.fetching.plan import (
    CarriedFiles,
    Plan,
    UsableDelta,
    WantedLayer,
    WantedSegment,
    named,
)
from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError, VenvstacksError, in_one_line
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import counted
from venvstacks_rules.repository.reading.segments import segment_members

_UNPACKERS = 2
"""Threads that unpack at a time. More of them wait for each other ten times per file: the
interpreter runs one at a time, and files are small."""

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many have come."""


def _tell_nobody(_: DeltaNews) -> None:
    """Nobody asked."""


class _GivenUpError(Exception):
    """Another segment could not be fetched."""


class _OtherContentError(DamagedError):
    """A file is not what its list says."""


class Filling:
    """The folder that holds the layers of one new generation; it is empty at first."""

    def __init__(self, folder: str, disk: Disk, tell: Tell = _tell_nobody) -> None:
        """`tell` is called with what becomes of each delta."""
        self._folder = folder
        self._disk = disk
        self._tell = tell
        self._patching = threading.Lock()
        """One delta at a time: a part of one, with what it is made of, needs up to 260 MB."""
        self._unpacking = threading.Semaphore(_UNPACKERS)

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
        for folder in layer.folders:
            self._disk.make_folder(f"{top}/{folder}")

    def _path(self, layer: WantedLayer, file: ArchivedFile) -> str:
        return f"{self._folder}/{layer.index.install_target}/{file.path}"

    def _place(self, plan: Plan) -> None:
        for layer, file, source in plan.linked:
            self._disk.place(source, self._path(layer, file), executable=file.executable)

    def _fetch(self, plan: Plan, downloads: Downloads, progress: Progress, workers: int) -> None:
        fetch = _Fetch(plan.fetched_size, progress)
        # The large ones first: the others fill the gaps.
        order = sorted(plan.fetched, key=lambda wanted: -wanted.size)
        with ThreadPoolExecutor(max(1, workers)) as pool:
            futures = [pool.submit(self._fill_from, wanted, downloads, fetch) for wanted in order]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                fetch.give_up()
                for future in futures:
                    future.cancel()
                raise

    def _fill_from(self, wanted: WantedSegment, downloads: Downloads, fetch: _Fetch) -> None:
        """Fetch a segment, or a delta in its place; that may fail, and then the segment comes."""
        if wanted.carried is not None:
            self._unpack_wheel(wanted, wanted.carried, downloads, fetch.advance)
            return
        usable = wanted.delta
        if usable is None:
            self._unpack(wanted, downloads, fetch.advance)
            return
        came = 0

        def counted_too(size: int) -> None:
            nonlocal came
            came += size
            fetch.advance(size)

        source, size, full_size = wanted.segment.described, wanted.size, wanted.segment.blob.size
        made: set[ArchivedFile] = set()
        try:
            self._patch(wanted, usable, downloads, counted_too, made)
        except (DamagedError, EOFError, VenvstacksError) as e:
            news = DeltaNews(source, size, full_size, in_one_line(e))
            fetch.replan(-came, full_size - size)
            fetch.together(lambda: self._tell(news))
            left = tuple(file for file in wanted.missing if file not in made)
            self._unpack(replace(wanted, missing=left, delta=None), downloads, fetch.advance)
        else:
            fetch.together(lambda: self._tell(DeltaNews(source, size, full_size)))

    def _patch(
        self,
        wanted: WantedSegment,
        usable: UsableDelta,
        downloads: Downloads,
        advance: Callable[[int], None],
        made: set[ArchivedFile],
    ) -> None:
        """Make the files that are missing; those that are there then are added to `made`."""
        with downloads.blob(usable.delta.blob, advance) as frames, self._patching:
            files = PatchedFiles(usable, frames)
            contents = [(Reference(file.sha256, file.size), file) for file in wanted.missing]
            for content, file in sorted(contents, key=lambda each: files.order(each[0])):
                path = self._path(wanted.layer, file)
                pieces = _checked(files.content(content), file)
                try:
                    self._disk.write(path, pieces, executable=file.executable)
                except (DamagedError, EOFError):
                    self._disk.unlink(path)
                    raise
                made.add(file)

    def _unpack_wheel(
        self,
        wanted: WantedSegment,
        parts: CarriedFiles,
        downloads: Downloads,
        advance: Callable[[int], None],
    ) -> None:
        """Make the files of a segment of a wheel, and of what was made for the layer."""
        # Only for installers: nothing else needs a reader of whole zip archives.
        from venvstacks_rules.client.fetching.carried import wheel_files

        carried = parts.carried
        if parts.entries:
            with downloads.blob(carried.wheel, advance) as stream:
                try:
                    for file, content in wheel_files(stream, parts):
                        path = self._path(wanted.layer, file)
                        pieces = _checked(content, file)
                        self._disk.write(path, pieces, executable=file.executable)
                except (DamagedError, EOFError) as e:
                    raise _damaged(wanted, str(e), downloads) from None
        if parts.rest:
            segment = replace(wanted.segment, blob=carried.rest, tar_size=carried.rest_tar_size)
            rest = replace(wanted, segment=segment, missing=parts.rest, carried=None)
            self._unpack(rest, downloads, advance)

    def _unpack(
        self, wanted: WantedSegment, downloads: Downloads, advance: Callable[[int], None]
    ) -> None:
        index, segment = wanted.layer.index, wanted.segment
        missing = {file.path: file for file in wanted.missing}
        other = None
        with downloads.blob(segment.blob, advance) as stream, self._unpacking:
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
                raise _damaged(wanted, str(e), downloads) from None
        if missing and other is not None:
            raise _damaged(wanted, str(other), downloads)
        if missing:
            first = min(missing)
            lacks = f"it lacks {counted(len(missing), 'file')} of its list, such as {first!a}"
            raise _damaged(wanted, lacks, downloads)


class _Fetch:
    """How much has come; several threads count."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._came = 0
        self._guard = threading.Lock()
        self._given_up = threading.Event()

    def advance(self, size: int) -> None:
        """Count bytes that came; _GivenUpError if nobody wants them any more."""
        if self._given_up.is_set():
            raise _GivenUpError
        self.replan(size, 0)

    def replan(self, came: int, more: int) -> None:
        """Count bytes that came, or negative ones that did in vain; and `more` that are to come."""
        with self._guard:
            self._came += came
            self._total += more
            self._progress(self._came, self._total)

    def together(self, call: Callable[[], None]) -> None:
        """Call something while nobody reports progress."""
        with self._guard:
            call()

    def give_up(self) -> None:
        """Have the others end."""
        self._given_up.set()


def _checked(content: Iterator[bytes], file: ArchivedFile) -> Iterator[bytes]:
    """The content of a file; DamagedError if it is not what the list says."""
    hasher, size = hashlib.sha256(), 0
    for piece in content:
        size += len(piece)
        if size > file.size:
            break
        hasher.update(piece)
        yield piece
    if size != file.size or hasher.hexdigest() != file.sha256:
        raise _OtherContentError(f"{file.path!a} is not what its list says")


def _damaged(wanted: WantedSegment, problem: str, downloads: Downloads) -> RepositoryError:
    return RepositoryError(
        f"The segment {named(wanted)} cannot be used.",
        [problem, *downloads.explained(wanted.segment.blob)],
    )
