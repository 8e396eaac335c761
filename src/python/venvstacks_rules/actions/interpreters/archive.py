"""Reads an interpreter archive into a table of files and links, and refuses hostile members.

Contents go to one unnamed spool file, never to paths of the archive: it refuses a hostile member by
name, and has written nothing anywhere.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from venvstacks_rules.local.archives.tar_members import members, open_members
from venvstacks_rules.local.archives.tar_stream import TarStream, open_tar_stream
from venvstacks_rules.local.files.streams import (
    DamagedError,
    chunks,
    exactly,
    expansion_limit,
    naming,
)
from venvstacks_rules.model.errors import InterpreterError, first_problems
from venvstacks_rules.model.paths import link_problem, path_problem, place_inside
from venvstacks_rules.model.values import dataclass, replace
from venvstacks_rules.model.wording import printable

TOP = "python"
"""The one top-level folder."""
INSTALL = "install/"
"""In an archive of a full build, the folder with the files of an ``install_only`` archive."""
DESCRIPTION = "PYTHON.json"
"""A file of an archive of a full build."""

MAX_MEMBERS = 200_000
_MAX_LINKS = 40
"""Linux follows as many before it reports a loop."""


@dataclass(frozen=True)
class SpooledFile:
    """A regular file of the archive."""

    path: str
    """Of the member with the content; a hard link to it has the same record."""
    offset: int
    size: int
    executable: bool


class InterpreterArchive:
    """The members of an archive, by path below ``python/``; use as a context manager."""

    def __init__(self, path: Path, spool_folder: Path) -> None:
        self._name = path.name
        # `__exit__` closes it.
        self._spool = tempfile.TemporaryFile(dir=spool_folder)  # noqa: SIM115
        self._folders: set[str] = set()
        self._problems: list[str] = []
        self.files: dict[str, SpooledFile] = {}
        self.links: dict[str, str] = {}
        """From path to target, both below ``python/``, normalised."""
        with naming(spool_folder):
            try:
                self._read(path)
                self._spool.flush()
            except BaseException:
                self._spool.close()
                raise

    def __enter__(self) -> InterpreterArchive:  # noqa: PYI034 - `Self` is newer than Python 3.9
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.close()

    def content(self, file: SpooledFile) -> Iterator[bytes]:
        """The bytes of a file, in pieces."""
        self._spool.seek(file.offset)
        yield from exactly(self._spool, file.size, file.path)

    def unpack(self, folder: Path, is_needed: Callable[[str], bool] | None = None) -> None:
        """Write the members below `folder`; of files that `is_needed`, and of links to those."""
        kept = {p: f for p, f in self.files.items() if is_needed is None or is_needed(p)}
        for path, file in kept.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as stream:
                stream.writelines(self.content(file))
            if file.executable:
                place.chmod(0o755)
        for path, target in self.links.items():
            if is_needed is None or target in kept:
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(os.path.relpath(folder / target, place.parent))

    # ------------------------------------------------------------------------------ reading
    def _read(self, path: Path) -> None:
        limit = expansion_limit(path.stat().st_size)
        try:
            with path.open("rb") as stream:
                self._read_members(open_tar_stream(stream, limit))
        except (tarfile.TarError, DamagedError, EOFError) as e:
            raise InterpreterError(
                f"the interpreter archive `{self._name}` is damaged", [str(e)]
            ) from None
        self._check_parents()
        if DESCRIPTION in self.files:
            self._keep_install()
        if self._problems:
            raise InterpreterError(
                f"the interpreter archive `{self._name}` is refused",
                first_problems(self._problems),
            )

    def _read_members(self, source: TarStream) -> None:
        with open_members(source) as archive:
            for count, member in enumerate(members(archive)):
                if count >= MAX_MEMBERS:
                    raise DamagedError(f"it has more than {MAX_MEMBERS} members")
                self._add(archive, member)
        source.finish()

    def _add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = self._member_path(member)
        if path is None:
            return
        if member.isdir():
            self._folders.add(path)
        elif not path:
            self._refuse(member, "is not a folder")
        elif DESCRIPTION in self.files and not path.startswith(INSTALL):
            # Mostly object files, as large as everything that is kept.
            return
        elif path in self.files or path in self.links:
            self._refuse(member, "occurs twice")
        elif member.issym():
            self._add_link(member, path)
        elif member.islnk():
            self._add_hard_link(member, path)
        elif member.isreg() and not member.issparse():
            self._add_file(archive, member, path)
        else:
            self._refuse(member, "is neither a file, a folder nor a link")

    def _member_path(self, member: tarfile.TarInfo) -> str | None:
        """The path below ``python/``, empty for the folder itself; None if refused."""
        name = member.name
        if member.isdir() and name == ".":
            return None
        parts = [part for part in name.split("/") if part not in ("", ".")]
        problem = path_problem(name if name.startswith("/") else "/".join(parts))
        if problem is not None:
            self._refuse(member, f"cannot be unpacked: {problem}")
            return None
        if parts[0] != TOP:
            self._refuse(member, f"lies outside the folder `{TOP}/`")
            return None
        return "/".join(parts[1:])

    def _add_file(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        offset = self._spool.tell()
        content: IO[bytes] | None = archive.extractfile(member)
        assert content is not None  # it is a regular file
        size = 0
        for chunk in chunks(content):
            self._spool.write(chunk)
            size += len(chunk)
        if size != member.size:
            raise DamagedError(
                f"member `{printable(member.name)}` has {size} of {member.size} bytes"
            )
        executable = bool(member.mode & 0o111)
        self.files[path] = SpooledFile(path, offset, size, executable)

    def _add_link(self, member: tarfile.TarInfo, path: str) -> None:
        target = place_inside(posixpath.dirname(f"{TOP}/{path}"), member.linkname) or ""
        problem = link_problem(path, member.linkname)
        if target.split("/")[0] != TOP:
            self._refuse(
                member,
                f"links to `{printable(member.linkname)}`, which leaves the archive's folder",
            )
        elif problem is not None:
            self._refuse(member, f"links to `{printable(member.linkname)}`: {problem}")
        else:
            self.links[path] = target[len(TOP) + 1 :] or "."

    def _add_hard_link(self, member: tarfile.TarInfo, path: str) -> None:
        name = posixpath.normpath(member.linkname)
        target = self.files.get(name[len(TOP) + 1 :]) if name.startswith(f"{TOP}/") else None
        if target is None:
            self._refuse(
                member,
                f"is a hard link to `{printable(member.linkname)}`, which is not a file before it",
            )
        else:
            self.files[path] = target

    def _check_parents(self) -> None:
        leaves = {*self.files, *self.links}
        for path in sorted(leaves | self._folders):
            if path in leaves and path in self._folders:
                self._problems.append(f"`{TOP}/{path}` is both a folder and a file or link")
            parent = posixpath.dirname(path)
            while parent and parent not in leaves:
                parent = posixpath.dirname(parent)
            if parent:
                self._problems.append(
                    f"`{TOP}/{path}` lies below `{TOP}/{parent}`, which is not a folder"
                )

    def _keep_install(self) -> None:
        """Keep the content of an ``install_only`` archive; links to anything else lead nowhere."""
        start = len(INSTALL)
        self.links = {
            path[start:]: target[start:] if target.startswith(INSTALL) else f"{TOP}/{target}"
            for path, target in self.links.items()
            if path.startswith(INSTALL)
        }
        self.files = {
            path[start:]: replace(file, path=file.path[start:])
            for path, file in self.files.items()
            if path.startswith(INSTALL) and file.path.startswith(INSTALL)
        }

    def _refuse(self, member: tarfile.TarInfo, problem: str) -> None:
        self._problems.append(f"`{printable(member.name)}` {problem}")


def with_folders(leaves: Iterable[str]) -> frozenset[str]:
    """`leaves`, and all folders above them."""
    result = {".", *leaves}
    for leaf in leaves:
        folder = posixpath.dirname(leaf)
        while folder and folder not in result:
            result.add(folder)
            folder = posixpath.dirname(folder)
    return frozenset(result)


def resolved(path: str, existing: frozenset[str], links: Mapping[str, str]) -> str | None:
    """The existing file or folder that `path` leads to, through `links`; None if there is none."""
    for _ in range(_MAX_LINKS):
        if path in existing:
            return path
        head = path
        while head and head not in links:
            head = posixpath.dirname(head)
        if not head:
            return None
        path = posixpath.normpath(posixpath.join(links[head], path[len(head) + 1 :]))
    return None
