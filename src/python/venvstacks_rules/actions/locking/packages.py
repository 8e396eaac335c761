"""Makes the packages of a layer's lock: its own with wheels, and provided ones without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from venvstacks_rules.actions.locking.distributions import DistributionWheels
from venvstacks_rules.actions.locking.imposed import ImposedVersions
from venvstacks_rules.actions.locking.local_wheels import LocalWheelFolders
from venvstacks_rules.actions.locking.older_releases import (
    MissingWheels,
    MissingWheelsError,
    OlderReleases,
)
from venvstacks_rules.actions.locking.remedies import remedies, without_foreign_hints
from venvstacks_rules.actions.locking.source_archives import SourceArchives
from venvstacks_rules.actions.locking.uv import Resolution, UvFailedError, resolve
from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.actions.locking.wheel_sizes import complete_wheels, known_sizes
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.requirements import normalised_requirements
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile, last_component
from venvstacks_rules.model.locks.selection import (
    best_wheel,
    fitting_platforms,
    no_wheel_problems,
    wheel_lack,
)
from venvstacks_rules.model.locks.shared import ProvidedPackages
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.model.platforms.markers import may_hold
from venvstacks_rules.model.requests.lock import LockLayerRequest

# Each goes back by a release that has wheels, until all others have, too.
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class PackageLocker:
    """Locks the packages of one layer."""

    request: LockLayerRequest
    config: UvConfig
    local_wheels: LocalWheelFolders
    provided: ProvidedPackages
    lower: tuple[tuple[str, Lockfile], ...]
    previous: Lockfile | None
    python: str | None = None
    """An interpreter of the layer's version, if packages are built from source."""

    def lock(self) -> tuple[LockedPackage, ...]:
        """The packages, sorted; raises LockError if the layer cannot be locked."""
        imposed = ImposedVersions.of(self.request, self.provided.constraints)
        packages: tuple[LockedPackage, ...] = ()
        if self._requirements:
            relaxed = imposed.relaxed()
            try:
                packages = self._resolved(imposed, self._preferred())
            except LockError:
                # A version of the layer's own is the last resort.
                if relaxed == imposed:
                    raise
                packages = self._resolved(relaxed, self._preferring_lower(self._preferred()))
        unknown = imposed.unknown_choices(
            packages, self.lower, self.provided.platforms, self.provided.python_version
        )
        problems = list(unknown)
        if problems:
            raise LockError(f"{self.request.target}: choices about unknown packages", problems)
        return packages

    def _resolved(
        self, imposed: ImposedVersions, preferred: Lockfile | None
    ) -> tuple[LockedPackage, ...]:
        choices = self.request.choices
        resolution = Resolution(
            python_version=self.provided.python_version,
            requirements=self._requirements,
            constraints=imposed.constraints,
            distributions=self._distributions,
            build_from_source=self.request.build_from_source,
            python=self.python,
            overrides=choices.override_requirements,
            without_dependencies=choices.without_dependencies,
            platforms=self.provided.platforms,
            config=self.config,
            local_wheels=self.local_wheels,
            previous=preferred,
        )
        # The solution for all platforms: `venvstacks` asks for the same, so the two tools agree. If
        # a platform of the layer lacks wheels in it, the solution for the layer's platforms.
        lacking: LockError | None = None
        try:
            return self._share(resolve(resolution, for_platforms=False), keep_markers=True)
        except LockError as e:
            lacking = e
        except UvFailedError:
            pass
        try:
            return self._resolved_for_platforms(resolution)
        except UvFailedError as e:
            # If a platform has no wheel there is no solution, and `uv` says so in its own terms;
            # the other solution showed which platforms lack wheels.
            raise lacking or self._unsatisfiable(imposed, str(e)) from None

    @cached_property
    def _sources(self) -> SourceArchives:
        own = () if self.request.upgrade or self.previous is None else (self.previous,)
        return SourceArchives(
            target=self.request.target,
            names=frozenset(self.request.build_from_source),
            config=self.config,
            locks=(*(lock for _, lock in self.lower), *own),
            resolve_wheels=self._build_wheels,
            python=self.python,
            python_version=self.provided.python_version,
            linux_target=self.request.linux_target,
            macosx_target=self.request.macosx_target,
        )

    def _build_wheels(self, requires: tuple[str, ...]) -> list[dict[str, Any]]:
        """The wheels of what a build requires, for all platforms of the layer."""
        resolution = Resolution(
            python_version=self.provided.python_version,
            requirements=requires,
            constraints=(),
            overrides=(),
            without_dependencies=(),
            platforms=self.provided.platforms,
            config=self.config,
            local_wheels=LocalWheelFolders({}),
            previous=None,
        )
        try:
            packages = resolve(resolution).get("packages", [])
        except UvFailedError as e:
            problem = f"`{', '.join(requires)}`: {without_foreign_hints(str(e))}"
            raise LockError(
                f"{self.request.target}: what a build from source requires", [problem]
            ) from None
        completed = complete_wheels(packages, self.config, {}, self.request.target)
        wheels = [wheel for wheels in completed for wheel in wheels if "url" in wheel]
        return sorted(wheels, key=lambda wheel: last_component(wheel["url"], None))

    @property
    def _requirements(self) -> tuple[str, ...]:
        """All that is asked for: what the layer declares, and its distributions."""
        declared = normalised_requirements(self.request.requirements)
        return (*declared, *self._distributions.requirements)

    @property
    def _distributions(self) -> DistributionWheels:
        return DistributionWheels(self.request.distributions)

    def _resolved_for_platforms(self, resolution: Resolution) -> tuple[LockedPackage, ...]:
        """The solution for the layer's platforms, with older releases where these have wheels."""
        older = OlderReleases(
            self.config,
            self.local_wheels,
            resolution.python_version,
            self.request.linux_target,
            self.request.macosx_target,
        )
        exported = resolve(resolution)
        first: LockError | None = None
        for _ in range(_MOST_ROUNDS):
            try:
                return self._share(exported)
            except MissingWheelsError as e:
                first = first or e
                if not older.add(e.missing):
                    break
            constraints = (*resolution.constraints, *older.constraints)
            try:
                exported = resolve(replace(resolution, constraints=constraints))
            except UvFailedError:
                break
        assert first is not None
        raise first

    def _preferred(self) -> Lockfile | None:
        """The previous lock without the pins that may change."""
        if self.previous is None or self.request.upgrade:
            return None
        upgraded = self.request.upgrade_packages
        kept = (package for package in self.previous.packages if package.name not in upgraded)
        return replace(self.previous, packages=tuple(kept))

    def _preferring_lower(self, preferred: Lockfile | None) -> Lockfile | None:
        """With the versions of lower layers for the packages of `relaxed_pins`.

        One that has to have another version does not move the others.
        """
        own = preferred.packages if preferred is not None else ()
        decided = {package.name for package in own if not package.from_lower_layer}
        wanted = set(self.request.choices.relaxed_pins) - decided
        below = {
            package.name: package
            for _, lock in reversed(self.lower)
            for package in lock.packages
            if package.name in wanted and not package.from_lower_layer
        }
        packages = (*(package for package in own if package.name not in below), *below.values())
        base = preferred or Lockfile(requires_python="", packages=())
        return replace(base, packages=packages) if packages else preferred

    def _unsatisfiable(self, imposed: ImposedVersions, text: str) -> LockError:
        problems = [without_foreign_hints(text)]
        problems += remedies(text, self.provided.python_version)
        problems += imposed.explanations(text)
        layer = self.request.layer_name
        return LockError(
            f"{self.request.target}: `uv` cannot lock the requirements of layer `{layer}`", problems
        )

    def _share(
        self, exported: Mapping[str, Any], *, keep_markers: bool = False
    ) -> tuple[LockedPackage, ...]:
        target = self.request.target
        packages = [self._with_wheels(package) for package in exported.get("packages", [])]
        raw = {(p["name"], p.get("version"), p.get("marker")): p for p in packages}
        resolved = {_without_wheels(package): key for key, package in raw.items()}
        shared, problems = self.provided.share(resolved, keep_markers=keep_markers)
        if problems:
            raise LockError(f"{target}: versions that contradict a lower layer", problems)
        found = {(p.name, p.version, p.index): raw[key] for p, key in resolved.items()}
        own = [package for package in shared if not package.from_lower_layer]
        sources = [found[package.name, package.version, package.index] for package in own]
        self._check_wheels([replace(p, wheels=_names(source)) for p, source in zip(own, sources)])
        completed = complete_wheels(sources, self.config, known_sizes(self.previous), target)
        # Read as untrusted data: much of it comes from an index.
        data = [
            # What is not a wheel stays in, and the reader refuses it by name.
            {**source, "name": package.name, "wheels": wheels, "marker": package.marker}
            for package, source, wheels in zip(own, sources, completed)
        ]
        for package in data:
            if package["marker"] is None:
                del package["marker"]
        read = Lockfile.from_dict(
            {"lock-version": "1.0", "requires-python": ">=3", "packages": data},
            f"{target}: what `uv` found",
        )
        result = [replace(new, index=old.index) for new, old in zip(read.packages, own)]
        result += [package for package in shared if package.from_lower_layer]
        return tuple(sorted(result, key=lambda p: (p.name, p.version, p.marker or "")))

    def _with_wheels(self, package: Mapping[str, Any]) -> dict[str, Any]:
        """An exported package with its wheels where lockfiles have them."""
        result = self._distributions.recorded(self.local_wheels.recorded(package))
        result = self._sources.recorded(result)
        archive = result.get("archive")
        if isinstance(archive, Mapping) and _archive_name(archive).endswith(".whl"):
            # The file of a direct URL. Installers accept it in `wheels` too, and `venvstacks`
            # only there.
            del result["archive"]
            result["wheels"] = [dict(archive)]
        return result

    def _check_wheels(self, packages: Iterable[LockedPackage]) -> None:
        version = self.provided.python_version
        targets = self.request.linux_target, self.request.macosx_target
        lacks = []
        lacking: list[MissingWheels] = []
        for package in packages:
            if not package.wheels:
                continue  # It has no wheels at all: the reader refuses it by name.
            missing = tuple(
                platform.name
                for platform in self.provided.platforms
                if may_hold(package.marker, platform, version)
                and best_wheel(
                    package.wheels,
                    platform=platform,
                    python_version=version,
                    linux_target=self.request.linux_target,
                    macosx_target=self.request.macosx_target,
                )
                is None
            )
            if missing:
                lacking.append(MissingWheels(package, missing))
                lacks.append(
                    wheel_lack(
                        package,
                        missing,
                        fitting_platforms(package.wheels, version, *targets),
                        python_version=version,
                        linux_target=self.request.linux_target,
                        macosx_target=self.request.macosx_target,
                    )
                )
        if lacks:
            without = {name for lack in lacking for name in lack.platforms}
            left = [p.name for p in self.provided.platforms if p.name not in without]
            problems = no_wheel_problems(lacks, left)
            lacking_names = ", ".join(lack.package.name for lack in lacking)
            problems += ImposedVersions.of(self.request, ()).explanations(lacking_names)
            raise MissingWheelsError(self.request.target, lacking, problems)


def _archive_name(archive: Mapping[str, Any]) -> str:
    return last_component(archive.get("url"), archive.get("path"))


def _without_wheels(package: Mapping[str, Any]) -> LockedPackage:
    index = package.get("index")
    return LockedPackage(
        name=package["name"],
        # A source tree may have no version; the reader refuses it for its lack of wheels.
        version=package.get("version", "0"),
        marker=package.get("marker"),
        index=None if index is None else without_credentials(index),
        wheels=(),
        from_distribution="tool" in package and not package.keys() & {"sdist", "vcs"},
    )


def _names(package: Mapping[str, Any]) -> tuple[LockedWheel, ...]:
    """The wheels of an exported package, without hashes and sizes: names say what they fit."""
    return tuple(
        LockedWheel(
            wheel.get("name") or last_component(wheel.get("url"), wheel.get("path")),
            wheel.get("url"),
            wheel.get("path"),
            0,
            "",
        )
        for wheel in package.get("wheels", [])
    )
