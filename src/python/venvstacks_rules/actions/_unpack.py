"""Unpacks layer archives, and refuses whatever could write or point outside their folder.

The size and the hash are checked before anything is unpacked, and members are judged from what
this very archive has created so far, so the folder to unpack into has to be new and nobody else's.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from venvstacks_rules.actions._tar import MODIFICATION_TIME
from venvstacks_rules.actions._tar_stream import DamagedError, open_tar_stream
from venvstacks_rules.model.deployment_io import DeployedArchive
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.paths import path_problem

_CHUNK = 1024 * 1024
_MOST_PROBLEMS = 20

# No layer comes near: a bomb is stopped long before the disk is full. Sources compress tenfold,
# machine code threefold, and a file of zeros is allowed for by the constant.
_MOST_BYTES = 2 * 1024**3
_MOST_RATIO = 100

_MAGIC = (b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"\x1f\x8b")


def unpack(archive: DeployedArchive, folder: Path) -> None:
    """Check `archive` and unpack it as ``folder/<install_target>``; `folder` exists and is empty.

    Raises ArchiveError, with everything that is wrong, for an archive that is missing, damaged,
    hostile, or not the one announced. What has been unpacked by then is left to the caller.
    """
    summary = f"`{archive.install_target}` cannot be deployed from `{archive.archive}`"
    try:
        raw = open(archive.archive, "rb")  # noqa: SIM115 - closed below
    except OSError as e:
        raise ArchiveError(summary, [f"cannot read it: {e.strerror}"]) from None
    with raw:
        # One open file for the check and for the unpacking: nobody can put another in between.
        problem = _mismatch(archive, raw)
        if problem is not None:
            raise ArchiveError(summary, [problem])
        raw.seek(0)
        extraction = _Extraction(str(folder), archive.install_target)
        limit = _MOST_BYTES + _MOST_RATIO * archive.size
        try:
            _require_format(raw, archive.archive)
            stream = open_tar_stream(raw, limit)
            extraction.run(stream)
            if not extraction.problems:
                stream.finish()
        except (tarfile.TarError, DamagedError, EOFError) as e:
            extraction.problems.append(f"damaged: {e}")
    if not extraction.problems and extraction.kinds.get(archive.install_target) != _FOLDER:
        extraction.problems.append(f"no folder `{archive.install_target}` in it")
    if extraction.problems:
        raise ArchiveError(summary, extraction.problems)


def _mismatch(archive: DeployedArchive, raw: BinaryIO) -> str | None:
    size = os.fstat(raw.fileno()).st_size
    if size != archive.size:
        return f"it has {size} bytes, {archive.size} were announced"
    hasher = hashlib.sha256()
    for chunk in iter(lambda: raw.read(_CHUNK), b""):
        hasher.update(chunk)
    if hasher.hexdigest() != archive.sha256:
        return f"its sha256 is {hasher.hexdigest()}, {archive.sha256} was announced"
    return None


def _require_format(raw: BinaryIO, name: str) -> None:
    magic = raw.read(6)
    raw.seek(0)
    if not magic.startswith(_MAGIC):
        raise DamagedError(f"`{os.path.basename(name)}` is no .tar.zst, .tar.xz or .tar.gz")


_FOLDER, _FILE, _LINK = "a folder", "a file", "a symbolic link"


@dataclass
class _Extraction:
    """One run over the members of an archive; writes nothing more after the first problem."""

    folder: str
    install_target: str
    kinds: dict[str, str] = field(default_factory=dict)
    """What has been created, by path: nothing else is in the folder."""
    problems: list[str] = field(default_factory=list)

    def run(self, stream: io.RawIOBase) -> None:
        """Unpack all members of the tar stream."""
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK) as members:
            for member in members:
                problem = self._place_problem(member.name) or self._add(members, member)
                # tarfile remembers all members, for seeking, which nobody does here.
                members.members = []  # type: ignore[attr-defined]
                if problem is not None:
                    self.problems.append(f"`{_shown(member.name)}`: {problem}")
                if len(self.problems) >= _MOST_PROBLEMS:
                    self.problems.append("and perhaps more: the rest was not looked at")
                    return

    def _place_problem(self, name: str) -> str | None:
        problem = path_problem(name)
        if problem is None and name.split("/", maxsplit=1)[0] != self.install_target:
            problem = f"not below `{self.install_target}/`"
        return problem

    def _add(self, members: tarfile.TarFile, member: tarfile.TarInfo) -> str | None:
        if member.isdir():
            kind = _FOLDER
        elif member.issym():
            kind = _LINK
        elif (member.isreg() and not member.issparse()) or member.islnk():
            kind = _FILE
        else:
            return "neither a file, a folder nor a link"
        name = member.name
        before = self.kinds.get(name)
        if before not in (None, kind):
            return f"{kind}, and before in the same archive {before}"
        problem = self._make_folders(name)
        if problem is None and kind is _LINK:
            problem = self._target_problem(name, member.linkname)
        if problem is None and member.islnk():
            problem = self._hard_link_problem(name, member.linkname)
        if problem is not None:
            return problem
        self.kinds[name] = kind
        if not self.problems:
            self._write(members, member, replace=before is not None)
        return None

    def _make_folders(self, name: str) -> str | None:
        """Create the folders above `name`; the problem if one of them is no folder."""
        parent, _, _ = name.rpartition("/")
        kind = self.kinds.get(parent)
        if not parent or kind is _FOLDER:
            return None
        if kind is not None:
            return f"below `{_shown(parent)}`, which is {kind}"
        problem = self._make_folders(parent)
        if problem is None:
            self.kinds[parent] = _FOLDER
            if not self.problems:
                self._make_folder(parent)
        return problem

    def _target_problem(self, name: str, target: str) -> str | None:
        """What is wrong with a symbolic link; it may point to any sibling of the layer's folder.

        Steps up are allowed at the start only, where they are counted from a folder that is known
        to be real: after another link they could lead anywhere.
        """
        shown = f"a symbolic link to `{_shown(target)}`"
        if target.startswith("/"):
            return f"{shown}, an absolute path"
        parts = [part for part in target.split("/") if part not in ("", ".")]
        if not target or not _is_text(target):
            return f"{shown}, which is no path"
        ups = 0
        while ups < len(parts) and parts[ups] == "..":
            ups += 1
        if ".." in parts[ups:]:
            return f"{shown}, with `..` after a name"
        if ups > name.count("/"):
            return f"{shown}, which leaves the folder of the layers"
        return None

    def _hard_link_problem(self, name: str, target: str) -> str | None:
        if self.kinds.get(target) == _FILE and target != name:
            return None
        return f"a hard link to `{_shown(target)}`, which is no file before it"

    def _write(self, members: tarfile.TarFile, member: tarfile.TarInfo, *, replace: bool) -> None:
        path = f"{self.folder}/{member.name}"
        if member.isdir():
            if not replace:
                self._make_folder(member.name)
            return
        if replace:
            # The last one counts, as with every tar.
            os.unlink(path)
        if member.issym():
            os.symlink(member.linkname, path)
        elif member.islnk():
            os.link(f"{self.folder}/{member.linkname}", path)
        else:
            content = members.extractfile(member)
            assert content is not None
            # Nothing but "executable or not" is taken from the archive, and nothing from the umask.
            mode = 0o755 if member.mode & 0o111 else 0o644
            with open(path, "xb", buffering=0) as out:
                left = member.size
                while left:
                    chunk = content.read(min(left, _CHUNK))
                    if not chunk:
                        raise tarfile.ReadError(f"it ends within `{member.name}`")
                    out.write(chunk)
                    left -= len(chunk)
                os.fchmod(out.fileno(), mode)
                os.utime(out.fileno(), (MODIFICATION_TIME, MODIFICATION_TIME))

    def _make_folder(self, name: str) -> None:
        path = f"{self.folder}/{name}"
        os.mkdir(path)
        os.chmod(path, 0o755)


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    """`name` for a message: whole lines of hostile text have no place in it."""
    return name.encode("unicode_escape").decode("ascii") if not name.isprintable() else name
