"""Adds the sizes and hashes that an index did not give to exported wheels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.actions.network.downloads import DownloadFailedError, ask_size, download
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.network.credentials import indexes_for, without_credentials

_CONNECTIONS = 8


def known_sizes(lock: Lockfile | None) -> dict[str, int]:
    """From SHA-256 to size in bytes, for all wheels of the previous lock."""
    packages = lock.packages if lock is not None else ()
    return {wheel.sha256: wheel.size for package in packages for wheel in package.wheels}


def complete_wheels(
    packages: Sequence[Mapping[str, Any]], config: UvConfig, known: Mapping[str, int], target: str
) -> list[list[dict[str, Any]]]:
    """For each exported package its wheels, each with size, SHA-256 and a URL without credentials.

    Raises LockError with the wheels whose size or hash no server tells.
    """
    wheels = [(wheel, package) for package in packages for wheel in package.get("wheels", [])]
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        found = list(
            pool.map(lambda item: _complete(item[0], item[1].get("index"), config, known), wheels)
        )
    failures = sorted(str(item) for item in found if isinstance(item, DownloadFailedError))
    if failures:
        raise LockError(f"{target}: wheels of unknown size", failures)
    completed = iter(item for item in found if not isinstance(item, DownloadFailedError))
    return [[next(completed) for _ in package.get("wheels", [])] for package in packages]


def _complete(
    wheel: Mapping[str, Any], index: str | None, config: UvConfig, known: Mapping[str, int]
) -> dict[str, Any] | DownloadFailedError:
    complete = {key: wheel[key] for key in ("name", "url", "path") if key in wheel}
    sha256, size = wheel.get("hashes", {}).get("sha256"), wheel.get("size")
    if "url" in wheel:
        complete["url"] = without_credentials(wheel["url"])
        indexes = indexes_for(wheel["url"], index, config.indexes)
        try:
            if sha256 is None:
                remote = download(wheel["url"], indexes)
                sha256, size = remote.sha256, remote.size
            elif size is None:
                size = known.get(sha256) or ask_size(wheel["url"], indexes)
        except DownloadFailedError as e:
            return e
    hashes = {} if sha256 is None else {"sha256": sha256}
    return {**complete, **({} if size is None else {"size": size}), "hashes": hashes}
