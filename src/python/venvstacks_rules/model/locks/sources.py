"""Packages whose wheels are built from a source archive, as locks know them."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.network.commits import Commit


@dataclass(frozen=True)
class PinnedArchive:
    """A file that a build needs: a source archive, or a wheel of what the build requires."""

    url: str
    size: int
    """In bytes."""
    sha256: str

    @property
    def file_name(self) -> str:
        """The name at the end of the URL."""
        return self.url.split("#")[0].split("?")[0].rsplit("/", 1)[-1]

    def to_dict(self) -> dict[str, object]:
        """As in a lockfile."""
        return {"url": self.url, "size": self.size, "hashes": {"sha256": self.sha256}}


@dataclass(frozen=True)
class LockedSource:
    """The source archive of a package, and the wheels with what its build needs."""

    archive: PinnedArchive
    build_wheels: tuple[PinnedArchive, ...]
    """Of all packages that the build requires, for all platforms, sorted by file name."""
    commit: Commit | None = None
    """If the archive has the files of a commit; its URL is that of the requirement then."""

    def to_dict(self, tool: str) -> dict[str, object]:
        """The keys of the package in a lockfile; ours are in the table `tool`."""
        build = [wheel.to_dict() for wheel in self.build_wheels]
        if self.commit is None:
            return {
                "sdist": self.archive.to_dict(),
                "tool": {tool: {"from": "sdist", "build": build}},
            }
        archive = {"size": self.archive.size, "hashes": {"sha256": self.archive.sha256}}
        return {
            "vcs": self.commit.to_vcs(),
            "tool": {tool: {"from": "vcs", "archive": archive, "build": build}},
        }
