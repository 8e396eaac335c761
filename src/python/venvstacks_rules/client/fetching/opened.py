"""From a URL to what an application comes from: a repository, or a folder of archives."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from venvstacks_rules.client.fetching.source import Here, Source
from venvstacks_rules.client.installation.layout import WrongOptionError
from venvstacks_rules.client.installation.records import Settings
from venvstacks_rules.model.errors import DeploymentError, RepositoryError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import (
    Entry,
    ReadOnlyStore,
    Store,
    Stored,
    StoreError,
)

_NO_FILES = ("oci",)
"""Schemes of what holds repositories only."""


def found_source(
    settings: Settings,
    app: str,
    here: Here,
    url: str,
    *,
    root: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Source:
    """What is at `url`, which may have credentials; the settings of the result say what it is.

    RepositoryError if it is neither, or if `root` or the manifest of the settings pins the other.
    """
    store = opened(url, environment)
    source = Source(settings, store, app)
    if source.is_there() or url.partition(":")[0] in _NO_FILES:
        if settings.manifest is not None:
            raise WrongOptionError(
                f"{store.url} is a repository, and `--manifest` pins a folder of archives.",
                ["pin the root of the repository with `--root`"],
            )
        return source
    from venvstacks_rules.client.fetching.archives import ArchiveSource, manifest_paths

    archives = ArchiveSource(settings, app, here, store)
    if not archives.has_manifest():
        names = ", ".join(f"`{path}`" for path in manifest_paths(settings.platform))
        raise RepositoryError(
            f"{without_credentials(url)}: there is no repository, and no folder of archives.",
            [
                f"it has no `repository.json`, and none of {names}",
                "look at the URL; a folder of archives is what `package` writes for a "
                "`venvstacks_manifest`",
            ],
        )
    if root is not None:
        raise WrongOptionError(
            f"{store.url} is a folder of archives, which nobody signs.",
            ["pin its manifest with `--manifest sha256:...` in place of `--root`"],
        )
    _check_pin(settings.manifest)
    archives.settings = replace(settings, archives=archives.found().path)
    return archives


def known_source(settings: Settings, app: str, here: Here) -> Source:
    """What an application that is installed came from; DeploymentError if there are no updates."""
    if not settings.repository:
        raise _follows_nothing(app)
    store: Store = opened(settings.repository, os.environ)
    if settings.archives is None:
        return Source(settings, store, app)
    from venvstacks_rules.client.fetching.archives import ArchiveSource

    return ArchiveSource(settings, app, here, store)


def source_of_repairs(settings: Settings, app: str, here: Here) -> Source:
    """The same for what may need nothing; otherwise the error comes when something is fetched."""
    if settings.repository:
        return known_source(settings, app, here)
    return Source(settings, _Nowhere(app))


class _Nowhere(ReadOnlyStore):
    """Where an application came from that follows nothing."""

    url = ""

    def __init__(self, app: str) -> None:
        self._app = app

    def get(self, key: str, *, limit: int) -> Stored | None:  # noqa: ARG002 - it has nothing
        """Say where it came from."""
        raise _follows_nothing(self._app)

    def size(self, key: str) -> int | None:  # noqa: ARG002 - it has nothing
        """Say where it came from."""
        raise _follows_nothing(self._app)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:  # noqa: ARG002 - it has nothing
        """Say where it came from."""
        raise _follows_nothing(self._app)

    def list(self, prefix: str) -> Iterator[Entry]:  # noqa: ARG002 - it has nothing
        """Say where it came from."""
        raise _follows_nothing(self._app)

    def read_only(self, key: str) -> StoreError:
        """Nobody writes there."""
        return StoreError(f"`{key}`: `{self._app}` follows no repository.")


def _follows_nothing(app: str) -> DeploymentError:
    return DeploymentError(
        f"`{app}` follows no channel: it came with an installer that names none.",
        [
            "run a newer installer, or the same one to repair",
            "or follow a channel from now on: `venvstacks-deploy install --from ...`",
        ],
    )


def _check_pin(pin: str | None) -> None:
    if pin is not None and not (pin.startswith("sha256:") and is_sha256_hex(pin[7:])):
        raise WrongOptionError(
            f"`{pin}` does not pin a manifest.",
            ["write `sha256:` and its hash in lower-case hexadecimal, as `sha256sum` prints it"],
        )
