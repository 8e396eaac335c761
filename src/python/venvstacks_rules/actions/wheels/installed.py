"""The files of a wheel as they lie in a layer: those that an installer unpacks.

They are a function of the wheel's bytes and file name, and of the layer's layout. All
problems of a wheel are found, and each file is read once.
"""

from __future__ import annotations

import base64
import posixpath
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from venvstacks_rules.actions.compiling.stored import add_byte_code
from venvstacks_rules.actions.files.sinks import FileSink, StreamSink
from venvstacks_rules.actions.wheels import checks
from venvstacks_rules.actions.wheels.checks import DistInfo
from venvstacks_rules.actions.wheels.content import WheelContent
from venvstacks_rules.actions.wheels.dist_info_files import RecordEntry
from venvstacks_rules.actions.wheels.places import is_program, place
from venvstacks_rules.actions.wheels.scripts import ChosenScripts
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.contents.exclusions import Exclusions
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.inputs import LayerWheel
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.errors import WheelError, first_problems
from venvstacks_rules.model.paths import windows_problem
from venvstacks_rules.model.values import dataclass, replace
from venvstacks_rules.model.wording import and_more, printable

INSTALLER = b"venvstacks-rules\n"

# Of the mistakes of one wheel, in a sentence.
_FEW = 3

_Wheel = TypeVar("_Wheel", bound=LayerWheel)
_Made = TypeVar("_Made")

# In a .dist-info folder: made anew, or a statement about another installation.
_NOT_COPIED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", *checks.SIGNATURES})


class RefusedWheelError(Exception):
    """A refused wheel, with all its problems."""

    def __init__(self, wheel: LayerWheel, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = [f"`{wheel.file_name}`: {problem}" for problem in first_problems(problems)]


def refusal(errors: list[RefusedWheelError], count: int) -> WheelError:
    """The error for the refused wheels, of `count` in all."""
    return WheelError(
        f"{len(errors)} of {count} wheels were refused. Lock "
        "another version of the package, or fetch the file again if it was damaged on the way.",
        [problem for error in errors for problem in error.problems],
    )


def of_each(wheels: Sequence[_Wheel], make: Callable[[_Wheel], _Made]) -> tuple[_Made, ...]:
    """What `make` returns for each wheel; raises WheelError with the problems of all wheels."""
    made: list[_Made] = []
    refused: list[RefusedWheelError] = []
    for wheel in wheels:
        try:
            made.append(make(wheel))
        except RefusedWheelError as e:
            refused.append(e)
    if refused:
        raise refusal(refused, len(wheels))
    return tuple(made)


def write_wheel(
    wheel: LayerWheel, layout: LayerLayout, sink: FileSink, *, byte_code: str | None = None
) -> tuple[str, ...]:
    """Write the files of `wheel` into `sink`, in the places that `layout` says.

    `byte_code` is a zip archive with that of its modules, if the layer is to have some.
    Returns what is wrong with a wheel that is used all the same: no more than one sentence. Raises
    RefusedWheelError for a wheel that is damaged, hostile, or not the announced one; the content of
    `sink` is useless then.
    """
    with opened_wheel(wheel) as archive:
        try:
            plan = _Plan(archive, wheel, layout)
            _write(archive, plan, sink, layout, byte_code)
        except _ProblemsError as e:
            raise RefusedWheelError(wheel, e.problems) from None
    return plan.remarks


def check_wheel(archive: zipfile.ZipFile, wheel: LayerWheel, layout: LayerLayout) -> None:
    """Raise RefusedWheelError for a wheel whose directory and metadata show that it is refused.

    The contents of its files are not read.
    """
    try:
        _Plan(archive, wheel, layout)
    except _ProblemsError as e:
        raise RefusedWheelError(wheel, e.problems) from None


def opened_wheel(wheel: LayerWheel) -> zipfile.ZipFile:
    """The zip archive of `wheel`; raises RefusedWheelError unless it is the announced one."""
    sha256, size = sha256_of(wheel.path)
    problems = []
    if size != wheel.size:
        problems.append(f"has {size} bytes, but the lockfile has {wheel.size}")
    if sha256 != wheel.sha256:
        problems.append(f"has SHA-256 {sha256}, but the lockfile has {wheel.sha256}")
    if problems:
        raise RefusedWheelError(wheel, problems)
    try:
        return zipfile.ZipFile(wheel.path)
    except checks.READ_ERRORS as e:
        raise RefusedWheelError(wheel, [f"not a readable zip archive: {e}"]) from None


class _ProblemsError(Exception):
    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True)
class _Entry:
    """A file of the wheel and where it goes."""

    info: zipfile.ZipInfo
    record: RecordEntry | None
    """What RECORD says of it, if that can be compared with the file."""
    path: str | None
    """In the layer; None for a file that is checked and left out."""
    executable: bool = False
    again: bool = False
    """Whether another entry, with the same content, has the same place and comes before."""


