"""Judges what an archive may create by its names and links, and creates it in a folder.

It judges members by what this archive has created so far, so the folder must be new, and no other
process may write to it. It creates everything exclusively: if a file system takes two names for
one, the second one fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from venvstacks_rules.local.files.streams import naming, write_all
from venvstacks_rules.model.contents.files import MODIFICATION_TIME
from venvstacks_rules.model.errors import MOST_PROBLEMS
from venvstacks_rules.model.paths import link_problem, path_problem
from venvstacks_rules.model.wording import printable

FOLDER, FILE, LINK = "a folder", "a file", "a symbolic link"


@dataclass
class Extraction:
    """One run over the members of an archive; it writes nothing after the first problem."""

    folder: str
    install_target: str
    kinds: dict[str, str] = field(default_factory=dict)
    """The whole content of the folder: kinds by path."""
    problems: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether there is no problem so far, so that files are to be written."""
        return not self.problems

    def note(self, name: str, problem: str | None) -> bool:
        """Add the problem of a member, if any; return False once there are enough."""
        if problem is not None:
            self.problems.append(f"`{printable(name)}`: {problem}")
        if len(self.problems) < MOST_PROBLEMS:
            return True
        self.problems.append("and perhaps more: the rest was not checked")
        return False

    def place_problem(self, name: str) -> str | None:
        """Why a member may not have this name, or None."""
        problem = path_problem(name)
        if problem is None and name.split("/", maxsplit=1)[0] != self.install_target:
            problem = f"not below `{self.install_target}/`"
        return problem

    def make_way(self, name: str, kind: str) -> str | None:
        """Create the folders above a member of `kind`; return why that is impossible, or None."""
        before = self.kinds.get(name)
        if before not in (None, kind):
            return f"{kind}, but {before} earlier in the same archive"
        return self._make_folders(name)

    def _make_folders(self, name: str) -> str | None:
        missing = []
        parent = name.rpartition("/")[0]
        while parent and parent not in self.kinds:
            missing.append(parent)
            parent = parent.rpartition("/")[0]
        if parent and self.kinds[parent] is not FOLDER:
            return f"below `{printable(parent)}`, which is {self.kinds[parent]}"
        for folder in reversed(missing):
            self.kinds[folder] = FOLDER
            if self.is_sound:
                self.make_folder(folder)
        return None

    def make_folder(self, name: str) -> None:
        """Create a folder in an existing one."""
        path = f"{self.folder}/{name}"
        os.mkdir(path)
        os.chmod(path, 0o755)

    def make_link(self, name: str, target: str) -> None:
        """Create a symbolic link whose target was judged."""
        os.symlink(target, f"{self.folder}/{name}")

    def make_hard_link(self, name: str, target: str) -> None:
        """Create another name for a file that this archive has created."""
        os.link(f"{self.folder}/{target}", f"{self.folder}/{name}")

    def remove(self, name: str) -> None:
        """Remove a file or a link."""
        os.unlink(f"{self.folder}/{name}")

    def make_file(self, name: str, content: Iterable[bytes], *, executable: bool) -> None:
        """Create a file.

        Its mode depends on `executable` only, not on the archive or the umask.
        """
        place = f"{self.folder}/{name}"
        with naming(place), open(place, "xb", buffering=0) as out:
            for chunk in content:
                write_all(out, chunk)
            os.fchmod(out.fileno(), 0o755 if executable else 0o644)
            os.utime(out.fileno(), (MODIFICATION_TIME, MODIFICATION_TIME))


def target_problem(name: str, target: str) -> str | None:
    """The problem of a symbolic link, or None; it may point to any sibling of the layer's folder.

    Steps up are allowed at the start only, where they count from a real folder: after another link
    they could lead anywhere.
    """
    _, _, inner = name.partition("/")
    problem = link_problem(inner, target, ups_first=True)
    return problem and f"a symbolic link to `{printable(target)}`: {problem}"
