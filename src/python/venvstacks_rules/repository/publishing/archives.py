"""Archives on request, for those who want files as ``venvstacks publish`` makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.publishing.publication import ArchiveFiles
from venvstacks_rules.model.repository.keys import ARCHIVES, key_problem, name_problem
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores.store import CHUNK, Content


@dataclass(frozen=True)
class StackArchives:
    """Archives and metadata of a version of a stack."""

    files: Mapping[str, Path]
    """Where they lie here, by their keys."""
    manifest: str
    """The key of the one that is stored last: where it is, the others are."""

    @classmethod
    def of(cls, archives: ArchiveFiles, folder: Path = Path()) -> StackArchives:
        """With paths relative to `folder`. RepositoryError for names that no key can have."""
        prefix = f"{ARCHIVES}/{archives.name}/{archives.version}"
        files = {f"{prefix}/{name}": folder / path for name, path in archives.files.items()}
        named = {archives.name, archives.version}
        absent = archives.manifest not in archives.files
        problems = [
            *([f"`{archives.manifest}` is not one of the files"] if absent else []),
            *(f"`{name}`: {name_problem(name)}" for name in sorted(named) if name_problem(name)),
            *(f"`{key}`: {key_problem(key)}" for key in sorted(files) if key_problem(key)),
        ]
        if problems:
            raise RepositoryError("These archives cannot be published.", first_problems(problems))
        return cls(files, f"{prefix}/{archives.manifest}")

    def contents(self, keys: Collection[str]) -> Iterator[tuple[str, Content]]:
        """The files with these keys. RepositoryError if one cannot be read."""
        for key, path in self.files.items():
            if key in keys:
                hasher, size = hashlib.sha256(), 0
                try:
                    with path.open("rb") as file:
                        while piece := file.read(CHUNK):
                            hasher.update(piece)
                            size += len(piece)
                except OSError as e:
                    raise cannot_read(path, e) from None
                yield key, Content(Reference(hasher.hexdigest(), size), path=path)

    def lacking(self, size_of: Callable[[str], int | None]) -> dict[str, int]:
        """The sizes of those that a repository lacks, by their keys.

        `size_of` asks it for the size at a key. RepositoryError if it has one with another size.
        """
        if size_of(self.manifest) == _size(self.files[self.manifest]):
            return {}
        sizes = {key: _size(path) for key, path in self.files.items()}
        there = {key: size_of(key) for key in sizes}
        others = [
            f"`{key}` has {there[key]} bytes there; the new one has {size}"
            for key, size in sizes.items()
            if there[key] not in (None, size)
        ]
        if others:
            raise RepositoryError(
                "The archives of this version are there already, with other content.",
                [
                    *first_problems(others),
                    "A version never changes: raise the version, and publish again.",
                ],
            )
        return {key: size for key, size in sizes.items() if there[key] is None}


def cannot_read(path: Path, error: OSError) -> RepositoryError:
    """A file to publish is not there, or not for us."""
    return RepositoryError(f"`{path}` cannot be read.", [error.strerror or str(error)])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as e:
        raise cannot_read(path, e) from None
