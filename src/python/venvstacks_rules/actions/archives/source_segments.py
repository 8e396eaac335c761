"""The segments of a wheel or of an interpreter while they are written.

The first one has the small files, and each large file has one of its own: two versions of a package
that carry the same library share its segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Optional, TypeVar, Union, cast

from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.model.contents.compression import ZIP, Compression
from venvstacks_rules.model.contents.segments import LARGE_FILE, Segment
from venvstacks_rules.model.values import replace

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from venvstacks_rules.actions.archives.tar_writer import SegmentWriter
    from venvstacks_rules.actions.archives.zip_writer import ZipSegmentWriter
    from venvstacks_rules.actions.files.sinks import CompressedStream
    from venvstacks_rules.model.contents.files import ArchivedFile

    _Writer = Union[SegmentWriter, ZipSegmentWriter]

_Sink = TypeVar("_Sink", bound="SourceSegments")


def new_segments(
    path: Path, *, source: str, install_target: str, compression: Compression
) -> SourceSegments:
    """A writer of the segments of `source`; use it as a context manager.

    The first segment is the file `path`, and the others lie beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = ZipSourceSegments if compression.archive_format == ZIP else SourceSegments
    new = partial(
        new_segment, source=source, install_target=install_target, compression=compression
    )
    return kind(path, new)


class SourceSegments:
    """Takes the files of one source; a context manager, then call :meth:`segments`.

    It leaves no files after a failure.
    """

    def __init__(self, path: Path, new: Callable[[Path], _Writer]) -> None:
        self._path = path
        self._new = new
        self._small = new(path)
        self._large: list[_Writer] = []
        self._pool: Optional[ThreadPoolExecutor] = None
        self._ending: Optional[Future[None]] = None

    def __enter__(self: _Sink) -> _Sink:  # noqa: PYI019 - `Self` is newer than Python 3.9
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        complete = False
        try:
            with ExitStack() as stack:
                if self._pool is not None:
                    stack.callback(self._pool.shutdown)
                stack.push(self._small.__exit__)
                if error is not None:
                    raise error
                self._wait()
            complete = True
        finally:
            if not complete:
                self.remove()

    def segments(self) -> tuple[Segment, ...]:
        """The segments, in the order of the archive; call it after the context has ended."""
        segments = (writer.segment() for writer in (self._small, *self._large))
        folder = self._path.parent
        return tuple(replace(each, path=(folder / each.path).as_posix()) for each in segments)

    def remove(self) -> None:
        """Remove the files."""
        for path in (self._path, *map(self._large_path, range(len(self._large)))):
            path.unlink(missing_ok=True)

    def add_file(
        self, path: str, content: Iterable[bytes], size: int, *, executable: bool = False
    ) -> ArchivedFile:
        """Append a file of `size` bytes; raises ValueError if `content` has another length."""
        return self._added(
            size, lambda writer: writer.add_file(path, content, size, executable=executable)
        )

    def add_link(self, path: str, target: str) -> None:
        """Append a symbolic link."""
        self._small.add_link(path, target)

    def _added(self, size: int, add: Callable[[_Writer], ArchivedFile]) -> ArchivedFile:
        if size < LARGE_FILE:
            return add(self._small)
        writer = self._new(self._large_path(len(self._large)))
        self._large.append(writer)
        with ExitStack() as stack:
            stack.enter_context(writer)
            file = add(writer)
            self._end(stack.pop_all().close)
        return file

    def _large_path(self, number: int) -> Path:
        return self._path.parent / f"{self._path.name}-{number}"

    def _end(self, close: Callable[[], None]) -> None:
        """End a segment, which compresses most of it, while the next file is read."""
        self._wait()
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(1)
        self._ending = self._pool.submit(close)

    def _wait(self) -> None:
        if self._ending is not None:
            self._ending.result()


class ZipSourceSegments(SourceSegments):
    """The same for a zip archive, which takes compressed streams as they are."""

    def add_stream(
        self, path: str, stream: CompressedStream, *, executable: bool = False
    ) -> ArchivedFile:
        """Append a file by its compressed stream."""
        return self._added(
            stream.size,
            lambda writer: cast("ZipSegmentWriter", writer).add_stream(
                path, stream, executable=executable
            ),
        )