class _Plan:
    """The place of every file of a wheel, decided before anything is unpacked."""

    def __init__(self, archive: zipfile.ZipFile, wheel: LayerWheel, layout: LayerLayout) -> None:
        """Raises _ProblemsError with all problems that show without unpacking."""
        infos = archive.infolist()
        problems = list(checks.entry_problems(infos, wheel.size))
        if not problems:
            problems.extend(checks.link_problems(archive))
        dist_info = DistInfo(archive, wheel.file_name)
        problems.extend(dist_info.problems)
        if problems:
            raise _ProblemsError(problems)
        self._file_name = wheel.file_name
        self._links = [info.filename for info in infos if checks.is_link(info)]
        self._layout = layout
        self._exclusions = Exclusions(wheel.exclude, layout)
        self._dist_info = dist_info
        self._chosen = ChosenScripts(wheel, layout)
        # Those that we build are not: an archive that takes streams as they are would be large.
        self.is_compressed = any(info.compress_type != zipfile.ZIP_STORED for info in infos)
        self._scripts: list[str] = []
        """The names of scripts that are left out."""
        self.dist_info_path = layout.site_packages / dist_info.folder
        entries = []
        for info in infos:
            if info.is_dir():
                continue
            record = dist_info.expected(info.filename)
            try:
                path = self._destination(archive, info)
                # Windows decides by the suffix.
                executable = layout.os_name == "posix" and (
                    checks.is_executable(info) or self._is_in_scripts(path)
                )
                entries.append(_Entry(info, record, path, executable))
            except ValueError as e:
                problems.append(f"`{printable(info.filename)}`: {e}")
        problems.extend(_clashes([*entries, *self._made_here()]))
        if layout.os_name == "nt":
            problems.extend(_windows_problems(entries))
        if problems:
            raise _ProblemsError(problems)
        entries.sort(key=lambda entry: (entry.path or "", entry.info.filename))
        self.entries = [
            replace(entry, again=before is not None and before.path == entry.path is not None)
            for before, entry in zip([None, *entries], entries)
        ]

    def note_wrong_hash(self, name: str) -> None:
        """Note that RECORD has another hash for a file."""
        self._dist_info.record_remarks.append(f"`{printable(name)}` has another hash")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is wrong with a wheel that is used all the same: no more than one sentence."""
        parts = []
        wrong = self._dist_info.record_remarks
        if wrong:
            parts.append(
                f"its RECORD is wrong ({and_more(wrong, _FEW)}), and that of the layer is right"
            )
        if self._links:
            shown = and_more([f"`{printable(name)}`" for name in self._links], _FEW)
            parts.append(
                "like pip, a layer has symbolic links of a wheel as files with the link's text: "
                f"{shown}"
            )
        if self._scripts and not self._has_content:
            shown = and_more([f"`{printable(name)}`" for name in sorted(self._scripts)], _FEW)
            parts.append(
                "it consists of scripts, which layers have if `include_scripts` names them: "
                f"{shown}"
            )
        return (f"`{self._file_name}`: {'; '.join(parts)}.",) if parts else ()

    @property
    def _has_content(self) -> bool:
        """Whether a layer has more of the wheel than its metadata."""
        metadata = f"{self.dist_info_path}/"
        return any(e.path is not None and not e.path.startswith(metadata) for e in self.entries)

    def _made_here(self) -> list[_Entry]:
        made = []
        for name in ("INSTALLER", "RECORD"):
            info = zipfile.ZipInfo(f"{self._dist_info.folder}/{name}")
            # That of no file.
            info.CRC = -1
            made.append(_Entry(info, None, str(self.dist_info_path / name)))
        for path in self._chosen.launchers:
            info = zipfile.ZipInfo(f"{path} (made here)")
            info.CRC = -1
            made.append(_Entry(info, None, path))
        return made

    @property
    def made_before_record(self) -> list[tuple[str, bytes, bool]]:
        """Files that are made here: path, content, and whether it is executable; by path."""
        launchers = [(path, text, True) for path, text in self._chosen.launchers.items()]
        return sorted([(str(self.dist_info_path / "INSTALLER"), INSTALLER, False), *launchers])

    def _is_in_scripts(self, path: str | None) -> bool:
        return path is not None and self._layout.is_in_scripts(PurePosixPath(path))

    def _destination(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str | None:
        """The place of a file, None if it is left out; raises ValueError for an unknown scheme."""
        top, _, rest = info.filename.partition("/")
        if top == self._dist_info.folder and rest in _NOT_COPIED:
            return None
        _, path = place(info.filename, self._dist_info.identity, self._layout)
        if self._exclusions.leave_out(path):
            return None
        if self._layout.keeps_program(path) and is_program(archive, info):
            return str(path)
        if self._layout.is_in_scripts(path):
            chosen = self._chosen.place(archive, info, path)
            if chosen is not None:
                return chosen
            self._scripts.append(path.name)
        return None if self._layout.is_dropped(path) else str(path)


def _clashes(entries: list[_Entry]) -> Iterator[str]:
    """Entries of different content with the same place, or with a place below a file."""
    taken: dict[str, _Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.info.filename):
        if entry.path is None:
            continue
        other = taken.setdefault(entry.path, entry)
        if not checks.is_same_content(other.info, entry.info):
            yield _clash(other, entry)
    for path in sorted(taken):
        parent = path
        while "/" in parent:
            parent = parent.rpartition("/")[0]
            if parent in taken:
                name = printable(taken[path].info.filename)
                yield f"`{name}`: `{parent}` is a file; pip fails, too"


def _clash(one: _Entry, other: _Entry) -> str:
    first, second = printable(one.info.filename), printable(other.info.filename)
    return (
        f"`{first}` and `{second}` are both installed as `{printable(other.path or '')}`, and "
        "differ; pip would keep the one of the `.data` folder"
    )


def _windows_problems(entries: list[_Entry]) -> Iterator[str]:
    for entry in entries:
        problem = windows_problem(entry.path or "")
        if problem is not None:
            yield f"`{printable(entry.info.filename)}`: {problem}"


def _write(
    archive: zipfile.ZipFile,
    plan: _Plan,
    sink: FileSink,
    layout: LayerLayout,
    byte_code: str | None,
) -> None:
    """Stream the wheel's files into the sink, in the order of their paths, RECORD last."""
    problems: list[str] = []
    written: list[ArchivedFile] = []
    made = plan.made_before_record
    for entry in plan.entries:
        while made and entry.path is not None and entry.path > made[0][0]:
            written.append(_add_made(*made.pop(0), sink))
        # After the first problem the files are useless; reading goes on to report all problems.
        problem = _add(archive, entry, plan, None if problems else sink, written)
        if problem is not None:
            problems.append(f"`{printable(entry.info.filename)}`: {problem}")
    if problems:
        raise _ProblemsError(problems)
    written += [_add_made(*file, sink) for file in made]
    written += add_byte_code(byte_code, str(layout.site_packages), sink)
    record_path = str(plan.dist_info_path / "RECORD")
    text = record_text(written, record_path, layout).encode("utf-8")
    sink.add_file(record_path, [text], len(text))


