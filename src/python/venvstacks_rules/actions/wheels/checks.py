"""Checks the directory and the metadata of a wheel.

It unpacks no other entries, except symbolic links: it compares them with RECORD by name and
declared size. The formats are those of the "binary distribution format" and "recording installed
projects" specifications. A wheel is pinned by its hash, so that a wrong RECORD is a mistake of its
author: it is no problem but a remark.
"""

from __future__ import annotations

import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from venvstacks_rules.actions.archives import zip_methods
from venvstacks_rules.actions.wheels.dist_info_files import (
    RecordEntry,
    headers,
    record_entries,
)
from venvstacks_rules.local.files.streams import expansion_limit
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.paths import path_problem, place_inside
from venvstacks_rules.model.wording import printable, quoted

SIGNATURES = frozenset({"RECORD.jws", "RECORD.p7s"})
"""Files of a .dist-info folder that RECORD does not list; installers drop them."""

READ_ERRORS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What ``zipfile`` raises for an archive that it cannot read."""

INVALID_FILE_NAME = "the file name is not `NAME-VERSION-...-TAGS.whl`"

HASHES = frozenset({"sha256", "sha384", "sha512"})
"""The algorithms whose hashes in RECORD are compared with the files."""

_MAX_METADATA = 64 * 1024 * 1024
_MAX_LINK = 4096
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, *zip_methods.METHODS})
_FLAG_ENCRYPTED = 0x1 | 0x40
_FLAG_UTF8 = 0x800
_FILE_NAME = re.compile(
    r"(?P<name>\w[\w.]*)-(?P<version>\d[\w.!+]*|v\d[\w.!+]*)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl"
)
_VERSION = re.compile(r"v?\d")

# What pip does, in messages.
_REFUSED_TOO = "pip refuses it, too"
_NOT_UNPACKED = "pip cannot unpack it, either"


class WheelIdentity(NamedTuple):
    """What a wheel's file name says."""

    distribution: str
    """Normalised."""
    version: str

    def is_named(self, stem: str) -> bool:
        """Whether `stem`, a name and a version as in folders of the wheel, is of this wheel.

        As for pip, the name decides: tools differ in how they write a local version there. The
        version of a distribution is that in METADATA.
        """
        start = f"{self.distribution}-"
        text = normalised_name(stem)
        return text.startswith(start) and _VERSION.match(text, len(start)) is not None

    def is_version(self, version: str) -> bool:
        """Whether `version` is this wheel's; a local part may be missing in one of the two."""
        return _is_same_version(version, self.version)


def wheel_identity(file_name: str) -> WheelIdentity | None:
    """The name and the version in a wheel's file name; None for an invalid one.

    The lockfile's reader has checked the tags.
    """
    match = _FILE_NAME.fullmatch(file_name)
    return (
        None if match is None else WheelIdentity(normalised_name(match["name"]), match["version"])
    )


def _is_same_version(one: str, other: str) -> bool:
    if one == other:
        return True
    # Seldom: most tools write a version in one way only.
    from packaging.version import InvalidVersion, Version

    try:
        first, second = Version(one), Version(other)
    except InvalidVersion:
        return False
    if first.local is not None and second.local is not None:
        return first == second
    return Version(first.public) == Version(second.public)


def is_executable(info: zipfile.ZipInfo) -> bool:
    """Whether a regular file has any executable bit, as installers decide it."""
    mode = info.external_attr >> 16
    return stat.S_ISREG(mode) and bool(mode & 0o111)


def entry_problems(infos: list[zipfile.ZipInfo], wheel_size: int) -> Iterator[str]:
    """Problems of the entries of the zip archive, whatever their content."""
    seen: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        problem = _entry_problem(info)
        first = seen.setdefault(info.filename, info)
        if problem is None and not is_same_content(first, info):
            problem = "the entry occurs twice, with different content; pip would take the last"
        if problem is not None:
            yield f"`{printable(info.orig_filename)}`: {problem}"
    total = sum(info.file_size for info in infos)
    limit = expansion_limit(wheel_size)
    if total > limit:
        yield (
            f"unpacks to {total} bytes; at most {limit} are accepted for {wheel_size} bytes; pip "
            "would unpack all of them"
        )


def is_same_content(one: zipfile.ZipInfo, other: zipfile.ZipInfo) -> bool:
    """Whether two entries have the same content, as far as the directory tells."""
    return (one.CRC, one.file_size) == (other.CRC, other.file_size)


def is_link(info: zipfile.ZipInfo) -> bool:
    """Whether the entry is marked as a symbolic link."""
    return stat.S_ISLNK(info.external_attr >> 16)


def _entry_problem(info: zipfile.ZipInfo) -> str | None:
    name = info.orig_filename
    path = name.removesuffix("/")
    problem = path_problem(path)
    if problem is not None:
        leaves = place_inside("", path) is None
        return f"{problem}; {_REFUSED_TOO if leaves else 'pip would try to install it'}"
    # Later Pythons take the name from another field, and no tool means code page 437.
    if info.filename != name or not (name.isascii() or info.flag_bits & _FLAG_UTF8):
        return "the entry's name is not marked as UTF-8; pip would guess the characters"
    return _kind_problem(info)


