"""The settings of ``uv`` for one layer.

They come from one named file and from the layer's own fields, not from the user's other
configuration files: a lock must not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from packaging.utils import canonicalize_name

from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.uv_settings import index_names, uv_config_hash, uv_settings
from venvstacks_rules.model.network.credentials import (
    PackageIndex,
    has_credentials,
    index_variables,
    without_credentials,
)
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.model.requests.lock import LockLayerRequest
from venvstacks_rules.model.times import aware, parsed_time

_REFUSED = {
    "find-links": "name a folder in the layer's field `local_wheels`, or an index in "
    "`[[tool.uv.index]]`",
    "no-binary": "name the packages in the layer's field `build_from_source`",
    "no-binary-package": "name the packages in the layer's field `build_from_source`",
}
"""Keys that cannot be supported, and why."""

_OF_THE_PROJECT = (
    "constraint-dependencies",
    "exclude-dependencies",
    "index",
    "override-dependencies",
    "sources",
)
"""Keys that ``uv lock`` reads from the project, not from its own configuration file."""

_ONLY_PROJECT = ("sources",)


@dataclass(frozen=True)
class UvConfig:
    """Checked settings."""

    origin: str
    """The file, for messages."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    hash: str | None = None
    """Of the file's settings."""

    @property
    def project(self) -> dict[str, Any]:
        """The settings for ``[tool.uv]`` of the project."""
        return {key: self.settings[key] for key in _OF_THE_PROJECT if key in self.settings}

    @property
    def configuration(self) -> dict[str, Any]:
        """The settings for the file of ``--config-file``."""
        return {key: value for key, value in self.settings.items() if key not in _ONLY_PROJECT}

    @property
    def resolver_options(self) -> dict[str, Any]:
        """The settings that ``uv.lock`` records; another value makes ``uv`` drop its pins."""
        names = {
            "resolution": "resolution-mode",
            "prerelease": "prerelease-mode",
            "fork-strategy": "fork-strategy",
        }
        return {new: self.settings[old] for old, new in names.items() if old in self.settings}

    @property
    def indexes(self) -> tuple[PackageIndex, ...]:
        """The indexes with a name."""
        return tuple(
            PackageIndex(index["name"], index["url"])
            for index in self.settings.get("index", [])
            if "name" in index
        )

    def with_credentials(self, variables: Mapping[str, str]) -> UvConfig:
        """The same settings with the credentials of named indexes in their URLs."""
        if "index" not in self.settings:
            return self
        indexes = [
            {**index, "url": self._authorized(index, variables)} for index in self.settings["index"]
        ]
        return replace(self, settings={**self.settings, "index": indexes})

    @staticmethod
    def _authorized(index: Mapping[str, Any], variables: Mapping[str, str]) -> str:
        url: str = index["url"]
        user, password = (
            quote(variables.get(name, ""), safe="")
            for name in index_variables(index.get("name", ""))
        )
        if not (user or password):
            return url
        return url.replace("://", f"://{user}:{password}@", 1)

    @property
    def exclude_newer(self) -> datetime | None:
        """The time after which ``uv`` ignores files, if the settings have an absolute one."""
        value = self.settings.get("exclude-newer")
        if isinstance(value, str):
            try:
                return parsed_time(value.strip())
            except ValueError:
                return None
        return aware(value) if isinstance(value, datetime) else None


def layer_uv_config(request: LockLayerRequest) -> UvConfig:
    """The settings of the file and of the layer's fields; raises LockError for a wrong one."""
    config = read_uv_config(request.uv_config)
    known = index_names(config.settings)
    where = f"{config.origin} names {', '.join(map(repr, known)) or 'no index'}"
    if request.uv_config is None:
        where = "there is no file with `[[tool.uv.index]]`"
    wanted = [(f"`package_indexes` takes {d!r} from", name) for d, name in request.package_indexes]
    wanted += [("`priority_indexes` has", name) for name in request.priority_indexes]
    problems = [
        f"{what} index {name!r}, and {where}. Define it there, or correct the field"
        for what, name in wanted
        if name not in known
    ]
    if problems:
        raise LockError(f"{request.target}: unknown indexes", problems)
    sources = {
        name: source
        for name, source in config.settings.get("sources", {}).items()
        if canonicalize_name(name) not in dict(request.package_indexes)
    }
    sources.update({name: {"index": index} for name, index in request.package_indexes})
    indexes = _ordered_indexes(
        config.settings.get("index", []), request.priority_indexes, _referenced(sources)
    )
    # `uv` wants `index` and `sources` absent, not empty.
    settings = {k: v for k, v in config.settings.items() if k not in ("index", "sources")}
    settings.update({"index": indexes} if indexes else {})
    settings.update({"sources": sources} if sources else {})
    return UvConfig(config.origin, settings, config.hash)


