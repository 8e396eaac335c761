"""The user's settings for ``uv``: the table ``[tool.uv]`` of one named file.

The user's other configuration files are not read: a lock must not depend on whose machine made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from venvstacks_rules.actions._toml import read_toml
from venvstacks_rules.model.credentials import (
    PackageIndex,
    has_credentials,
    index_variables,
    without_credentials,
)
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.pylock import uv_config_hash

_OURS = {
    "build-backend": "layers are made of wheels, and nothing is built",
    "cache-dir": "the build decides where the cache lies",
    "cache-keys": "the build decides when a layer is locked again",
    "environments": "they follow from the layer's `platforms`",
    "managed": "each layer is a project of its own",
    "no-binary": "layers are made of wheels only",
    "no-binary-package": "layers are made of wheels only",
    "no-build": "layers are made of wheels only, so it is always set",
    "no-build-package": "layers are made of wheels only",
    "no-index": "name your index in `[[tool.uv.index]]` with `default = true` instead",
    "find-links": "name your index in `[[tool.uv.index]]` instead",
    "package": "each layer is a project of its own",
    "python-downloads": "locking needs no interpreter",
    "required-environments": "they follow from the layer's `platforms`",
    "workspace": "each layer is a project of its own",
}
"""Keys that are not the user's to set, and why."""

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

    @property
    def project(self) -> dict[str, Any]:
        """What goes below ``[tool.uv]`` of the project that is locked."""
        return {key: self.settings[key] for key in _OF_THE_PROJECT if key in self.settings}

    @property
    def configuration(self) -> dict[str, Any]:
        """What goes into the file of ``--config-file``."""
        return {key: value for key, value in self.settings.items() if key not in _ONLY_PROJECT}

    @property
    def resolver_options(self) -> dict[str, Any]:
        """What ``uv.lock`` records of the settings; another value makes ``uv`` drop its pins."""
        names = {
            "resolution": "resolution-mode",
            "prerelease": "prerelease-mode",
            "fork-strategy": "fork-strategy",
        }
        return {new: self.settings[old] for old, new in names.items() if old in self.settings}

    @property
    def indexes(self) -> tuple[PackageIndex, ...]:
        """The indexes that have a name."""
        return tuple(
            PackageIndex(index["name"], index["url"])
            for index in self.settings.get("index", [])
            if "name" in index
        )


def read_uv_config(path: str | None) -> UvConfig:
    """Read and check the settings in `path`; LockError lists all that is wrong with them."""
    if path is None:
        return UvConfig("[tool.uv]")
    tool = read_toml(path).get("tool", {})
    settings = tool.get("uv", {}) if isinstance(tool, Mapping) else {}
    if not isinstance(settings, Mapping):
        raise LockError(f"{path}: settings that cannot be used", ["`tool.uv`: expected a table"])
    problems = [f"`tool.uv.{key}`: cannot be set, {_OURS[key]}" for key in settings if key in _OURS]
    problems += _index_problems(settings.get("index", []))
    problems += _source_problems(settings.get("sources", {}))
    if problems:
        raise LockError(f"{path}: settings that cannot be used", problems)
    return UvConfig(path, settings, uv_config_hash(settings))


def _index_problems(indexes: object) -> list[str]:
    if not isinstance(indexes, list):
        return ["`tool.uv.index`: expected a list of tables, `[[tool.uv.index]]`"]
    problems = []
    for i, index in enumerate(indexes):
        key = f"`tool.uv.index[{i}]"
        url = index.get("url") if isinstance(index, Mapping) else None
        if not isinstance(url, str):
            problems.append(f"{key}.url`: expected a URL")
        elif urlsplit(url).scheme not in ("https", "http"):
            problems.append(
                f"{key}.url`: `{url}` is not an http or https URL: wheels are downloaded by URL "
                "when a layer is built, perhaps on another machine"
            )
        elif has_credentials(url):
            problems.append(_credentials_problem(key, url, index.get("name")))
    return problems


def _credentials_problem(key: str, url: str, name: object) -> str:
    remedy = "give the index a `name`, and put them into the variables for it, or into netrc"
    if isinstance(name, str):
        remedy = f"put them into {' and '.join(index_variables(name))}, or into netrc"
    return (
        f"{key}.url`: {without_credentials(url)} is written with credentials, which would spread "
        f"with it; {remedy}"
    )


def _source_problems(sources: object) -> list[str]:
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
    return problems
