"""Source archives of packages: pinned, with what their builds require."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.actions.network.downloads import DownloadFailedError, download, save
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.requirements import normalised_requirements
from venvstacks_rules.model.locks.pylock import TOOL, Lockfile
from venvstacks_rules.model.locks.sources import PinnedArchive
from venvstacks_rules.model.network.credentials import indexes_for, without_credentials

# What PEP 518 says of a project without the table.
_DEFAULT = ("setuptools>=40.8.0",)


@dataclass(frozen=True)
class SourceArchives:
    """The packages of one layer that are built from source."""

    target: str
    names: frozenset[str]
    """Normalised."""
    config: UvConfig
    previous: Lockfile | None
    resolve_wheels: Callable[[tuple[str, ...]], list[dict[str, Any]]]
    """From requirements to wheels as in a lockfile, for all platforms."""
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def recorded(self, package: Mapping[str, Any]) -> dict[str, Any]:
        """A package that ``uv`` exported: of those here, the source archive and no wheels."""
        result = dict(package)
        if package["name"] not in self.names or "sdist" not in package:
            return result
        result.pop("wheels", None)
        url = without_credentials(package["sdist"]["url"])
        if url not in self._known:
            self._known[url] = self._pinned(package, url)
        result.update(self._known[url])
        return result

    def _pinned(self, package: Mapping[str, Any], url: str) -> dict[str, Any]:
        indexes = indexes_for(url, package.get("index"), self.config.indexes)
        given = package["sdist"].get("hashes", {}).get("sha256")
        try:
            sha256 = given or download(url, indexes).sha256
            with tempfile.TemporaryDirectory(prefix="source-") as folder:
                file = Path(folder, PinnedArchive(url, 0, "").file_name)
                size = save(url, file, sha256=sha256, size=None, indexes=indexes).size
                requires = self._requires(file)
        except DownloadFailedError as e:
            raise LockError(f"{self.target}: a source archive", [str(e)]) from None
        archive = PinnedArchive(url, size, sha256)
        build = self._as_before(archive) or self.resolve_wheels(requires)
        tool = {"from": "sdist", "build": build}
        return {"sdist": archive.to_dict(), "tool": {TOOL: tool}}

    def _as_before(self, archive: PinnedArchive) -> list[dict[str, object]]:
        """The wheels that the previous lock has for the same archive."""
        sources = [p.source for p in (self.previous.packages if self.previous else ()) if p.source]
        for source in sources:
            if source.archive.sha256 == archive.sha256:
                return [wheel.to_dict() for wheel in source.build_wheels]
        return []

    def _requires(self, file: Path) -> tuple[str, ...]:
        system = read_project(file).get("build-system", {})
        requires = system.get("requires", _DEFAULT) if isinstance(system, Mapping) else _DEFAULT
        if not isinstance(requires, Iterable) or not all(isinstance(r, str) for r in requires):
            raise LockError(
                f"{self.target}: a source archive",
                [f"`{file.name}`: `build-system.requires` is not a list of strings"],
            )
        return normalised_requirements(requires)


def read_project(archive: Path) -> dict[str, Any]:
    """The ``pyproject.toml`` at the top of a source archive; empty without one."""
    from venvstacks_rules.actions.files.toml import read_toml

    content = _top_level_file(archive, "pyproject.toml")
    if content is None:
        return {}
    file = archive.with_name("pyproject.toml")
    file.write_bytes(content)
    return read_toml(file)


def _top_level_file(archive: Path, name: str) -> bytes | None:
    import tarfile
    import zipfile

    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as zipped:
                names = [n for n in zipped.namelist() if n.count("/") == 1]
                found = [n for n in names if n.endswith(f"/{name}")]
                return zipped.read(found[0]) if found else None
        with tarfile.open(archive) as tar:
            for member in tar:
                path = member.name.removeprefix("./")
                if path.count("/") == 1 and path.endswith(f"/{name}") and member.isfile():
                    stream = tar.extractfile(member)
                    return stream.read() if stream is not None else None
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as e:
        raise LockError("a source archive cannot be read", [f"`{archive.name}`: {e}"]) from None
    return None
