"""Finds wheels that a build would refuse, before they are locked.

The directory of a wheel and its metadata show it. They lie at its end, so that one or two requests
for a part of the file are enough. What cannot be learnt that way, the build will say: from servers
that send no parts of files, of wheels that would take too much, or after too long.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

from venvstacks_rules.actions.locking.local_wheels import LocalWheelFolders
from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.actions.network.parts import (
    RemoteParts,
    TooManyPartsError,
    UnreadPartError,
)
from venvstacks_rules.actions.wheels.checks import READ_ERRORS
from venvstacks_rules.actions.wheels.installed import RefusedWheelError, check_wheel, opened_wheel
from venvstacks_rules.model.contents.inputs import LayerWheel
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.locks.selection import best_wheel, fitting_platforms
from venvstacks_rules.model.network.credentials import indexes_for, server
from venvstacks_rules.model.platforms.markers import may_hold
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform
from venvstacks_rules.model.requests.lock import LockLayerRequest

_CONNECTIONS = 8
_SECONDS = 30
"""After which no more wheels are looked at."""


@dataclass(frozen=True)
class _Remote:
    """A wheel on a server, and the systems that it is for."""

    wheel: LockedWheel
    url: str
    index: str | None
    systems: tuple[str, ...]


@dataclass(frozen=True)
class WheelChecks:
    """Checks of the wheels of one layer."""

    request: LockLayerRequest
    config: UvConfig
    folders: LocalWheelFolders
    platforms: tuple[TargetPlatform, ...]
    python_version: str
    previous: Lockfile | None
    """The committed lock, whose wheels on servers are not looked at again."""
    _silent: set[tuple[str, str, int | None]] = field(default_factory=set)
    """Servers that did not send a part of a file."""

    def check(self, packages: Sequence[LockedPackage]) -> None:
        """Raise LockError for wheels that no layer can install."""
        found = [*self._local(packages), *self._remote(packages)]
        problems: dict[str, None] = {}
        versions: dict[str, None] = {}
        for package, refused in found:
            problems.update(dict.fromkeys(refused))
            versions[f"`{package.name}!={package.version}`"] = None
        if problems:
            wanted = ", ".join(versions)
            raise LockError(
                f"{self.request.target}: wheels that no layer can install",
                [*problems, f"to lock other versions, add {wanted} to `requirements`"],
            )

    def _local(
        self, packages: Sequence[LockedPackage]
    ) -> Iterator[tuple[LockedPackage, list[str]]]:
        """Problems of wheels in `local_wheels`: of all that fit."""
        targets = self.request.linux_target, self.request.macosx_target
        version = short_version(self.python_version)
        for package in packages:
            for wheel in package.wheels:
                folder = self.folders.path_of((wheel.path or "").rpartition("/")[0])
                if wheel.path is None or folder is None:
                    continue
                file = self._file(wheel, f"{folder}/{wheel.file_name}")
                fitting = fitting_platforms([wheel], version, *targets)
                systems = {p.os_name for p in self.platforms if p.name in fitting}
                if not systems:
                    continue
                try:
                    with opened_wheel(file) as archive:
                        found = self._found(archive, file, sorted(systems))
                except RefusedWheelError as e:
                    found = e.problems
                if found:
                    yield package, found

    def _remote(
        self, packages: Sequence[LockedPackage]
    ) -> Iterator[tuple[LockedPackage, list[str]]]:
        """Problems of wheels on servers: of those that the layer would have on its platforms."""
        wanted = [(package, one) for package in packages for one in self._chosen(package)]
        first = {server(one.url): (package, one) for package, one in reversed(wanted)}
        others = [pair for pair in wanted if pair not in first.values()]
        deadline = time.monotonic() + _SECONDS
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            # Where the first one cannot be read, the others are not asked for.
            for pairs in (list(first.values()), others):
                results = pool.map(lambda pair: self._problems(pair[1], deadline), pairs)
                yield from ((pair[0], found) for pair, found in zip(pairs, results) if found)

    @cached_property
    def _known(self) -> frozenset[str]:
        packages = self.previous.packages if self.previous is not None else ()
        return frozenset(wheel.sha256 for package in packages for wheel in package.wheels)

    def _chosen(self, package: LockedPackage) -> Iterator[_Remote]:
        systems: dict[LockedWheel, set[str]] = {}
        for platform in self.platforms:
            if not package.wheels or not may_hold(package.marker, platform, self.python_version):
                continue
            wheel = best_wheel(
                package.wheels,
                platform=platform,
                python_version=self.python_version,
                linux_target=self.request.linux_target,
                macosx_target=self.request.macosx_target,
            )
            if wheel is not None and wheel.url is not None and wheel.sha256 not in self._known:
                systems.setdefault(wheel, set()).add(platform.os_name)
        for wheel, names in systems.items():
            yield _Remote(wheel, wheel.url or "", package.index, tuple(sorted(names)))

    def _problems(self, one: _Remote, deadline: float) -> list[str]:
        """The problems of a wheel on a server; none if they cannot be known."""
        place = server(one.url)
        if place in self._silent or time.monotonic() > deadline:
            return []
        file = self._file(one.wheel, one.wheel.file_name)
        indexes = indexes_for(one.url, one.index, self.config.indexes)
        try:
            with zipfile.ZipFile(RemoteParts(one.url, one.wheel.size, indexes)) as archive:
                return self._found(archive, file, one.systems)
        except TooManyPartsError:
            return []
        except UnreadPartError:
            self._silent.add(place)
            return []
        except READ_ERRORS:
            # Nothing that was read has the hash of the wheel: the build will know.
            return []

    def _found(
        self, archive: zipfile.ZipFile, file: LayerWheel, systems: Sequence[str]
    ) -> list[str]:
        version = short_version(self.python_version)
        problems: dict[str, None] = {}
        for os_name in systems:
            try:
                check_wheel(archive, file, LayerLayout(version, os_name))
            except RefusedWheelError as e:
                problems.update(dict.fromkeys(e.problems))
        return list(problems)

    def _file(self, wheel: LockedWheel, path: str) -> LayerWheel:
        name = normalised_name(wheel.file_name.split("-", maxsplit=1)[0])
        chosen = {files.name: files for files in self.request.chosen_files}.get(name)
        if chosen is None:
            return LayerWheel(path, wheel.file_name, wheel.sha256, wheel.size)
        return LayerWheel(
            path, wheel.file_name, wheel.sha256, wheel.size, chosen.exclude, chosen.scripts
        )
