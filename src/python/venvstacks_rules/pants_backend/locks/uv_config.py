"""Reads the settings for locking a layer, from the file that the layer or the option names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from pants.engine.fs import Digest, PathGlobs

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.uv_settings import uv_config_hash, uv_settings
from venvstacks_rules.model.network.credentials import PackageIndex, without_credentials
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


@dataclass(frozen=True)
class UvConfigRequest:
    """The settings for locking a layer."""

    path: Optional[str]
    """As ``LayerInGraph.uv_config`` gives it; None for the file that the option names."""


@dataclass(frozen=True)
class UvConfig:
    """The file with the settings for ``uv``, if a layer or the option names one."""

    digest: Digest
    path: str | None
    """Relative to the build root; None without a file."""
    hash: str | None
    """Over the settings that decide what is locked; None without such settings."""
    indexes: tuple[PackageIndex, ...] = ()
    """The indexes that have a name."""


@rule
async def find_uv_config(request: UvConfigRequest, options: VenvstacksSubsystem) -> UvConfig:
    path = request.path or options.uv_config
    if path is None:
        return UvConfig(await engine.path_globs_to_digest(PathGlobs([])), None, None)
    what = "The field `uv_config`" if request.path else "`[venvstacks].uv_config`"
    digest = await engine.path_globs_to_digest(PathGlobs([path]))
    contents = await engine.get_digest_contents(digest)
    if not contents:
        where = "field" if request.path else "option"
        raise LockError(
            f"{what} cannot be used:",
            [f"there is no file {path!r}. Create it, or correct the {where}."],
        )
    try:
        data = engine.toml_loads(contents[0].content)
    except ValueError as e:
        raise LockError(f"{what} cannot be used:", [f"{path}: not a TOML file: {e}."]) from None
    try:
        settings = uv_settings(data, path)
    except ValueError as e:
        raise LockError(f"{what} cannot be used:", [f"{path}: {e}."]) from None
    return UvConfig(digest, path, uv_config_hash(settings), named_indexes(settings))


def named_indexes(settings: Mapping[str, Any]) -> tuple[PackageIndex, ...]:
    """The sound entries of ``[[tool.uv.index]]``; locking refuses the others."""
    indexes = settings.get("index")
    return tuple(
        PackageIndex(index["name"], without_credentials(index["url"]))
        for index in (indexes if isinstance(indexes, list) else ())
        if isinstance(index, Mapping)
        if isinstance(index.get("name"), str) and isinstance(index.get("url"), str)
        if url_problem(index["url"]) is None
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
