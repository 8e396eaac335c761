"""A registry of containers on loopback, as images see it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.stores import registry


@dataclass(frozen=True)
class ServedRegistry:
    """A registry with a password."""

    host: str
    """``127.0.0.1:port``."""
    folder: Path
    """What it has, its log, and the login as `config.json` of docker."""
    environment: Mapping[str, str]
    secrets: tuple[str, ...]

    def uploads(self) -> list[str]:
        """The names of the repositories that blobs were sent to, one for each blob."""
        return re.findall(r'"PUT /v2/(\S+)/blobs/uploads/', self._log)

    def mounts(self) -> list[tuple[str, str]]:
        """The repositories that took blobs from others, and the others."""
        found = re.findall(
            r'"POST /v2/(\S+)/blobs/uploads/\?mount=\S+&from=(\S+) \S+ 201', self._log
        )
        return [(name, source.replace("%2F", "/")) for name, source in found]

    def blob(self, sha256: str) -> Path:
        """Where it keeps a blob."""
        blobs = self.folder / "data/docker/registry/v2/blobs/sha256"
        return blobs / sha256[:2] / sha256 / "data"

    @property
    def _log(self) -> str:
        return (self.folder / "registry.log").read_text().replace('" 201', " 201")


@contextlib.contextmanager
def serve_registry(folder: Path) -> Iterator[ServedRegistry]:
    """Run a registry until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with registry(folder, accesslog=True) as served:
        host = served.url.removeprefix("oci://").partition("/")[0]
        yield ServedRegistry(host, folder, served.environment, served.secrets)
