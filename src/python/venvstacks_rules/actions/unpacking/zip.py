"""Unpacks a layer archive that is a zip archive."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from venvstacks_rules.actions.archives.zip_reader import ListedEntry, read_entries
from venvstacks_rules.actions.unpacking.guard import FILE, FOLDER, LINK, Extraction, target_problem
from venvstacks_rules.local.files.streams import DamagedError, Inflated, exactly
from venvstacks_rules.model.wording import printable

_MOST_TARGET_BYTES = 4096
_KINDS = {0: FILE, stat.S_IFREG: FILE, stat.S_IFLNK: LINK}


def unpack_zip(raw: BinaryIO, limit: int, extraction: Extraction) -> None:
    """Unpack all entries; files have up to `limit` bytes in all, and links a bound of their own.

    Raises DamagedError for a damaged archive; adds the problems of entries to `extraction`.
    """
    entries = read_entries(raw)
    if sum(listed.entry.size for listed in entries if _kind(listed) is not LINK) > limit:
        raise DamagedError(f"it unpacks to more than the {limit} bytes that are accepted")
    for listed in entries:
        name = listed.entry.path.removesuffix("/")
        problem = extraction.place_problem(name) or _add(raw, listed, extraction)
        if not extraction.note(name, problem):
            return


def _add(raw: BinaryIO, listed: ListedEntry, extraction: Extraction) -> str | None:
    entry = listed.entry
    name = entry.path.removesuffix("/")
    kind = _kind(listed)
    if kind is None:
        return "neither a file, a folder nor a link"
    if name in extraction.kinds and kind == extraction.kinds[name] != FOLDER:
        return f"{kind} that occurs twice"
    problem = extraction.make_way(name, kind)
    target = ""
    if problem is None and kind is LINK:
        if entry.size > _MOST_TARGET_BYTES:
            return f"a symbolic link whose target has {entry.size} bytes"
        target = os.fsdecode(b"".join(_content(raw, listed)))
        problem = target_problem(name, target)
    if problem is not None:
        return problem
    is_new = name not in extraction.kinds
    extraction.kinds[name] = kind
    if extraction.is_sound and is_new:
        if kind is FOLDER:
            extraction.make_folder(name)
        elif kind is LINK:
            extraction.make_link(name, target)
        else:
            executable = bool(listed.mode & 0o111)
            extraction.make_file(name, _content(raw, listed), executable=executable)
    return None


def _kind(listed: ListedEntry) -> str | None:
    kind = stat.S_IFMT(listed.mode)
    if not listed.entry.path.endswith("/"):
        return _KINDS.get(kind)
    return FOLDER if kind in (0, stat.S_IFDIR) and not listed.entry.size else None


def _content(raw: BinaryIO, listed: ListedEntry) -> Iterator[bytes]:
    """The content of an entry; raises DamagedError if size or checksum is not the listed one."""
    entry = listed.entry
    size = crc = 0
    raw.seek(listed.content)
    stream = exactly(raw, entry.compressed_size, entry.path)
    inflated = Inflated(stream)
    try:
        for chunk in inflated if entry.method else stream:
            size += len(chunk)
            if size > entry.size:
                break
            crc = zlib.crc32(chunk, crc)
            yield chunk
    except (zlib.error, EOFError) as e:
        raise DamagedError(f"`{printable(entry.path)}` cannot be unpacked: {e}") from None
    if size != entry.size:
        raise DamagedError(
            f"`{printable(entry.path)}` has another size than the {entry.size} bytes listed"
        )
    if entry.method and inflated.stream_size != entry.compressed_size:
        raise DamagedError(f"`{printable(entry.path)}` has something after its stream")
    if crc != entry.crc:
        raise DamagedError(f"`{printable(entry.path)}` has another checksum than listed")
