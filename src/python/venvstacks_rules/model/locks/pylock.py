"""The content of lockfiles: PEP 751 ``pylock`` files, with a table ``[tool.venvstacks-rules]``.

Dictionaries in and out; callers read and write TOML. Files of ``uv`` and ``venvstacks`` are valid,
too: they lack our table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.hashes import hash_strings
from venvstacks_rules.model.layers.lock_choices import NO_CHOICES, LockChoices
from venvstacks_rules.model.locks.distributions import Distribution
from venvstacks_rules.model.locks.sources import LockedSource, PinnedArchive
from venvstacks_rules.model.network.commits import Commit
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.model.platforms.markers import (
    marker_problem,
    normalised_marker,
    provided_marker,
    split_provided,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

TOOL = "venvstacks-rules"
_UNSPECIFIED_INDEX = "unspecified index"
_DISTRIBUTION, _SDIST, _VCS = "python_distribution", "sdist", "vcs"
_RELEASES = "/releases/download/"
_RELEASE = re.compile(r"\d+\.\d+\.\d+t?")
_NOT_WHEELS = ("directory", _VCS)


@dataclass(frozen=True)
class LockedWheel:
    """A wheel that a lockfile names; exactly one of `url` and `path` is set.

    Neither is for a wheel that is built from the repository, which no lockfile names.
    """

    file_name: str
    url: str | None
    path: str | None
    """Relative to the lockfile, with forward slashes."""
    size: int
    """In bytes; 0 if the lockfile, of another tool, does not have it."""
    sha256: str
    """Empty if another tool did not record it, which happens for wheels with a `path`."""
    other_hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm and hexadecimal value of other hashes, by other tools; we do not check them."""

    @property
    def is_built(self) -> bool:
        """Whether the wheel is built, not fetched."""
        return self.url is None and self.path is None


@dataclass(frozen=True)
class LockedPackage:
    """One version of a distribution; with disjoint markers, a lockfile may hold several."""

    name: str
    """Normalised as in PEP 503."""
    version: str
    marker: str | None
    """When it is needed; without the clause that marks a package of a lower layer."""
    index: str | None
    wheels: tuple[LockedWheel, ...]
    from_lower_layer: bool = False
    """Whether a lower layer provides it: then it has no wheels, and is not installed."""
    from_distribution: bool = False
    """Whether its wheel is built from the repository: then the lockfile has none."""
    source: LockedSource | None = None
    """What its wheel is built from, if that is a source archive: then it has none, either."""

    @property
    def is_built(self) -> bool:
        """Whether its wheel is built, so that the lockfile has none."""
        return self.from_distribution or self.source is not None

    @property
    def pin(self) -> str:
        """``name==version``, with the marker if it has one; as the formats hash it."""
        marker = f" ; {normalised_marker(self.marker)}" if self.marker else ""
        return f"{self.name}=={Version(self.version)}{marker}"


@dataclass(frozen=True)
class LockedInterpreter:
    """The archive of a runtime's interpreter for one platform."""

    platform: str
    url: str
    sha256: str
    size: int
    """In bytes."""


