"""The user's settings for ``uv``: their place in a file, and which of them count.

Tables in and out; callers read the file and check the values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from venvstacks_rules.model.hashes import hash_strings
from venvstacks_rules.model.network.credentials import without_credentials

IGNORED = (
    "build-backend",
    "cache-dir",
    "cache-keys",
    "default-groups",
    "dependency-groups",
    "dev-dependencies",
    "environments",
    "link-mode",
    "managed",
    "no-build",
    "no-build-package",
    "package",
    "pip",
    "publish-url",
    "python-downloads",
    "python-install-mirror",
    "python-preference",
    "pypy-install-mirror",
    "required-environments",
    "required-version",
    "trusted-publishing",
    "workspace",
)
"""Settings that follow from the layer or do not concern locking: we ignore them.

Valid stack files of ``venvstacks`` have them.
"""

_NOT_DECISIVE = (
    "allow-insecure-host",
    "concurrent-builds",
    "concurrent-downloads",
    "concurrent-installs",
    "http-proxy",
    "https-proxy",
    "keyring-provider",
    "native-tls",
    "no-cache",
    "no-proxy",
    "offline",
    "preview",
    "preview-features",
    "system-certs",
)
"""Settings that ``uv`` gets and that do not change a lock."""


def uv_settings(data: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The settings in the TOML file at `path` with the content `data`, without `IGNORED` ones.

    A file named ``uv.toml`` or ``*.uv.toml`` has them at its top level, unless it has a table
    ``[tool]``; other files have them in the table ``[tool.uv]``. Raises ValueError if that is not a
    table.
    """
    name = path.rsplit("/", 1)[-1]
    settings: object = data
    if "tool" in data or not (name == "uv.toml" or name.endswith(".uv.toml")):
        tool = data.get("tool", {})
        settings = tool.get("uv", {}) if isinstance(tool, Mapping) else tool
    if not isinstance(settings, Mapping):
        raise ValueError("`tool.uv`: expected a table")  # noqa: TRY004  bad data, no bug
    return {key: value for key, value in settings.items() if key not in IGNORED}


def uv_config_hash(settings: Mapping[str, Any]) -> str | None:
    """``sha256:<hex>`` of the `settings` that can change a lock; None without such settings.

    It does not depend on comments, the order of keys and credentials.
    """
    decisive: dict[str, Any] = {
        key: value for key, value in settings.items() if key not in _NOT_DECISIVE and value != []
    }
    if isinstance(decisive.get("index"), list):
        decisive["index"] = [_without_secrets(index) for index in decisive["index"]]
    if not decisive:
        return None
    return hash_strings([json.dumps(decisive, sort_keys=True, ensure_ascii=False, default=str)])


def index_names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the indexes, in the order of the file; skips invalid entries."""
    indexes = settings.get("index")
    tables = indexes if isinstance(indexes, list) else []
    names = [item.get("name") for item in tables if isinstance(item, Mapping)]
    return tuple(name for name in names if isinstance(name, str))


def _without_secrets(index: object) -> object:
    if not isinstance(index, Mapping):
        return index
    url = index.get("url")
    return {**index, "url": without_credentials(url)} if isinstance(url, str) else index
