"""The versions of packages in a lockfile, to compare two lockfiles of a layer."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from venvstacks_rules.model.locks.pylock import Lockfile


@dataclass(frozen=True, order=True)
class LockedVersions:
    """The versions of one package: several if its markers exclude each other."""

    versions: tuple[Version, ...]
    """The newest first."""

    def __str__(self) -> str:
        return ", ".join(map(str, self.versions))

    @property
    def major(self) -> int:
        """Of the newest version, as the two parts below."""
        return self.versions[0].major

    @property
    def minor(self) -> int:
        """The second part."""
        return self.versions[0].minor

    @property
    def micro(self) -> int:
        """The third part."""
        return self.versions[0].micro


def installed_versions(lockfile: Lockfile) -> dict[str, LockedVersions]:
    """What the layer itself installs, by name; not what it takes from layers below."""
    found: dict[str, set[Version]] = {}
    for package in lockfile.packages:
        if not package.from_lower_layer:
            found.setdefault(package.name, set()).add(Version(package.version))
    return {
        name: LockedVersions(tuple(sorted(versions, reverse=True)))
        for name, versions in sorted(found.items())
    }
