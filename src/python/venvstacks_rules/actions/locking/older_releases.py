"""Older releases of packages whose newest one has no wheel for a platform of the layer.

`uv` knows systems and machines, not how old a system may be: it takes a release whose wheels need a
newer macOS or glibc than the layer is for. Here is what it has to be told to take an older one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from venvstacks_rules.actions.locking.local_wheels import LocalWheelFolders
from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.actions.network.downloads import DownloadFailedError
from venvstacks_rules.actions.network.wheel_search import names_in_index
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel
from venvstacks_rules.model.locks.selection import best_wheel
from venvstacks_rules.model.network.credentials import indexes_for
from venvstacks_rules.model.platforms.markers import platform_marker
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, TargetPlatform


@dataclass(frozen=True)
class MissingWheels:
    """A locked package without a wheel for some platforms of the layer."""

    package: LockedPackage
    platforms: tuple[str, ...]


class MissingWheelsError(LockError):
    """A solution has packages without a wheel for a platform."""

    def __init__(self, target: str, missing: Iterable[MissingWheels], problems: list[str]) -> None:
        super().__init__(f"{target}: packages without wheels", problems)
        self.missing = tuple(missing)


@dataclass
class OlderReleases:
    """The newest releases to look at, by package and platform, so that each has a wheel."""

    config: UvConfig
    local_wheels: LocalWheelFolders
    python_version: str
    linux_target: str
    macosx_target: str
    _newest: dict[tuple[str, str], Version] = field(default_factory=dict)
    _known: dict[tuple[str, str | None], dict[Version, list[LockedWheel]]] = field(
        default_factory=dict
    )
    """The wheels of all releases, by package and index: a package may go back several times."""

    @property
    def constraints(self) -> tuple[str, ...]:
        """What `uv` has to be told, as PEP 508 requirements."""
        where: dict[tuple[str, Version], list[TargetPlatform]] = {}
        for (name, platform), version in sorted(self._newest.items()):
            where.setdefault((name, version), []).append(PLATFORMS[platform])
        return tuple(
            f"{name}<={version} ; {platform_marker(platforms)}"
            for (name, version), platforms in where.items()
        )

    def add(self, missing: Iterable[MissingWheels]) -> bool:
        """Add older releases of all these packages; False if one has none with a wheel."""
        for lack in missing:
            place = lack.package.name, lack.package.index
            if place not in self._known:
                self._known[place] = self._releases(lack.package)
            releases = self._known[place]
            for platform in lack.platforms:
                found = self._with_wheel(releases, Version(lack.package.version), platform)
                if found is None:
                    return False
                self._newest[lack.package.name, platform] = found
        return True

    def _with_wheel(
        self,
        releases: Mapping[Version, list[LockedWheel]],
        below: Version,
        platform: str,
    ) -> Version | None:
        older = sorted((version for version in releases if version < below), reverse=True)
        for version in older:
            # `uv` takes a pre-release only where it is told to.
            if version.is_prerelease and not below.is_prerelease:
                continue
            wheel = best_wheel(
                releases[version],
                platform=PLATFORMS[platform],
                python_version=self.python_version,
                linux_target=self.linux_target,
                macosx_target=self.macosx_target,
            )
            if wheel is not None:
                return version
        return None

    def _releases(self, package: LockedPackage) -> dict[Version, list[LockedWheel]]:
        """The wheels of all releases, by version, in the place that the package comes from."""
        found: dict[Version, list[LockedWheel]] = {}
        for name in self._file_names(package):
            try:
                distribution, version, _, _ = parse_wheel_filename(name)
            except InvalidWheelFilename:
                continue
            if distribution == package.name:
                found.setdefault(version, []).append(LockedWheel(name, None, None, 0, ""))
        return found

    def _file_names(self, package: LockedPackage) -> list[str]:
        if package.index is None:
            folders = map(Path, self.local_wheels.find_links)
            return sorted(file.name for folder in folders for file in folder.glob("*.whl"))
        indexes = indexes_for(package.index, package.index, self.config.indexes)
        try:
            return names_in_index(package.index, package.name, indexes)
        except DownloadFailedError:
            # `uv` has just read it: what it found is the better message.
            return []