@dataclass(frozen=True)
class LockInputs:
    """The inputs of a lockfile, recorded in it to check later whether it is fresh."""

    python_implementation: str
    """``cpython@X.Y[.Z]``."""
    python_provider: str | None
    """Of a runtime: ``pbs``, ``archive`` or ``local``; None for other layers."""
    requirements: tuple[str, ...]
    """As :func:`~venvstacks_rules.model.layers.requirements.normalised_requirements` gives them."""
    platforms: tuple[str, ...]
    """In the order of ``PLATFORMS``."""
    linux_target: str
    macosx_target: str
    lower_layers: tuple[tuple[str, str], ...]
    """The layer_name and ``requirements_hash`` of each lower layer, in import order."""
    uv_config: str | None
    """The hash of the settings for ``uv``; None without any."""
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Distribution and the name of its index, sorted."""
    priority_indexes: tuple[str, ...] = ()
    local_wheels: tuple[str, ...] = ()
    """Folders with wheels, as written."""
    choices: LockChoices = NO_CHOICES
    build_from_source: tuple[str, ...] = ()
    """Normalised names, sorted; includes those of the layers below."""
    distributions: tuple[Distribution, ...] = ()
    """Those that are built from the repository, sorted by name."""


@dataclass(frozen=True)
class Lockfile:
    """The locked packages of one layer, for all its platforms."""

    requires_python: str
    packages: tuple[LockedPackage, ...]
    interpreters: tuple[LockedInterpreter, ...] = ()
    inputs: LockInputs | None = None
    """None in a file of another tool."""
    python_version: str | None = None
    """In a runtime's lock, the release X.Y.Z that it pins where the layer names X.Y only."""

    @property
    def built(self) -> tuple[LockedPackage, ...]:
        """The packages whose wheels are made from sources: the lock has none."""
        return tuple(package for package in self.packages if package.is_built)

    @property
    def without_built(self) -> Lockfile:
        """The lock with the other packages only."""
        return replace(self, packages=tuple(p for p in self.packages if not p.is_built))

    @classmethod
    def from_dict(cls, data: Mapping[str, object], origin: str) -> Lockfile:
        """Read parsed TOML; raises LockError with all problems of the file `origin` by key path."""
        problems: list[str] = []
        table = CheckedTable(data, "", problems)
        version = table.string("lock-version")
        if version and version.split(".")[0] != "1":
            table.note("lock-version", f"`{version}` is not supported, only `1.0` is")
        requires_python = table.string("requires-python")
        try:
            SpecifierSet(requires_python)
        except InvalidSpecifier:
            table.note("requires-python", f"`{requires_python}` is not a version specifier")
        # Without packages the key is missing: TOML has no empty array of tables.
        packages = tuple(_read_package(item) for item in table.tables("packages"))
        interpreters: tuple[LockedInterpreter, ...] = ()
        inputs = python_version = None
        if "tool" in table and TOOL in table.table("tool"):
            ours = table.table("tool").table(TOOL)
            interpreters = tuple(_read_interpreter(item) for item in ours.tables("interpreters"))
            inputs = _read_inputs(ours.table("inputs")) if "inputs" in ours else None
            python_version = ours.optional_string("python_version")
            if python_version is not None and not _RELEASE.fullmatch(python_version):
                ours.note("python_version", f"`{python_version}` is not a release X.Y.Z")
        if problems:
            raise LockError(f"{origin}: invalid lockfile", problems)
        return cls(requires_python, packages, interpreters, inputs, python_version)

    def to_dict(self) -> dict[str, object]:
        """The file as a dictionary, with its keys in the order of the file."""
        ours: dict[str, object] = {}
        if self.inputs is not None:
            ours["inputs"] = _inputs_to_dict(self.inputs)
        if self.python_version is not None:
            ours["python_version"] = self.python_version
        if self.interpreters:
            ours["interpreters"] = [
                {"platform": i.platform, "url": i.url, "sha256": i.sha256, "size": i.size}
                for i in self.interpreters
            ]
        data: dict[str, object] = {
            "lock-version": "1.0",
            "requires-python": self.requires_python,
            "created-by": TOOL,
            # PEP 751 requires the key.
            "packages": [_package_to_dict(package) for package in self.packages],
        }
        if ours:
            data["tool"] = {TOOL: ours}
        return data

    @property
    def requirements_hash(self) -> str:
        """``sha256:<hex>`` over all packages and wheels, as the formats define it."""
        strings = []
        for package in self.packages:
            source = _DISTRIBUTION if package.from_distribution else package.index
            strings.append(f"{package.pin} from {source or _UNSPECIFIED_INDEX}")
            for wheel in package.wheels:
                hashes = [("sha256", wheel.sha256)] if wheel.sha256 else []
                hashes += wheel.other_hashes
                strings += [f"{wheel.file_name}:{name}:{value}" for name, value in hashes]
            if package.source is not None:
                files = (package.source.archive, *package.source.build_wheels)
                strings += [f"{file.file_name}:sha256:{file.sha256}" for file in files]
        return hash_strings(sorted(strings))


def mirrored_url(url: str, mirror: str | None) -> str:
    """The URL of an interpreter archive at a mirror; `url` itself without a mirror.

    `mirror` is a base URL that replaces scheme, host and path up to and including the folder
    ``releases/download``; the rest, ``<release>/<file>``, stays.
    """
    if mirror is None:
        return url
    _, separator, rest = url.partition(_RELEASES)
    return f"{mirror.rstrip('/')}/{rest}" if separator else url