def read_uv_config(path: str | None) -> UvConfig:
    """Read and check the settings in `path`; raises LockError with all their problems."""
    if path is None:
        return UvConfig("[tool.uv]")
    try:
        settings = uv_settings(read_toml(path), path)
    except ValueError as e:
        raise LockError(f"{path}: unusable settings", [str(e)]) from None
    problems = [
        f"`tool.uv.{key}`: cannot be set, {_REFUSED[key]}" for key in settings if key in _REFUSED
    ]
    problems += _index_problems(settings.get("index", []))
    problems += _source_problems(settings.get("sources", {}), index_names(settings))
    if problems:
        raise LockError(f"{path}: unusable settings", problems)
    return UvConfig(path, settings, uv_config_hash(settings))


def _ordered_indexes(
    indexes: Iterable[Mapping[str, Any]], priority: Iterable[str], referenced: frozenset[str]
) -> list[Mapping[str, Any]]:
    """Indexes with priority first, then the explicit ones that are needed, then all others."""
    everything = tuple(indexes)
    by_name = {index["name"]: index for index in everything if "name" in index}
    first = [{**by_name[name], "explicit": False} for name in priority]
    names = {index["name"] for index in first}
    rest = [index for index in everything if index.get("name") not in names]
    explicit = [x for x in rest if x.get("explicit") and not x.get("default")]
    return [
        *first,
        *(index for index in explicit if index.get("name") in referenced),
        *(index for index in rest if index not in explicit),
    ]


def _referenced(sources: Mapping[str, Any]) -> frozenset[str]:
    names = set()
    for source in sources.values():
        for item in source if isinstance(source, list) else [source]:
            names.add(item["index"])
    return frozenset(names)


def _index_problems(indexes: object) -> list[str]:
    if not isinstance(indexes, list):
        return ["`tool.uv.index`: expected a list of tables, `[[tool.uv.index]]`"]
    problems = []
    for i, index in enumerate(indexes):
        key = f"`tool.uv.index[{i}]"
        url = index.get("url") if isinstance(index, Mapping) else None
        if not isinstance(url, str):
            problems.append(f"{key}.url`: expected a URL")
        elif url_problem(url) is not None:
            problems.append(
                f"{key}.url`: {url_problem(url)}: wheels are downloaded by URL when a layer is "
                "built, perhaps on another machine"
            )
        elif has_credentials(url):
            problems.append(_credentials_problem(key, url, index.get("name")))
    return problems


def _credentials_problem(key: str, url: str, name: object) -> str:
    remedy = "give the index a `name`, and put them into the variables for it, or into netrc"
    if isinstance(name, str):
        remedy = f"put them into {' and '.join(index_variables(name))}, or into netrc"
    return (
        f"{key}.url`: {without_credentials(url)} contains credentials, which would spread "
        f"with it; {remedy}"
    )


def _source_problems(sources: object, known: tuple[str, ...]) -> list[str]:
    if not isinstance(sources, Mapping):
        return ["`tool.uv.sources`: expected a table"]
    problems = []
    for name, source in sources.items():
        items = source if isinstance(source, list) else [source]
        if not all(isinstance(i, Mapping) and isinstance(i.get("index"), str) for i in items):
            problems.append(
                f"`tool.uv.sources.{name}`: only a named index can be a source, "
                '`{ index = "NAME" }`'
            )
            continue
        unknown = [item["index"] for item in items if item["index"] not in known]
        problems += [
            f"`tool.uv.sources.{name}`: there is no index named {index!r}" for index in unknown
        ]
    return problems
