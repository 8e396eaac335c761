"""Unpacks layer archives, and refuses members that could write or point outside their folder.

It checks size and hash before it unpacks anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from venvstacks_rules.actions.unpacking.guard import FOLDER, Extraction
from venvstacks_rules.actions.unpacking.tar import unpack_tar
from venvstacks_rules.actions.unpacking.zip import unpack_zip
from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.archives.tar_stream import TAR_MAGIC
from venvstacks_rules.local.files.streams import (
    DamagedError,
    chunks,
    expansion_limit,
    sha256_of_chunks,
)
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.requests.deploy import DeployedArchive


def unpack(archive: DeployedArchive, folder: Path) -> None:
    """Check `archive` and unpack it as ``folder/<install_target>``; `folder` exists and is empty.

    Raises ArchiveError with all problems for an archive that is missing, damaged, hostile, or not
    the announced one. The caller removes what has been unpacked by then.
    """
    summary = f"`{archive.install_target}` cannot be deployed from `{archive.archive}`"
    try:
        raw = open(archive.archive, "rb")  # noqa: SIM115 - closed below
    except OSError as e:
        raise ArchiveError(summary, [f"cannot read it: {e.strerror}"]) from None
    with raw:
        # Checked and unpacked from one open file, which cannot be replaced in between.
        problem = _mismatch(archive, raw)
        if problem is not None:
            raise ArchiveError(summary, [problem])
        raw.seek(0)
        extraction = Extraction(str(folder), archive.install_target)
        limit = archive.unpacked_size
        if limit is None:
            # No layer comes near: sources compress tenfold, machine code threefold.
            limit = expansion_limit(archive.size)
        try:
            unpack_format = _unpacker(raw, archive.archive)
            unpack_format(raw, limit, extraction)
        except DamagedError as e:
            extraction.problems.append(f"damaged: {e}")
    if not extraction.problems and extraction.kinds.get(archive.install_target) != FOLDER:
        extraction.problems.append(f"it has no folder `{archive.install_target}`")
    if extraction.problems:
        raise ArchiveError(summary, extraction.problems)


def _mismatch(archive: DeployedArchive, raw: BinaryIO) -> str | None:
    size = os.fstat(raw.fileno()).st_size
    if size != archive.size:
        return f"it has {size} bytes, not {archive.size} as announced"
    sha256, _ = sha256_of_chunks(chunks(raw))
    if sha256 != archive.sha256:
        return f"its sha256 is {sha256}, not {archive.sha256} as announced"
    return None


def _unpacker(raw: BinaryIO, name: str) -> Callable[[BinaryIO, int, Extraction], None]:
    magic = raw.read(6)
    raw.seek(0)
    if magic.startswith((zip_headers.LOCAL, zip_headers.END)):
        return unpack_zip
    if magic.startswith(TAR_MAGIC):
        return unpack_tar
    raise DamagedError(f"`{os.path.basename(name)}` is not a .tar.zst, .tar.xz, .tar.gz or .zip")
