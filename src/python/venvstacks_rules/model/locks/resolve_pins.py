"""The versions and hashes in the lockfile of a resolve: of pex, of uv, or a list of requirements.

:func:`pins_of_resolve` takes what a caller read; it knows the format by the content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.requirements import parsed_requirement
from venvstacks_rules.model.locks.pylock import Lockfile, last_component
from venvstacks_rules.model.network.commits import Commit, is_repository
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.model.platforms.markers import may_hold
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

_HEADER = re.compile(r"\s*//")
_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})")
_UV_HASH = "sha256:"


@dataclass(frozen=True)
class ResolvePin:
    """A version of a package in the lockfile of a resolve."""

    name: str
    """Normalised."""
    version: str
    marker: Optional[str] = None
    """Where it is for some platforms or Pythons only."""
    files: tuple[tuple[str, str], ...] = ()
    """Wheels: file name and SHA-256; without a name only where the format has none."""
    repository: str = ""
    """The URL of the repository that it comes from, without credentials; empty for an index."""


@dataclass(frozen=True)
class ResolvePins:
    """What the lockfile of a resolve decides."""

    resolve: str
    path: str
    """Of the lockfile, relative to the build root."""
    pins: tuple[ResolvePin, ...]

    @property
    def called(self) -> str:
        """The resolve in messages."""
        return f"resolve `{self.resolve}` ({self.path})"

    @property
    def constraints(self) -> tuple[str, ...]:
        """The versions as PEP 508 requirements, sorted.

        A package with several versions, and no word about which is for what, is between them.
        """
        found = []
        for name, pins in sorted(self._by_name().items()):
            versions = sorted({Version(pin.version) for pin in pins})
            if len(versions) == 1:
                # The marker says where the package is needed; it is no other version elsewhere.
                found.append(f"{name}=={versions[0]}")
            elif all(pin.marker for pin in pins):
                found += [f"{name}=={Version(pin.version)} ; {pin.marker}" for pin in pins]
            else:
                found.append(f"{name}>={versions[0]},<={versions[-1]}")
        return tuple(found)

    @property
    def repositories(self) -> tuple[tuple[str, str], ...]:
        """Packages that come from repositories, with the URLs of these."""
        return tuple(dict.fromkeys((p.name, p.repository) for p in self.pins if p.repository))

    def contradictions(self, lock: Lockfile, relaxed: Iterable[str] = ()) -> Iterator[str]:
        """Packages that a layer installs in another version or with another file than the resolve.

        Those of `relaxed` may have another version.
        """
        by_name, free = self._by_name(), frozenset(relaxed)
        for package in lock.packages:
            pins = [pin for pin in by_name.get(package.name, []) if _concerns(pin, lock)]
            if package.from_lower_layer or not pins:
                continue
            versions = list(dict.fromkeys(pin.version for pin in pins))
            same = [pin for pin in pins if Version(pin.version) == Version(package.version)]
            if not same:
                if package.name not in free:
                    yield (
                        f"`{package.name}` is {package.version} in it, and {' or '.join(versions)} "
                        f"in {self.called}"
                    )
                continue
            known = {name: sha256 for pin in same for name, sha256 in pin.files if name}
            for wheel in package.wheels:
                if wheel.sha256 and known.get(wheel.file_name, wheel.sha256) != wheel.sha256:
                    yield f"`{wheel.file_name}` has another hash in it than in {self.called}"

    def _by_name(self) -> dict[str, list[ResolvePin]]:
        found: dict[str, list[ResolvePin]] = {}
        for pin in self.pins:
            found.setdefault(pin.name, []).append(pin)
        return found


def _concerns(pin: ResolvePin, lock: Lockfile) -> bool:
    """Whether it is for some platform of the layer, and its version of Python."""
    names = lock.inputs.platforms if lock.inputs is not None else tuple(PLATFORMS)
    python_version = lock.requires_python.replace("==", "").replace(".*", "").strip()
    return pin.marker is None or any(
        may_hold(pin.marker, PLATFORMS[name], python_version) for name in names if name in PLATFORMS
    )


def pins_of_resolve(
    resolve: str, path: str, content: bytes, load_toml: Callable[[bytes], Mapping[str, Any]]
) -> ResolvePins:
    """Read a lockfile with the `content`; raises LockError if it has no known format."""
    try:
        lines = content.decode("utf-8").splitlines()
        # Pants' own header.
        text = "\n".join("" if _HEADER.match(line) else line for line in lines)
        if text.lstrip().startswith("{"):
            pins = _of_pex(json.loads(text))
        elif re.search(r"^\[\[packages?\]\]", text, re.MULTILINE):
            pins = _of_toml(load_toml(text.encode()))
        else:
            pins = _of_requirements(text)
        return ResolvePins(resolve, path, tuple(pins))
    except (ValueError, KeyError, TypeError, AttributeError, InvalidVersion) as e:
        raise LockError(
            f"The lockfile of resolve {resolve!r} cannot be read:",
            [
                f"{path}: it is no lockfile of pex or uv, and no list of `name==version`: {e}. "
                "Generate it again."
            ],
        ) from None


def _of_pex(data: Mapping[str, Any]) -> Iterator[ResolvePin]:
    for locked in data["locked_resolves"]:
        for found in locked["locked_requirements"]:
            files = [
                (last_component(artifact["url"], None), artifact["hash"])
                for artifact in found["artifacts"]
                if artifact["algorithm"] == "sha256"
            ]
            urls = [artifact["url"] for artifact in found["artifacts"]]
            repository = next((url for url in urls if is_repository(url)), "")
            yield _pin(found["project_name"], found["version"], None, files, repository)


def _of_toml(data: Mapping[str, Any]) -> Iterator[ResolvePin]:
    """Of ``uv.lock``, or of a ``pylock`` file."""
    for package in (*data.get("package", ()), *data.get("packages", ())):
        source = package.get("source", {})
        # The project itself, which is in no layer.
        if "version" not in package or {"virtual", "editable", "directory"} & source.keys():
            continue
        markers = package.get("resolution-markers", ())
        marker = " or ".join(f"({each})" for each in markers) or package.get("marker")
        files = [
            (
                wheel.get("name") or last_component(wheel.get("url"), wheel.get("path")),
                (wheel.get("hash") or _UV_HASH + wheel.get("hashes", {}).get("sha256", "")),
            )
            for wheel in package.get("wheels", ())
        ]
        known = [(name, text[len(_UV_HASH) :]) for name, text in files if len(text) > len(_UV_HASH)]
        repository = _repository(source, package.get("vcs", {}))
        yield _pin(package["name"], package["version"], marker, known, repository)


def _repository(source: Mapping[str, Any], vcs: Mapping[str, Any]) -> str:
    """As a requirement has it, from ``uv.lock`` or from a ``pylock`` file."""
    if "git" not in source:
        commit = Commit.of_vcs(vcs)
        return "" if commit is None else commit.reference
    located, _, commit_id = source["git"].partition("#")
    url, _, query = located.partition("?")
    folder = "".join(f"#{part}" for part in query.split("&") if part.startswith("subdirectory="))
    return f"git+{url}@{commit_id}{folder}"


def _of_requirements(text: str) -> Iterator[ResolvePin]:
    for line in text.replace("\\\n", " ").splitlines():
        written = re.split(r"(?:^|\s)#", line)[0].strip()
        if not written or written.startswith("-"):
            continue
        requirement = parsed_requirement(re.split(r"\s--", written)[0].strip())
        version = None if requirement is None else _exact(requirement.specifier)
        if requirement is None or version is None:
            if requirement is not None and requirement.url:
                continue
            raise ValueError(f"`{written[:80]}` names no version")
        marker = str(requirement.marker) if requirement.marker else None
        hashes = [("", sha256) for sha256 in _HASH.findall(written)]
        yield _pin(requirement.name, version, marker, hashes)


def _exact(specifiers: SpecifierSet) -> str | None:
    found = [each.version for each in specifiers if each.operator in ("==", "===")]
    return found[0] if len(found) == 1 and "*" not in found[0] else None


def _pin(
    name: str,
    version: str,
    marker: str | None,
    files: Iterable[tuple[str, str]],
    repository: str = "",
) -> ResolvePin:
    Version(version)
    place = without_credentials(repository)
    return ResolvePin(canonicalize_name(name), version, marker, tuple(files), place)