def _add_made(path: str, content: bytes, executable: bool, sink: FileSink) -> ArchivedFile:
    return sink.add_file(path, [content], len(content), executable=executable)


def _add(
    archive: zipfile.ZipFile,
    entry: _Entry,
    plan: _Plan,
    sink: FileSink | None,
    written: list[ArchivedFile],
) -> str | None:
    """Add a file to `sink` and to `written`; return its problem, if any.

    Without a sink, or for a file that is left out, only read and compare it.
    """
    content = WheelContent(archive, entry.info, entry.record)
    executable = entry.executable
    can_stream = isinstance(sink, StreamSink) and content.has_stream and plan.is_compressed
    if sink is None or entry.path is None or entry.again:
        content.check()
    elif isinstance(sink, StreamSink) and can_stream:
        content.check()
        if content.problem is None:
            written.append(sink.add_stream(entry.path, content.stream(), executable=executable))
    else:
        try:
            file = sink.add_file(entry.path, content, entry.info.file_size, executable=executable)
            written.append(file)
        except ValueError as e:
            if content.problem is None:
                raise AssertionError from e
    if content.problem is None and not content.is_as_recorded:
        plan.note_wrong_hash(entry.info.filename)
    if sink is not None and entry.again and content.sha256 != written[-1].sha256:
        return f"is installed as `{entry.path}`, as another file is, and differs"
    return content.problem


def record_text(files: list[ArchivedFile], record_path: str, layout: LayerLayout) -> str:
    """RECORD for the files of a wheel, sorted, with paths relative to site-packages."""
    rows = [(_record_name(record_path, layout), "", "")]
    for file in files:
        digest = base64.urlsafe_b64encode(bytes.fromhex(file.sha256)).decode("ascii")
        rows.append(
            (_record_name(file.path, layout), f"sha256={digest.rstrip('=')}", f"{file.size}")
        )
    return "".join(f"{_csv_field(path)},{digest},{size}\n" for path, digest, size in sorted(rows))


def _record_name(path: str, layout: LayerLayout) -> str:
    # Absolute paths: for others, `relpath` asks for the working directory.
    return posixpath.relpath(f"/{path}", f"/{layout.site_packages}")


def _csv_field(text: str) -> str:
    # By hand: Python releases differ in which fields the `csv` module quotes.
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"') else text
