"""The wheels of the actions' libraries: from the URLs of the lockfile, or from mirrors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.exceptions import IntrinsicError
from pants.engine.fs import Digest, DownloadFile, FileDigest

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule


@dataclass(frozen=True)
class LibraryWheelRequest:
    """A wheel of the actions' lockfile."""

    wheel: LockedWheel
    distribution: str


@dataclass(frozen=True)
class LibraryWheel:
    """A wheel of the announced hash and size."""

    digest: Digest
    path: str


@rule
async def library_wheel(request: LibraryWheelRequest) -> LibraryWheel:
    wheel = request.wheel
    assert wheel.url is not None
    try:
        digest = await engine.download_file(
            DownloadFile(wheel.url, FileDigest(wheel.sha256, wheel.size))
        )
    except IntrinsicError as e:
        raise LockError(
            "A library of the actions cannot be downloaded:",
            [
                f"{wheel.url}: {e}\nCheck the network, or set `[python-repos].indexes` or "
                "`find_links` to where its wheel is"
            ],
        ) from None
    return LibraryWheel(digest, wheel.file_name)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
