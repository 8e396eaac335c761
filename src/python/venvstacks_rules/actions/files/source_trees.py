"""The files of source archives, unpacked to be built."""

from __future__ import annotations

import os
import posixpath
import shutil
import tarfile
import zipfile
from pathlib import Path


def unpack_source(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip archive below `folder`, without what leads out of it.

    Raises OSError, or an error of the archive's module, if it is none.
    """
    folder = folder.absolute()
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            # It keeps to the folder by itself, and makes no links.
            for name in zipped.namelist():
                zipped.extract(name, folder)
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            path = _place(folder, member.name)
            if path is None:
                continue
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as out:
                    shutil.copyfileobj(stream, out)
                path.chmod(0o755 if member.mode & 0o100 else 0o644)
            elif member.issym() and _stays(member.name, member.linkname):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(member.linkname)


def version_variables(version: str | None) -> dict[str, str]:
    """For backends that take the version from the history of a repository, which is not there."""
    if version is None:
        return {}
    names = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PDM_BUILD_SCM_VERSION", "PBR_VERSION")
    return dict.fromkeys((*names, "POETRY_DYNAMIC_VERSIONING_BYPASS"), version)


def _place(folder: Path, name: str) -> Path | None:
    parts = posixpath.normpath(name).split("/")
    if posixpath.isabs(name) or ".." in parts or parts == ["."]:
        return None
    path = folder.joinpath(*parts)
    # Not through a link, and over nothing that is there.
    top = os.path.realpath(folder)
    straight = os.path.realpath(path.parent) == os.path.join(top, *parts[:-1])
    return path if straight and not os.path.lexists(path) else None


def _stays(name: str, target: str) -> bool:
    if posixpath.isabs(target):
        return False
    # The folder at the top counts as the end of the way up.
    found = posixpath.normpath(posixpath.join(posixpath.dirname(name), target)).split("/")
    return found[0] != ".." and found[0] == posixpath.normpath(name).split("/")[0]
