"""Folders with wheels outside indexes: their paths for ``uv``, and in the lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.requests.lock import LocalWheels


@dataclass(frozen=True)
class LocalWheelFolders:
    """The folders for the packages of one layer."""

    recorded_by_path: Mapping[str, str]
    """From the absolute path of each, in this process, to its path in the lock."""

    @classmethod
    def of(cls, folders: Iterable[LocalWheels]) -> LocalWheelFolders:
        """From the request."""
        return cls({str(Path(folder.path).absolute()): folder.recorded for folder in folders})

    @property
    def find_links(self) -> list[str]:
        """The folders for ``uv``."""
        return list(self.recorded_by_path)

    def path_of(self, recorded: str) -> str | None:
        """The absolute path of the folder with the path `recorded` in the lock, if any."""
        paths = (path for path, name in self.recorded_by_path.items() if name == recorded)
        return next(paths, None)

    def recorded(self, package: Mapping[str, Any]) -> dict[str, Any]:
        """A package that ``uv`` exported, with paths in the lock for wheels from these folders.

        Size and hash are those of the file; the package has no index.
        """
        result = dict(package)
        wheels = [self._recorded_wheel(wheel) for wheel in package.get("wheels", [])]
        if wheels:
            result["wheels"] = wheels
        if any("path" in wheel for wheel in wheels):
            result.pop("index", None)
        return result

    def _recorded_wheel(self, wheel: Mapping[str, Any]) -> dict[str, Any]:
        url = urlsplit(wheel.get("url", ""))
        if url.scheme != "file":
            return dict(wheel)
        file = Path(unquote(url.path))
        folder = self.recorded_by_path.get(str(file.parent))
        if folder is None:
            return dict(wheel)  # The reader refuses its URL.
        sha256, size = sha256_of(file)
        return {"path": f"{folder}/{file.name}", "size": size, "hashes": {"sha256": sha256}}
