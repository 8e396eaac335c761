"""Unpacks the rarer methods of zip archives, bzip2 and LZMA, which old tools use.

Limits the size of pieces and the memory, whatever the bytes ask for. `zipfile` limits neither.
"""

from __future__ import annotations

import bz2
import lzma
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Union

from venvstacks_rules.local.files.streams import CHUNK

_MOST_MEMORY = 128 * 1024 * 1024
"""Of an LZMA dictionary, in bytes; the highest preset has half of it."""

# APPNOTE.TXT, 5.8.8: a version of two bytes, the size of the properties, and the properties.
_LZMA_HEADER = 4 + 5

_Decompressor = Union[bz2.BZ2Decompressor, lzma.LZMADecompressor]


def decompressed(method: int, stream: Iterable[bytes]) -> Iterator[bytes]:
    """The content of an entry, from its stream, in pieces.

    Raises the errors of the two modules for a damaged stream: OSError, ValueError, lzma.LZMAError;
    and EOFError if the stream ends too early.
    """
    decompressor = None
    for chunk in stream:
        data = chunk
        if decompressor is None:
            decompressor, data = _OPENED[method](data)
        while data or not decompressor.needs_input:
            piece = decompressor.decompress(data, CHUNK)
            data = b""
            if piece:
                yield piece
            if decompressor.eof:
                return
    # An LZMA stream may lack an end: the number of bytes tells.
    if method == zipfile.ZIP_BZIP2 or decompressor is None:
        raise EOFError("the stream has no end")


def _bzip2(data: bytes) -> tuple[_Decompressor, bytes]:
    return bz2.BZ2Decompressor(), data


def _lzma(data: bytes) -> tuple[_Decompressor, bytes]:
    if len(data) < _LZMA_HEADER or int.from_bytes(data[2:4], "little") != _LZMA_HEADER - 4:
        raise ValueError("no properties of LZMA")
    rest, lc = divmod(data[4], 9)
    pb, lp = divmod(rest, 5)
    dictionary = int.from_bytes(data[5:9], "little")
    if dictionary > _MOST_MEMORY:
        raise ValueError(f"LZMA with {dictionary} bytes of memory; {_MOST_MEMORY} are accepted")
    properties = {"dict_size": max(dictionary, 4096), "lc": lc, "lp": lp, "pb": pb}
    filters = [{"id": lzma.FILTER_LZMA1, **properties}]
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    return decompressor, data[_LZMA_HEADER:]


_OPENED: Mapping[int, Callable[[bytes], tuple[_Decompressor, bytes]]] = {
    zipfile.ZIP_BZIP2: _bzip2,
    zipfile.ZIP_LZMA: _lzma,
}
METHODS = frozenset(_OPENED)
"""The methods of this module."""