def _kind_problem(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    allowed = {stat.S_IFDIR} if info.is_dir() else {stat.S_IFREG, stat.S_IFLNK}
    if kind not in {0, *allowed}:
        return "the entry is not a regular file; pip would make one of it"
    if info.flag_bits & _FLAG_ENCRYPTED:
        return f"the entry is encrypted; {_NOT_UNPACKED}"
    if info.compress_type not in _METHODS:
        return (
            f"compression method {info.compress_type} is not `stored`, `deflated`, `bzip2` or "
            f"`lzma`; {_NOT_UNPACKED}"
        )
    return None


def link_problems(archive: zipfile.ZipFile) -> Iterator[str]:
    """Symbolic links that lead out of the wheel. Its other entries have no problems."""
    for info in filter(is_link, archive.infolist()):
        if info.file_size > _MAX_LINK:
            yield f"`{printable(info.filename)}`: the entry is a symbolic link that is too long"
            continue
        try:
            target = archive.read(info).decode("utf-8", "replace")
        except READ_ERRORS as e:
            yield f"`{printable(info.filename)}`: cannot be unpacked: {e}"
            continue
        folder = info.filename.rpartition("/")[0]
        if path_problem(target) is not None and place_inside(folder, target) is None:
            yield (
                f"`{printable(info.filename)}`: the entry is a symbolic link to "
                f"`{printable(target)}`, outside of the wheel; pip would write that text into a "
                "file"
            )


class DistInfo:
    """The .dist-info folder of a wheel whose entries have no problems."""

    def __init__(self, archive: zipfile.ZipFile, file_name: str) -> None:
        """Read the metadata files; all their problems are in `problems`."""
        self.problems: list[str] = []
        self.record_remarks: list[str] = []
        """What is wrong with RECORD, as parts of a sentence."""
        self.records: dict[str, RecordEntry] = {}
        self.folder = ""
        self._archive = archive
        identity = wheel_identity(file_name)
        if identity is None:
            self.problems.append(INVALID_FILE_NAME)
            return
        self.identity = identity
        if self._find_folder():
            self._check_wheel()
            self._check_metadata()
            self._read_record()

    def _find_folder(self) -> bool:
        tops = {name.split("/", 1)[0] for name in self._archive.namelist() if "/" in name}
        folders = sorted(top for top in tops if top.endswith(".dist-info"))
        if len(folders) != 1:
            found = quoted(folders) or "none"
            self.problems.append(
                f"there must be one .dist-info folder; found: {found}; {_REFUSED_TOO}"
            )
            return False
        self.folder = folders[0]
        if not self.identity.is_named(self.folder[: -len(".dist-info")]):
            self.problems.append(
                f"`{self.folder}` does not match the wheel's file name; {_REFUSED_TOO}"
            )
            return False
        return True

    def _read(self, name: str) -> str | None:
        """The text of a metadata file; None after adding its problem to `problems`."""
        path = f"{self.folder}/{name}"
        try:
            info = self._archive.getinfo(path)
        except KeyError:
            self.problems.append(f"`{path}` is missing; {_REFUSED_TOO}")
            return None
        if info.file_size > _MAX_METADATA:
            self.problems.append(f"`{path}` is too large: {info.file_size} bytes")
            return None
        try:
            return self._archive.read(info).decode("utf-8")
        except READ_ERRORS as e:
            self.problems.append(f"`{path}` cannot be read: {e}")
            return None

    def _check_wheel(self) -> None:
        text = self._read("WHEEL")
        if text is None:
            return
        version = headers(text).get("wheel-version")
        if version is None:
            self.problems.append(f"`{self.folder}/WHEEL` has no `Wheel-Version`; {_REFUSED_TOO}")
        elif version.split(".")[0] != "1":
            self.problems.append(
                f"Wheel-Version {version} is not supported, only 1.x is; {_REFUSED_TOO}"
            )

    def _check_metadata(self) -> None:
        text = self._read("METADATA")
        if text is None:
            return
        found = headers(text)
        name, version = found.get("name"), found.get("version")
        if not name or not version:
            missing = "Name" if not name else "Version"
            self.problems.append(f"`{self.folder}/METADATA` has no `{missing}`")
        elif normalised_name(name) != self.identity.distribution or not self.identity.is_version(
            version
        ):
            self.problems.append(
                f"`{self.folder}/METADATA` is of {name} {version}, "
                f"which does not match the wheel's file name"
            )

    def _read_record(self) -> None:
        text = self._read("RECORD")
        if text is None:
            return
        entries, unreadable = record_entries(text)
        self.record_remarks.extend(unreadable)
        for entry in entries:
            if self.records.setdefault(entry.path, entry) != entry:
                self.record_remarks.append(
                    f"`{printable(entry.path)}` is listed twice, differently"
                )
        self.record_remarks.extend(self._wrong_rows())

    def expected(self, name: str) -> RecordEntry | None:
        """The row of RECORD for a file, if its hash can be compared with the file."""
        entry = self.records.get(name)
        return entry if entry is not None and entry.algorithm in HASHES else None

    def _wrong_rows(self) -> Iterator[str]:
        unlisted = {f"{self.folder}/{name}" for name in ("RECORD", *SIGNATURES)}
        infos = {i.filename: i for i in self._archive.infolist() if not i.filename.endswith("/")}
        for path, info in sorted(infos.items()):
            if path in unlisted:
                continue
            entry = self.records.get(path)
            if entry is None:
                yield f"`{printable(path)}` is not listed"
            elif not entry.algorithm:
                yield f"`{printable(path)}` has no hash"
            elif entry.algorithm not in HASHES:
                yield f"`{printable(path)}` has an `{printable(entry.algorithm)}` hash"
            elif entry.size is not None and entry.size != info.file_size:
                yield f"`{printable(path)}` has another size"
        for path in sorted(self.records):
            if path not in infos and path not in unlisted:
                yield f"`{printable(path)}` is not in the wheel"
        if any(entry.is_hexadecimal for entry in self.records.values()):
            yield "hashes are in hexadecimal"
