"""The versions that a layer does not choose itself, and what its own choices may say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from venvstacks_rules.actions.locking.distributions import DistributionWheels
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile
from venvstacks_rules.model.locks.shared import Constraint
from venvstacks_rules.model.network.commits import commit_problem
from venvstacks_rules.model.platforms.markers import may_hold
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform
from venvstacks_rules.model.requests.lock import LockLayerRequest


@dataclass(frozen=True)
class ImposedVersions:
    """Versions of lower layers, and of the resolve that decides the layer's versions."""

    request: LockLayerRequest
    lower: tuple[Constraint, ...]
    pins: tuple[str, ...]
    """Of the resolve, as PEP 508 requirements."""

    @classmethod
    def of(cls, request: LockLayerRequest, lower: tuple[Constraint, ...]) -> ImposedVersions:
        """All that the request and the layers below impose."""
        return cls(request, lower, request.resolve_pins)

    @property
    def constraints(self) -> tuple[str, ...]:
        """What ``uv`` has to be told, as PEP 508 requirements."""
        distributions = DistributionWheels(self.request.distributions)
        return (*distributions.constraints(self.lower), *self.pins)

    def relaxed(self) -> ImposedVersions:
        """Without the packages of `relaxed_pins`."""
        names = self.request.choices.relaxed_pins
        return replace(
            self,
            lower=tuple(each for each in self.lower if each.name not in names),
            pins=tuple(pin for pin in self.pins if _name(pin) not in names),
        )

    def explanations(self, text: str) -> Iterator[str]:
        """Where the versions and requirements of packages come from that `text`, of ``uv``, names.

        A version of which it says nothing is no reason.
        """
        for constraint in self.lower:
            if _names(text, constraint.name):
                yield (
                    f"`{constraint.requirement}` is imposed by lower layer `{constraint.layer}`, "
                    f"which provides it; {', or '.join(self._for_lower(constraint))}; or name the "
                    "package in `relaxed_pins` of this layer: it then has a second copy, which "
                    "hides the one below"
                )
        for pin in self.pins:
            if _names(text, _name(pin)):
                yield (
                    f"`{pin}` is the version of {self._resolve}, which `python_resolve` names"
                    f"{self._from_repository(_name(pin))}"
                )
        for override in self.request.choices.override_requirements:
            if _names(text, _name(override)):
                yield f"`{override}` is in `override_requirements`, of the layer or of one below"
        for requirement, origin in self.request.requirement_origins:
            if _names(text, _name(requirement)):
                yield f"`{requirement}` is required by {origin}"

    def _for_lower(self, constraint: Constraint) -> list[str]:
        """What gives a lower layer a version that will do for this one as well."""
        origins = dict(self.request.requirement_origins)
        name, version = constraint.name, constraint.version
        found = [
            f"add `{origins[text]}`, which requires `{text}`, to `requirements` of that layer"
            if text in origins
            else f"let that layer require `{text}`, too"
            for text in self.request.requirements
            if _name(text) == name
            and not Requirement(text).specifier.contains(version, prereleases=True)
        ]
        pins = [pin for pin in self.pins if _name(pin) == name]
        resolve = self.request.choices.python_resolve
        if any(not Requirement(pin).specifier.contains(version) for pin in pins):
            found.append(f"set `python_resolve` of that layer to {resolve!r}, too")
        elif resolve is None and found:
            found.append("take the versions of both layers from one `python_resolve`")
        return found or [f"let that layer require a version of `{name}` that this one can have"]

    def _from_repository(self, name: str) -> str:
        """What to do about a version that no index may have."""
        url = dict(self.request.resolve_repositories).get(name)
        if url is None:
            return ""
        scheme, _, rest = url.partition("://")
        if not scheme.startswith("git"):
            return (
                ". The resolve has it from a repository that no layer can have it from, and an "
                "index need not have it: put a wheel that you build into a folder of `local_wheels`"
            )
        user, _, path = rest.partition("/")
        rest = f"{user.rpartition('@')[2]}/{path}"
        place, _, _ = rest.partition("#")
        # The same commit, as a layer can have it; or any, where that is a branch or a tag.
        candidates = (url, f"git+https://{rest}", f"git+https://{place}")
        url = next(
            (each for each in candidates if commit_problem(each) is None),
            f"git+https://{place.partition('@')[0]}@<commit>",
        )
        return (
            f". The resolve has it from a repository, and an index need not have it: add `{name} @ "
            f"{url}` to `requirements` of this layer, and `{name}` to its `build_from_source`"
        )

    @property
    def _resolve(self) -> str:
        return f"resolve `{self.request.choices.python_resolve}` ({self.request.resolve_lockfile})"

    def unknown_choices(
        self,
        packages: Iterable[LockedPackage],
        lower: Iterable[tuple[str, Lockfile]],
        platforms: Iterable[TargetPlatform],
        python_version: str,
    ) -> Iterator[str]:
        """The choices about packages that there are not: probably misspelt ones."""
        choices = self.request.choices
        below = {package.name for _, lock in lower for package in lock.packages}
        known = {package.name for package in packages} | below
        for name in choices.without_dependencies:
            if name not in known:
                yield _unknown("without_dependencies", name, known, "which is not in the lock")
        everywhere = tuple(platforms)
        for text in choices.override_requirements:
            marker = Requirement(text).marker
            # One whose marker never holds takes a package out of the lock.
            needed = any(
                may_hold(str(marker) if marker else None, platform, python_version)
                for platform in everywhere
            )
            if needed and _name(text) not in known:
                yield _unknown(
                    "override_requirements", _name(text), known, "which is not in the lock"
                )
        imposed = {each.name for each in self.lower} | {_name(pin) for pin in self.pins}
        for name in choices.relaxed_pins:
            if name not in imposed:
                yield _unknown(
                    "relaxed_pins",
                    name,
                    imposed,
                    "of which neither a layer below nor a resolve decides the version",
                )


def _unknown(field: str, name: str, known: Iterable[str], what: str) -> str:
    meant = suggestion(name, sorted(known))
    remedy = "Remove it, or correct the name" if meant is None else f"Did you mean {meant!r}?"
    return f"`{field}` names {name!r}, {what}. {remedy}"


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _names(text: str, name: str) -> bool:
    return bool(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text))
