"""Reads the folders with wheels that a layer's field `local_wheels` names."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import Digest, PathGlobs

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.paths import literal_glob, place_inside
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule


@dataclass(frozen=True)
class LocalWheelsRequest:
    """The wheels in some folders."""

    address: Address
    """The layer whose field names the folders, relative to its BUILD file."""
    local_wheels: tuple[str, ...]
    """As in the field."""


@dataclass(frozen=True)
class LocalWheelsInFolders:
    """Wheels, at their paths in the repository."""

    digest: Digest
    folders: tuple[str, ...]
    """Relative to the build root, in the order of the request."""


@rule
async def local_wheels(request: LocalWheelsRequest) -> LocalWheelsInFolders:
    address, beside = request.address, request.address.spec_path
    places = [(name, place_inside(beside, name)) for name in request.local_wheels]
    outside = [name for name, place in places if place is None]
    if outside:
        raise LockError(
            "`local_wheels` cannot be used:",
            [
                f"{address}: {name!r} is not inside the repository. Move the wheels into it."
                for name in outside
            ],
        )
    folders = tuple(place for _, place in places if place is not None)
    digest = await engine.path_globs_to_digest(
        PathGlobs(f"{literal_glob(folder)}/*.whl" for folder in folders)
    )
    files = await engine.digest_to_snapshot(digest)
    filled = {os.path.dirname(file) for file in files.files}
    empty = [name for name, folder in places if folder not in filled]
    if empty:
        raise LockError(
            "`local_wheels` cannot be used:",
            [
                f"{address}: {name!r}, relative to {beside or 'the build root'}, has no wheels "
                "(`*.whl`). Put some there, or remove the folder from the field."
                for name in empty
            ],
        )
    return LocalWheelsInFolders(digest, folders)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
