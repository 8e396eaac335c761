"""Files that lockfiles pin, fetched by the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.exceptions import IntrinsicError
from pants.engine.fs import AddPrefix, Digest, DownloadFile, FileDigest
from pants.util.docutil import bin_name

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule


@dataclass(frozen=True)
class PinnedFileRequest:
    """A file that a lockfile pins."""

    target: str
    """The address of the layer, for messages."""
    url: str
    sha256: str
    size: int
    """In bytes."""
    directory: str
    """Where the file goes in the tree."""


@dataclass(frozen=True)
class PinnedFile:
    """A file of the announced hash and size."""

    digest: Digest
    path: str


@rule
async def pinned_file(request: PinnedFileRequest) -> PinnedFile:
    wanted = DownloadFile(request.url, FileDigest(request.sha256, request.size))
    try:
        digest = await engine.download_file(wanted)
    except IntrinsicError as e:
        # What the engine says names neither the layer nor, of a wrong hash, the URL.
        raise LockError(
            "A file cannot be fetched as a lockfile pins it:",
            [
                f"{request.target}: {request.url}: {e}\n"
                "Check the network and the index or mirror, or renew the lockfile with "
                f"`{bin_name()} generate-lockfiles --resolve={request.target}`."
            ],
        ) from None
    prefixed = await engine.add_prefix(AddPrefix(digest, request.directory))
    snapshot = await engine.digest_to_snapshot(prefixed)
    return PinnedFile(prefixed, snapshot.files[0])


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