def _read_package(table: CheckedTable) -> LockedPackage:
    name = table.string("name")
    if name and canonicalize_name(name) != name:
        table.note("name", f"`{name}` is not normalised; it would be `{canonicalize_name(name)}`")
    version = table.string("version")
    try:
        Version(version or "0")
    except InvalidVersion:
        table.note("version", f"`{version}` is not a version")
    marker, provided = split_provided(table.optional_string("marker"))
    problem = marker_problem(marker) if marker is not None else None
    if problem:
        table.note("marker", problem)
    wheels = tuple(_read_wheel(item, name, version) for item in table.tables("wheels"))
    if "archive" in table:
        # The file of a direct URL; the check of its name refuses a source archive.
        wheels += (_read_wheel(table.table("archive"), name, version),)
    index = table.optional_string("index")
    built, source = _read_source(table)
    package = LockedPackage(name, version, marker, index, wheels, provided, built, source)
    for key, problem in _source_problems(table, package):
        table.note(key, problem)
    return package


def _source_problems(table: CheckedTable, package: LockedPackage) -> Iterator[tuple[str, str]]:
    """Where a package comes from that a layer cannot install; keys and problems."""
    commit = package.source is not None and package.source.commit is not None
    for key in _NOT_WHEELS:
        if key in table and not (key == _VCS and commit):
            yield key, "a layer can install only wheels"
    wheels = package.wheels
    if package.from_lower_layer and wheels:
        yield "wheels", "a package of a lower layer has no wheels"
    elif package.is_built and wheels:
        yield "wheels", "a package that is built has no wheels"
    elif not package.from_lower_layer and not package.is_built and not wheels:
        yield "wheels", f"`{package.name}` has no wheels, and a layer can install only wheels"
    names = [wheel.file_name for wheel in wheels]
    for repeated in sorted({name for name in names if names.count(name) > 1}):
        yield "wheels", f"`{repeated}` is listed twice"


def _read_source(table: CheckedTable) -> tuple[bool, LockedSource | None]:
    """Whether a package is built from a distribution, or from what source archive."""
    if "tool" not in table or TOOL not in table.table("tool"):
        return False, None
    ours = table.table("tool").table(TOOL)
    source = ours.optional_string("from")
    if source == _SDIST:
        archive = _read_archive(table.table("sdist"))
        return False, LockedSource(archive, tuple(map(_read_archive, ours.tables("build"))))
    if source == _VCS:
        return False, _read_commit(table.table(_VCS), ours)
    if source not in (None, _DISTRIBUTION):
        ours.note("from", f"`{source}` is none of `{_DISTRIBUTION}`, `{_SDIST}` and `{_VCS}`")
    return source is not None, None


def _read_commit(vcs: CheckedTable, ours: CheckedTable) -> LockedSource:
    if vcs.string("type") not in ("", "git"):
        vcs.note("type", f"`{vcs.string('type')}` is not `git`")
    folder = vcs.optional_string("subdirectory")
    commit = Commit(vcs.string("url"), vcs.string("commit-id"), folder)
    if commit.url and commit.commit and commit.problem is not None:
        vcs.note("", commit.problem)
    archive = ours.table("archive")
    sha256 = archive.table("hashes").sha256("sha256")
    pinned = PinnedArchive(commit.reference, archive.size("size"), sha256)
    return LockedSource(pinned, tuple(map(_read_archive, ours.tables("build"))), commit)


def _read_archive(table: CheckedTable) -> PinnedArchive:
    url = table.string("url")
    problem = url_problem(url) if url else None
    if problem is not None:
        table.note("url", problem)
    sha256 = table.table("hashes").sha256("sha256")
    return PinnedArchive(url, table.size("size"), sha256)


def _read_wheel(table: CheckedTable, package: str, version: str) -> LockedWheel:
    url, path = table.optional_string("url"), table.optional_string("path")
    if (url is None) == (path is None):
        table.note("", "expected either `url` or `path`")
    problem = None if url is None else url_problem(url)
    if problem is not None:
        table.note("url", problem)
    if path is not None and (path.startswith("/") or "\\" in path or path[1:2] == ":"):
        table.note("path", f"`{path}` is not a relative path with forward slashes")
    file_name = table.optional_string("name")
    if file_name is None:
        file_name = last_component(url, path)
    _check_wheel_name(table, file_name, package, version)
    size = table.optional_size("size") or 0
    hashes = table.table("hashes")
    # `venvstacks` does not record it for a file beside the lockfile.
    sha256 = hashes.sha256("sha256") if path is None or "sha256" in hashes else ""
    others = tuple((key, hashes.string(key)) for key in hashes.names() if key != "sha256")
    return LockedWheel(file_name, url, path, size, sha256, others)


