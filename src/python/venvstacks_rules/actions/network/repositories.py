"""The files of a commit, from a git repository on a server.

``git`` fetches them with the configuration and credentials of the person who builds. What is in the
archive follows from the commit alone: names, bytes, links and the permission to execute, as git
keeps them. No filter, no attribute and no setting of the machine changes them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO

from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.network.commits import Commit
from venvstacks_rules.model.network.credentials import hidden_credentials
from venvstacks_rules.model.values import dataclass
from venvstacks_rules.model.wording import printable_lines

TOP = "source"
"""The folder in the archive."""

_MOST_LINES = 10
_UNREADABLE = "git cannot read the files that it fetched"
# No system has links to longer paths.
_MOST_LINK = 65536
_LINK, _SUBMODULE = "120000", "160000"
_EXECUTABLE = "100755"

# Given up below 1 kB/s over a minute; no programs of a template. Whatever the user's own settings:
# the repository is ours, names commits by SHA-1, and nothing works in it when git has ended.
_SETTINGS = (
    "--git-dir=.",
    *("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"),
    *("-c", "core.hooksPath=/dev/null", "-c", "init.templateDir="),
    *("-c", "init.defaultObjectFormat=sha1"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),
)


@dataclass(frozen=True)
class _Entry:
    mode: str
    object: str
    path: str


def save_commit(commit: Commit, output: Path) -> None:
    """Write the files of a commit to a tar archive; raises NetworkError if that fails."""
    with tempfile.TemporaryDirectory(prefix="commit-") as temporary:
        repository = _Repository(Path(temporary), commit)
        repository.fetch()
        entries = repository.entries()
        with tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as archive:
            for entry, size, content in repository.contents(entries):
                archive.addfile(_member(entry, size, content), content)


def _member(entry: _Entry, size: int, content: _Contents) -> tarfile.TarInfo:
    # All else is what `TarInfo` begins with: no owner, and the time 0.
    member = tarfile.TarInfo(f"{TOP}/{entry.path}")
    if entry.mode == _LINK:
        member.type, member.linkname = tarfile.SYMTYPE, os.fsdecode(content.read(size))
    else:
        member.size = size
        member.mode = 0o755 if entry.mode == _EXECUTABLE else 0o644
    return member


class _Contents:
    """The stream of several files, one after the other; `error` is raised where it ends early."""

    def __init__(self, stream: IO[bytes], error: NetworkError) -> None:
        self._stream = stream
        self._error = error

    def header(self) -> list[bytes]:
        return self._stream.readline().split()

    def read(self, size: int = -1, /) -> bytes:
        found = self._stream.read(size)
        if len(found) != size:
            raise self._error
        return found


class _Repository:
    def __init__(self, folder: Path, commit: Commit) -> None:
        self._folder = folder
        self._commit = commit

    def fetch(self) -> None:
        commit = self._commit.commit
        self._git("init", "--quiet", "--bare", ".")
        fetch = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
        try:
            self._git(*fetch, "--depth=1", self._commit.url, commit)
        except NetworkError:
            # Few servers refuse commits that no branch ends with. The error of the other way is
            # told: it is of the server or the network, if both fail.
            self._git(*fetch, self._commit.url, "+refs/*:refs/fetched/*")
            try:
                self._git("cat-file", "-e", f"{commit}^{{commit}}")
            except NetworkError:
                raise self._error("the repository has no such commit") from None

    def entries(self) -> list[_Entry]:
        listed = self._git("ls-tree", "-r", "-z", "--full-tree", self._commit.commit)
        entries = []
        for line in listed.split(b"\0"):
            about, _, path = line.partition(b"\t")
            if path:
                mode, _, name = about.decode("ascii").split(" ")
                entries.append(_Entry(mode, name, os.fsdecode(path)))
        modules = [entry.path for entry in entries if entry.mode == _SUBMODULE]
        if modules:
            raise self._error(
                f"the repository has submodules ({', '.join(modules[:3])}), whose files are in "
                "other repositories. Build a wheel of it and put it into a folder of `local_wheels`"
            )
        return entries

    def contents(self, entries: list[_Entry]) -> Iterator[tuple[_Entry, int, _Contents]]:
        """Each entry with its size, and the stream of which it has to be read."""
        with tempfile.TemporaryFile(dir=self._folder) as names:
            names.write("".join(f"{entry.object}\n" for entry in entries).encode())
            names.seek(0)
            with subprocess.Popen(
                [self._program, *_SETTINGS, "cat-file", "--batch"],
                cwd=self._folder,
                env=_environment(),
                stdin=names,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                assert process.stdout is not None
                contents = _Contents(process.stdout, self._error(_UNREADABLE))
                for entry in entries:
                    yield entry, self._size(entry, contents), contents
                    contents.read(1)  # The end of a line.

    def _size(self, entry: _Entry, contents: _Contents) -> int:
        header = contents.header()
        if len(header) != 3 or header[1] != b"blob":
            raise self._error(_UNREADABLE)
        size = int(header[2])
        if entry.mode == _LINK and size > _MOST_LINK:
            raise self._error(f"the link `{entry.path}` has a target of {size} bytes")
        return size

    def _git(self, *arguments: str) -> bytes:
        done = subprocess.run(
            [self._program, *_SETTINGS, *arguments],
            cwd=self._folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            # The user's settings may put a token into the URL (`url.<base>.insteadOf`).
            said = hidden_credentials(done.stderr.decode("utf-8", "replace"))
            lines = said.strip().splitlines()[-_MOST_LINES:]
            raise self._error(f"git says:\n{printable_lines(chr(10).join(lines))}")
        return done.stdout

    @cached_property
    def _program(self) -> str:
        found = shutil.which("git")
        if found is None:
            raise self._error(
                "fetching a commit needs the program `git`, which is not on the `PATH`. Install it"
            )
        return found

    def _error(self, problem: str) -> NetworkError:
        return NetworkError(f"{self._commit.url} at {self._commit.commit}: {problem}")


def git_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What tells git of authorities, and that nobody answers its questions."""
    authorities = {
        git: environ[name]
        for name, git in (("SSL_CERT_FILE", "GIT_SSL_CAINFO"), ("SSL_CERT_DIR", "GIT_SSL_CAPATH"))
        if environ.get(name)
    }
    return {**authorities, "GIT_TERMINAL_PROMPT": "0"}


def _environment() -> dict[str, str]:
    """That of the process, without variables that make git look at another repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Messages in English, for a page that people search.
    return {**kept, **git_variables(os.environ), "LC_ALL": "C.UTF-8"}
