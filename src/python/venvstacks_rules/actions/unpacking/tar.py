"""Unpacks the tar stream of a layer archive."""

from __future__ import annotations

import tarfile
from typing import BinaryIO

from venvstacks_rules.actions.unpacking.guard import (
    FILE,
    FOLDER,
    LINK,
    Extraction,
    target_problem,
)
from venvstacks_rules.local.archives.tar_members import members, open_members
from venvstacks_rules.local.archives.tar_stream import TarStream, open_tar_stream
from venvstacks_rules.local.files.streams import DamagedError, exactly
from venvstacks_rules.model.wording import printable


def unpack_tar(raw: BinaryIO, limit: int, extraction: Extraction) -> None:
    """Unpack all members, of up to `limit` bytes in all.

    Raises DamagedError for a damaged archive; adds the problems of members to `extraction`.
    """
    try:
        stream = open_tar_stream(raw, limit)
        _run(stream, extraction)
        if extraction.is_sound:
            stream.finish()
    except (tarfile.TarError, EOFError) as e:  # Of a content.
        raise DamagedError(str(e)) from None


def _run(stream: TarStream, extraction: Extraction) -> None:
    with open_members(stream) as archive:
        for member in members(archive):
            problem = extraction.place_problem(member.name) or _add(archive, member, extraction)
            if not extraction.note(member.name, problem):
                return


def _add(archive: tarfile.TarFile, member: tarfile.TarInfo, extraction: Extraction) -> str | None:
    if member.isdir():
        kind = FOLDER
    elif member.issym():
        kind = LINK
    elif (member.isreg() and not member.issparse()) or member.islnk():
        kind = FILE
    else:
        return "neither a file, a folder nor a link"
    name = member.name
    problem = extraction.make_way(name, kind)
    if problem is None and kind is LINK:
        problem = target_problem(name, member.linkname)
    if problem is None and member.islnk():
        problem = _hard_link_problem(name, member.linkname, extraction)
    if problem is not None:
        return problem
    replace = name in extraction.kinds
    extraction.kinds[name] = kind
    if extraction.is_sound:
        _write(archive, member, extraction, replace=replace)
    return None


def _hard_link_problem(name: str, target: str, extraction: Extraction) -> str | None:
    if extraction.kinds.get(target) == FILE and target != name:
        return None
    return f"a hard link to `{printable(target)}`, which is not a file before it"


def _write(
    archive: tarfile.TarFile, member: tarfile.TarInfo, extraction: Extraction, *, replace: bool
) -> None:
    name = member.name
    if member.isdir():
        if not replace:
            extraction.make_folder(name)
        return
    if replace:
        # The last one wins, as with every tar.
        extraction.remove(name)
    if member.issym():
        extraction.make_link(name, member.linkname)
    elif member.islnk():
        extraction.make_hard_link(name, member.linkname)
    else:
        stream = archive.extractfile(member)
        assert stream is not None  # it is a regular file
        content = exactly(stream, member.size, member.name)
        extraction.make_file(name, content, executable=bool(member.mode & 0o111))
