"""Source archives of packages: pinned, with what their builds require."""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venvstacks_rules.actions.files.source_trees import unpack_source, version_variables
from venvstacks_rules.actions.locking.asked_backends import asked_requirements, this_platform
from venvstacks_rules.actions.locking.uv_config import UvConfig
from venvstacks_rules.actions.network.downloads import DownloadFailedError, download, save
from venvstacks_rules.actions.network.repositories import save_commit
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.errors import LockError, NetworkError
from venvstacks_rules.model.layers.requirements import normalised_requirements, parsed_requirement
from venvstacks_rules.model.locks.build_tools import fitting_tools
from venvstacks_rules.model.locks.pylock import TOOL, Lockfile
from venvstacks_rules.model.locks.sources import LockedSource, PinnedArchive
from venvstacks_rules.model.network.commits import Commit
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
    locks: tuple[Lockfile, ...]
    """Whose pins stay: those of the layers below, and the layer's previous one."""
    resolve_wheels: Callable[[tuple[str, ...]], list[dict[str, Any]]]
    """From requirements to wheels as in a lockfile, for all platforms."""
    python: str | None
    """An interpreter of the layer's version, to ask what builds require; if there is one."""
    python_version: str
    linux_target: str
    macosx_target: str
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def recorded(self, package: Mapping[str, Any]) -> dict[str, Any]:
        """A package that ``uv`` exported: of those here, the source archive and no wheels."""
        result = dict(package)
        if package["name"] not in self.names:
            return result
        commit = Commit.of_vcs(package.get("vcs", {}))
        if commit is not None:
            if commit.reference not in self._known:
                self._known[commit.reference] = self._at_commit(commit, package["version"]).to_dict(
                    TOOL
                )
            return {**result, **self._known[commit.reference]}
        if "sdist" not in package:
            return result
        result.pop("wheels", None)
        url = without_credentials(package["sdist"]["url"])
        if url not in self._known:
            self._known[url] = self._pinned(package, url).to_dict(TOOL)
        result.update(self._known[url])
        return result

    def _pinned(self, package: Mapping[str, Any], url: str) -> LockedSource:
        indexes = indexes_for(url, package.get("index"), self.config.indexes)
        given = package["sdist"].get("hashes", {}).get("sha256")
        try:
            sha256 = given or download(url, indexes).sha256
            with tempfile.TemporaryDirectory(prefix="source-") as folder:
                file = Path(folder, PinnedArchive(url, 0, "").file_name)
                size = save(url, file, sha256=sha256, size=None, indexes=indexes).size
                archive = PinnedArchive(url, size, sha256)
                tools = self._as_before(archive) or self._tools(file)
        except DownloadFailedError as e:
            raise LockError(f"{self.target}: a source archive", [str(e)]) from None
        return LockedSource(archive, tools)

    def _at_commit(self, commit: Commit, version: str) -> LockedSource:
        for source in self._locked:
            if source.commit == commit:
                return source
        try:
            with tempfile.TemporaryDirectory(prefix="source-") as folder:
                file = Path(folder, "source.tar")
                save_commit(commit, file)
                sha256, size = sha256_of(file)
                tools = self._tools(file, commit.subdirectory, version)
        except (DownloadFailedError, NetworkError) as e:
            raise LockError(f"{self.target}: a commit", [str(e)]) from None
        return LockedSource(PinnedArchive(commit.reference, size, sha256), tools, commit)

    @property
    def _locked(self) -> Iterator[LockedSource]:
        return (p.source for lock in self.locks for p in lock.packages if p.source is not None)

    def _as_before(self, archive: PinnedArchive) -> tuple[PinnedArchive, ...]:
        """The wheels that another lock has for the same archive."""
        for source in self._locked:
            if source.archive.sha256 == archive.sha256:
                return source.build_wheels
        return ()

    def _tools(
        self, file: Path, subdirectory: str | None = None, version: str | None = None
    ) -> tuple[PinnedArchive, ...]:
        """The wheels of all that the build requires: what is listed, and what its backend tells."""
        system = read_project(file, subdirectory).get("build-system", {})
        system = system if isinstance(system, Mapping) else {}
        listed = system.get("requires", _DEFAULT)
        if not isinstance(listed, Iterable) or not all(isinstance(r, str) for r in listed):
            raise LockError(
                f"{self.target}: a source archive",
                [f"`{file.name}`: `build-system.requires` is not a list of strings"],
            )
        requires = normalised_requirements(listed)
        tools = self._resolved(requires)
        project = self._unpacked(file, subdirectory)
        told = (
            ()
            if project is None
            else self._told(project, system, tools, version_variables(version))
        )
        more = normalised_requirements((*requires, *told))
        return tools if more == requires else self._resolved(more)

    def _resolved(self, requires: tuple[str, ...]) -> tuple[PinnedArchive, ...]:
        return tuple(
            PinnedArchive(wheel["url"], wheel["size"], wheel["hashes"]["sha256"])
            for wheel in (self.resolve_wheels(requires) if requires else ())
        )

    def _unpacked(self, file: Path, subdirectory: str | None) -> Path | None:
        """The folder of the project, to ask its backend; None if nobody can."""
        if self.python is None:
            return None
        folder = file.with_name("unpacked")
        try:
            unpack_source(file, folder)
            (top,) = (path for path in folder.iterdir() if path.is_dir())
        except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError):
            return None  # The build tells it.
        return top / (subdirectory or ".")

    def _told(
        self,
        project: Path,
        system: Mapping[str, Any],
        tools: tuple[PinnedArchive, ...],
        variables: Mapping[str, str],
    ) -> tuple[str, ...]:
        machine = this_platform()
        if self.python is None or machine is None:
            return ()
        wheels = []
        with tempfile.TemporaryDirectory(prefix="asked-") as temporary:
            folder = Path(temporary)
            for tool in fitting_tools(
                tools,
                machine,
                python_version=self.python_version,
                linux_target=self.linux_target,
                macosx_target=self.macosx_target,
            ):
                wheel = folder / tool.file_name
                indexes = indexes_for(tool.url, None, self.config.indexes)
                save(tool.url, wheel, sha256=tool.sha256, size=tool.size, indexes=indexes)
                wheels.append(wheel)
            told = asked_requirements(
                project, system, wheels, self.python, folder=folder, variables=variables
            )
        return tuple(text for text in told if parsed_requirement(text) is not None)


def read_project(archive: Path, subdirectory: str | None = None) -> dict[str, Any]:
    """The ``pyproject.toml`` at the top of a source archive, or in a folder; empty without one."""
    from venvstacks_rules.actions.files.toml import read_toml

    name = "pyproject.toml" if subdirectory is None else f"{subdirectory}/pyproject.toml"
    content = _file_below_top(archive, name)
    if content is None:
        return {}
    file = archive.with_name("pyproject.toml")
    file.write_bytes(content)
    return read_toml(file)


def _file_below_top(archive: Path, name: str) -> bytes | None:
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as zipped:
                found = [n for n in zipped.namelist() if n.partition("/")[2] == name]
                return zipped.read(found[0]) if found else None
        with tarfile.open(archive) as tar:
            for member in tar:
                path = member.name.removeprefix("./")
                if path.partition("/")[2] == name and member.isfile():
                    stream = tar.extractfile(member)
                    return stream.read() if stream is not None else None
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as e:
        raise LockError("a source archive cannot be read", [f"`{archive.name}`: {e}"]) from None
    return None
