"""Reads the entries of a wheel, and compares them with its directory and its RECORD.

This module unpacks the streams of entries itself: ``zipfile`` does not tell where a stream ends, or
whether it ends at all, and both matter if the stream is copied into another archive.
"""

from __future__ import annotations

import copy
import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

from venvstacks_rules.actions.archives import zip_methods
from venvstacks_rules.actions.files.sinks import CompressedStream
from venvstacks_rules.actions.wheels import checks
from venvstacks_rules.actions.wheels.dist_info_files import RecordEntry
from venvstacks_rules.local.files.streams import Inflated, chunks, exactly
from venvstacks_rules.model.wording import printable


class WheelContent:
    """The bytes of an entry of a wheel.

    Iterating never yields more bytes than the entry declares. After the last one, `problem` says
    what is wrong, if anything, and `is_as_recorded` whether RECORD is right about it.
    """

    def __init__(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, expected: RecordEntry | None
    ) -> None:
        """`expected` is the row of RECORD, with a hash of a known algorithm; None without one."""
        self._archive = archive
        self._info = info
        self._expected = expected
        # Some tools mark an empty file without a stream as deflated; others cannot unpack that.
        self._deflated = info.compress_type == zipfile.ZIP_DEFLATED and info.compress_size > 0
        # Not every program knows the rarer methods: such entries are compressed anew.
        self.has_stream = info.compress_type not in zip_methods.METHODS
        """Whether the entry's stream can be copied into another archive."""
        self.sha256 = ""
        """In hexadecimal, known once all of it is read."""
        self._stream_size = info.compress_size
        self.problem: str | None = None
        self.is_as_recorded = True
        """Whether it has the hash in RECORD, if that has one."""

    def __iter__(self) -> Iterator[bytes]:
        declared = self._info.file_size
        algorithm = "sha256" if self._expected is None else self._expected.algorithm
        hasher = hashlib.new(algorithm)
        sha256 = hasher if algorithm == "sha256" else hashlib.sha256()
        size = crc = 0
        try:
            with self._open() as raw:
                stream = self._unpacked(chunks(raw))
                for chunk in stream:
                    size += len(chunk)
                    if size > declared:
                        self.problem = f"unpacks to more than the {declared} bytes declared"
                        return
                    crc = zlib.crc32(chunk, crc)
                    hasher.update(chunk)
                    if sha256 is not hasher:
                        sha256.update(chunk)
                    yield chunk
        except checks.READ_ERRORS as e:
            self.problem = f"cannot be unpacked: {e}"
            return
        if isinstance(stream, Inflated):
            self._stream_size = stream.stream_size
        self.sha256 = sha256.hexdigest()
        self.problem = self._mismatch(size, crc)
        self.is_as_recorded = self._expected is None or self._expected.is_hash(hasher.digest())

    def check(self) -> None:
        """Read all of the content, to set `problem`."""
        for _ in self:
            pass

    def stream(self) -> CompressedStream:
        """The stream as it is in the wheel, if `has_stream`.

        Call it after reading all of the content without a problem.
        """
        return CompressedStream(
            deflated=self._deflated,
            crc=self._info.CRC,
            compressed_size=self._stream_size,
            size=self._info.file_size,
            sha256=self.sha256,
            chunks=self._raw(),
        )

    def _mismatch(self, size: int, crc: int) -> str | None:
        if size != self._info.file_size:
            return f"unpacks to {size} bytes, expected {self._info.file_size}"
        if crc != self._info.CRC:
            return f"cannot be unpacked: Bad CRC-32 for file `{printable(self._info.filename)}`"
        return None

    def _unpacked(self, raw: Iterable[bytes]) -> Iterable[bytes]:
        if not self.has_stream:
            return zip_methods.decompressed(self._info.compress_type, raw)
        return Inflated(raw) if self._deflated else raw

    def _open(self) -> IO[bytes]:
        """The entry's bytes in the wheel, compressed or not."""
        info = copy.copy(self._info)
        info.compress_type = zipfile.ZIP_STORED
        info.file_size = info.compress_size
        # Without it, `zipfile` does not compare the content.
        del info.CRC
        return self._archive.open(info)

    def _raw(self) -> Iterable[bytes]:
        with self._open() as raw:
            yield from exactly(raw, self._stream_size, self._info.filename)