def _check_wheel_name(table: CheckedTable, file_name: str, package: str, version: str) -> None:
    # A folder in the name would lead out of the folder for wheels.
    if "/" in file_name or "\\" in file_name:
        table.note("name", f"`{file_name}` is not the name of a wheel")
        return
    try:
        name, parsed_version, _, _ = parse_wheel_filename(file_name)
        fits = name == package and (not version or parsed_version == Version(version))
    except InvalidWheelFilename:
        table.note("name", f"`{file_name}` is not the name of a wheel")
        return
    except InvalidVersion:
        return  # The package's own problem says so.
    if not fits:
        table.note("name", f"`{file_name}` is not a wheel of `{package}` {version}")


def _read_interpreter(table: CheckedTable) -> LockedInterpreter:
    platform = table.string("platform")
    if platform and platform not in PLATFORMS:
        table.note("platform", f"`{platform}` is not one of {', '.join(PLATFORMS)}")
    url = table.string("url")
    problem = url_problem(url) if url else None
    if problem is not None:
        table.note("url", problem)
    return LockedInterpreter(platform, url, table.sha256("sha256"), table.size("size"))


def _read_inputs(table: CheckedTable) -> LockInputs:
    lower = [
        (item.string("name"), item.string("requirements_hash"))
        for item in table.tables("lower_layers")
    ]
    return LockInputs(
        python_implementation=table.string("python_implementation"),
        python_provider=table.optional_string("python_provider"),
        requirements=table.strings("requirements"),
        platforms=table.strings("platforms"),
        linux_target=table.string("linux_target"),
        macosx_target=table.string("macosx_target"),
        lower_layers=tuple(lower),
        uv_config=table.optional_string("uv_config"),
        package_indexes=table.optional_pairs("package_indexes"),
        priority_indexes=table.optional_strings("priority_indexes"),
        local_wheels=table.optional_strings("local_wheels"),
        choices=LockChoices.from_table(table),
        build_from_source=table.optional_strings("build_from_source"),
        distributions=tuple(
            Distribution.from_table(item) for item in table.tables("distributions")
        ),
    )


def _package_to_dict(package: LockedPackage) -> dict[str, object]:
    data: dict[str, object] = {"name": package.name, "version": package.version}
    marker = provided_marker(package.marker) if package.from_lower_layer else package.marker
    if marker is not None:
        data["marker"] = marker
    if package.index is not None and not package.from_lower_layer:
        data["index"] = package.index
    if package.wheels:
        data["wheels"] = [_wheel_to_dict(wheel) for wheel in package.wheels]
    if package.from_distribution:
        data["tool"] = {TOOL: {"from": _DISTRIBUTION}}
    if package.source is not None:
        data.update(package.source.to_dict(TOOL))
    return data


def _wheel_to_dict(wheel: LockedWheel) -> dict[str, object]:
    data: dict[str, object] = {}
    if wheel.file_name != last_component(wheel.url, wheel.path):
        data["name"] = wheel.file_name
    if wheel.url is not None:
        data["url"] = wheel.url
    else:
        data["path"] = wheel.path
    if wheel.size:
        data["size"] = wheel.size
    sha256 = {"sha256": wheel.sha256} if wheel.sha256 else {}
    return {**data, "hashes": {**sha256, **dict(wheel.other_hashes)}}


def _inputs_to_dict(inputs: LockInputs) -> dict[str, object]:
    data: dict[str, object] = {
        "python_implementation": inputs.python_implementation,
        "python_provider": inputs.python_provider,
        "requirements": list(inputs.requirements),
        "platforms": list(inputs.platforms),
        "linux_target": inputs.linux_target,
        "macosx_target": inputs.macosx_target,
        "lower_layers": [
            {"name": name, "requirements_hash": digest} for name, digest in inputs.lower_layers
        ],
        "uv_config": inputs.uv_config,
    }
    data = {key: value for key, value in data.items() if value is not None}
    if inputs.priority_indexes:
        data["priority_indexes"] = list(inputs.priority_indexes)
    if inputs.local_wheels:
        data["local_wheels"] = list(inputs.local_wheels)
    data.update(inputs.choices.to_dict())
    if inputs.package_indexes:
        data["package_indexes"] = dict(inputs.package_indexes)
    if inputs.build_from_source:
        data["build_from_source"] = list(inputs.build_from_source)
    if inputs.distributions:
        data["distributions"] = [one.to_dict() for one in inputs.distributions]
    return data


def last_component(url: str | None, path: str | None) -> str:
    """The file name at the end of a wheel's `url` or `path`."""
    location = re.split("[?#]", url)[0] if url is not None else path or ""
    return unquote(location).rsplit("/", 1)[-1]
