"""Lists of the files of a layer, which tell whether one is missing or has changed.

A look at sizes, times and modes finds what people, programs and a loss of power do to files; it
reads none of them, so it takes place at every use of a layer. The hashes are for a thorough look.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from venvstacks_rules.actions.files.sealed import read_sealed, write_sealed
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.wording import and_more, counted, printable

_SHOWN_FILES = 5
# Starting threads takes longer than reading so many files.
_FEW_FILES = 32
_NOTHING: Mapping[str, ListedFile] = {}


class ListedFile(NamedTuple):
    """A file or a symbolic link, as it was when it was listed."""

    path: str
    """Relative to the folder, with forward slashes."""
    size: int = 0
    """In bytes; 0 for a link."""
    time_ns: int = 0
    """Of the last modification; 0 for a link."""
    executable: bool = False
    sha256: str = ""
    """Empty for a link."""
    link_target: Optional[str] = None


Listing = tuple[ListedFile, ...]


def list_files(folder: Path, *, known: Mapping[str, ListedFile] = _NOTHING) -> Listing:
    """All files and links in `folder`, by path.

    The hashes of files that are as `known` are taken from there; the others are read.
    """
    return _listed(folder, files_in(folder), known)


def listed_again(folder: Path, files: Listing) -> Listing:
    """The same files as they are now; those that were added since do not count."""
    known = {file.path: file for file in files}
    return _listed(folder, known, known)


def _listed(folder: Path, paths: Iterable[str], known: Mapping[str, ListedFile]) -> Listing:
    found = [_look(str(folder), path) for path in paths]
    new = [file for file in found if _as_known(file, known) is None]
    hashes = dict(zip((file.path for file in new), _hashes(folder, new)))
    whole = (_as_known(file, known) or file._replace(sha256=hashes[file.path]) for file in found)
    return tuple(sorted(whole))


def files_in(folder: Path) -> Iterator[str]:
    """The relative paths of all files and links in `folder`."""
    folders = [""]
    while folders:
        here = folders.pop()
        with os.scandir(f"{folder}/{here}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{here}{entry.name}/")
                else:
                    yield f"{here}{entry.name}"


def write_listing(path: Path, files: Iterable[ListedFile], *, durable: bool = True) -> None:
    """Write the list to the file `path`; it is on the disk when this returns, if it has to be."""
    rows = ",\n".join(json.dumps(file, separators=(",", ":")) for file in files)
    write_sealed(path, f"[{rows}]\n", durable=durable)


def update_listing(layer: Path, name: str, *, known: Mapping[str, ListedFile] = _NOTHING) -> None:
    """Write the list `name` in the layer; if it has one, files that were added do not count.

    Without a list, the hashes of files that are as `known` are taken from there.
    """
    before = read_listing(layer / name)
    files = list_files(layer, known=known) if before is None else listed_again(layer, before)
    if files != before:
        write_listing(layer / name, files)


def read_listing(path: Path) -> Listing | None:
    """The list in the file `path`; None if it is missing or damaged."""
    text = read_sealed(path)
    # The seal vouches for the shape.
    return None if text is None else tuple(ListedFile(*row) for row in json.loads(text))


def damaged_files(folder: Path, files: Listing, *, thorough: bool = False) -> list[str]:
    """The paths of `files` that are missing in `folder` or are not as listed.

    A `thorough` look also reads them all.
    """
    root = str(folder)
    changed = {file.path for file in files if not _is_as_listed(root, file)}
    if thorough:
        there = [file for file in files if file.path not in changed and file.link_target is None]
        hashes = zip(there, _hashes(folder, there))
        changed.update(file.path for file, found in hashes if found != file.sha256)
    return sorted(changed)


def named_damage(paths: Sequence[str]) -> str:
    """How many files are missing or have changed, and the names of some, in words."""
    shown = and_more([f"`{printable(path)}`" for path in paths], _SHOWN_FILES)
    return f"{counted(len(paths), 'file')} missing or changed: {shown}"


def _as_known(file: ListedFile, known: Mapping[str, ListedFile]) -> ListedFile | None:
    """`file` with the hash of the known one that equals it; None if it has to be read."""
    if file.link_target is not None:
        return file
    before = known.get(file.path)
    return before if before is not None and before[:4] == file[:4] else None


def _look(root: str, path: str) -> ListedFile:
    """The file, without its hash."""
    place = f"{root}/{path}"
    status = os.lstat(place)
    if stat.S_ISLNK(status.st_mode):
        return ListedFile(path, link_target=os.readlink(place))
    return ListedFile(path, status.st_size, status.st_mtime_ns, _is_executable(status))


def _is_as_listed(root: str, file: ListedFile) -> bool:
    place = f"{root}/{file.path}"
    try:
        status = os.lstat(place)
        if file.link_target is not None:
            return stat.S_ISLNK(status.st_mode) and os.readlink(place) == file.link_target
    except OSError:
        return False
    return (
        status.st_size == file.size
        and status.st_mtime_ns == file.time_ns
        and stat.S_ISREG(status.st_mode)
        and _is_executable(status) == file.executable
    )


def _is_executable(status: os.stat_result) -> bool:
    return bool(status.st_mode & 0o100)


def _hashes(folder: Path, files: Sequence[ListedFile]) -> Iterable[str]:
    """The hashes of `files`; empty for one that cannot be read."""
    if len(files) < _FEW_FILES:
        return [_hash(f"{folder}/{file.path}") for file in files]
    # Imported here because starting an application that is deployed already reads no file.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda file: _hash(f"{folder}/{file.path}"), files))


def _hash(place: str) -> str:
    try:
        return sha256_of(place)[0]
    except OSError:
        return ""
