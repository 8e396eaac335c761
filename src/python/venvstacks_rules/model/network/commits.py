"""Commits of git repositories, as requirements name them: ``git+https://host/path@<commit>``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from venvstacks_rules.model.network.credentials import has_credentials
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.model.values import dataclass

_GIT = "git+"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SUBDIRECTORY = "subdirectory="


@dataclass(frozen=True)
class Commit:
    """A commit, and the folder of the project in it."""

    url: str
    """Of the repository: http or https, without credentials."""
    commit: str
    """40 hexadecimal digits."""
    subdirectory: str | None = None
    """Relative, with forward slashes; None for the top."""

    @property
    def reference(self) -> str:
        """As a requirement has it behind its ``@``."""
        folder = "" if self.subdirectory is None else f"#{_SUBDIRECTORY}{self.subdirectory}"
        return f"{_GIT}{self.url}@{self.commit}{folder}"

    @property
    def problem(self) -> str | None:
        """What is wrong with one from outside, or None."""
        problem = url_problem(self.url)
        if problem is None and has_credentials(self.url):
            problem = "the URL contains credentials"
        if problem is None and _COMMIT.fullmatch(self.commit) is None:
            problem = f"`{self.commit}` is not a commit of 40 hexadecimal digits"
        if problem is None and self.subdirectory is not None and not _inside(self.subdirectory):
            problem = f"`{self.subdirectory}` is not a folder of the repository"
        return problem

    @classmethod
    def of_vcs(cls, vcs: Mapping[str, object]) -> Commit | None:
        """From the table ``vcs`` of a `pylock` file; None for other systems than git."""
        url, commit = vcs.get("url"), vcs.get("commit-id")
        if vcs.get("type") != "git" or not isinstance(url, str) or not isinstance(commit, str):
            return None
        folder = vcs.get("subdirectory")
        return cls(url, commit, folder if isinstance(folder, str) else None)

    def to_vcs(self) -> dict[str, object]:
        """The table ``vcs`` of a `pylock` file."""
        folder = {} if self.subdirectory is None else {"subdirectory": self.subdirectory}
        return {"type": "git", "url": self.url, "commit-id": self.commit, **folder}


def is_repository(url: str) -> bool:
    """Whether a requirement's URL names a repository of a version control system."""
    return url.split(":", maxsplit=1)[0].partition("+")[0] in ("git", "hg", "svn", "bzr")


def commit_problem(url: str) -> str | None:
    """What is wrong with the URL of a repository, for the end of a sentence; None if nothing is.

    The URL has no credentials: these are looked for before.
    """
    if not url.startswith((f"{_GIT}https://", f"{_GIT}http://")):
        return "which names a repository, but not by `git+https`"
    located, _, fragment = url.partition("#")
    address, at, commit = located[len(_GIT) :].rpartition("@")
    if not at or "/" not in address.partition("://")[2]:
        return "which names a repository, but no commit, so that its files may change"
    if _COMMIT.fullmatch(commit) is None:
        return f"whose {commit!r} is not a commit of 40 hexadecimal digits, so that it may move"
    if not fragment:
        return None
    folder = fragment[len(_SUBDIRECTORY) :] if fragment.startswith(_SUBDIRECTORY) else None
    if folder is None or not _inside(folder):
        return f"whose {'#' + fragment!r} is not `#subdirectory=` and a folder of the repository"
    return None


def _inside(folder: str) -> bool:
    return all(part not in ("", ".", "..") for part in folder.split("/")) and not re.search(
        r"[\x00-\x1f\x7f\\&]", folder
    )
