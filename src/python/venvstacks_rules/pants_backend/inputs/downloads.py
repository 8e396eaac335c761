"""Files that lockfiles pin, from the network."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import responses

from pants.base.exceptions import IntrinsicError
from pants.engine.fs import (
    AddPrefix,
    Digest,
    DigestSubset,
    FileDigest,
    PathGlobs,
    RemovePrefix,
)
from pants.util.docutil import bin_name

from venvstacks_rules.model.errors import LockError, VenvstacksError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.network.credentials import (
    CredentialSearch,
    refused,
    without_credentials,
)
from venvstacks_rules.model.requests.network import FetchedFile, FetchFileRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import (
    NETWORK_DIR,
    engine_download,
    network_access,
)
from venvstacks_rules.pants_backend.processes.network_actions import (
    NetworkActionRequest,
    run_network_action,
)

_OUTPUT_DIR = "fetched"


@dataclass(frozen=True)
class PinnedFileRequest:
    """A file that a lockfile pins."""

    target: str
    """The address of the layer, for messages."""
    url: str
    sha256: str
    size: int | None
    """In bytes; None if the lockfile has none."""
    directory: str
    """The folder for the file in the digest."""
    indexes: tuple[str, ...] = ()
    """The names of the indexes whose credentials may be sent to the server of the URL."""


@dataclass(frozen=True)
class PinnedFile:
    """A file that has the pinned hash and size."""

    digest: Digest
    path: str
    size: int
    """In bytes."""


@dataclass(frozen=True)
class OwnDownloadRequest:
    """A file to download by an action: with the user's credentials, proxies and authorities."""

    url: str
    sha256: str
    size: int | None
    indexes: tuple[str, ...]


@dataclass(frozen=True)
class DownloadedFile:
    """A file, at the top of its digest."""

    digest: Digest
    size: int
    """In bytes."""


def not_as_pinned(problems: Iterable[str]) -> LockError:
    """The error for files that are missing, or whose hash or size differs from their lockfile's.

    `problems` has one message for each file.
    """
    found = tuple(problems)
    what = "A file" if len(found) == 1 else f"{len(found)} files"
    them = "it" if len(found) == 1 else "them"
    return LockError(f"{what} cannot be fetched as a lockfile pins {them}:", found)


def renewal(target: str) -> str:
    """The end of a sentence that tells how to renew the lockfile of `target`."""
    return f"renew the lockfile with `{bin_name()} generate-lockfiles --resolve={target}`."


@rule
async def own_download(request: OwnDownloadRequest) -> DownloadedFile:
    name = re.sub(r"[^\w.+-]", "_", os.path.basename(request.url.split("#")[0].split("?")[0]))
    output = f"{_OUTPUT_DIR}/{name or 'file'}"
    result = await run_network_action(
        NetworkActionRequest(
            ActionProcessRequest(
                verb="fetch-file",
                request=to_json(
                    FetchFileRequest(
                        url=request.url,
                        sha256=request.sha256,
                        size=request.size,
                        output=output,
                        indexes=request.indexes,
                        network=NETWORK_DIR,
                    )
                ),
                output_files=(output,),
                description=f"Download {name}",
                done=f"Downloaded {name}",
                size=request.size,
            )
        ),
        **implicitly(),
    )
    file = await engine.digest_subset_to_digest(DigestSubset(result.digest, PathGlobs([output])))
    digest = await engine.remove_prefix(RemovePrefix(file, _OUTPUT_DIR))
    return DownloadedFile(digest, from_json(FetchedFile, result.result).size)


@rule
async def pinned_file(request: PinnedFileRequest) -> PinnedFile:
    access = await network_access(**implicitly())
    # Credentials that another tool left in a lockfile are neither used nor shown.
    url = without_credentials(request.url)
    search = access.search(url, request.indexes)
    found = None
    try:
        # The engine itself cannot send credentials, nor download a file of unknown size.
        if not (request.size is None or access.knows(search)):
            digest = await engine_download(url, FileDigest(request.sha256, request.size), access)
            if digest is not None:
                found = DownloadedFile(digest, request.size)
        if found is None:
            found = await own_download(
                OwnDownloadRequest(url, request.sha256, request.size, request.indexes),
                **implicitly(),
            )
    except (IntrinsicError, VenvstacksError) as e:
        # The engine's message has no address and, for a wrong hash, no URL.
        text = _engine_failure(e, search) if isinstance(e, IntrinsicError) else str(e)
        raise not_as_pinned(
            [
                f"{request.target}: {text}\n"
                f"Check the network and the index or mirror, or {renewal(request.target)}"
            ]
        ) from None
    prefixed = await engine.add_prefix(AddPrefix(found.digest, request.directory))
    snapshot = await engine.digest_to_snapshot(prefixed)
    return PinnedFile(prefixed, snapshot.files[0], found.size)


def _engine_failure(error: IntrinsicError, search: CredentialSearch) -> str:
    """The engine's message, in the words of our own downloads."""
    # The engine has the status only in the text.
    said = re.match(r"(?:Client|Server) error \((\d{3})\)", str(error))
    if said is None:
        return f"{search.url}: {error}"
    status = int(said[1])
    phrase = responses.get(status, "")
    return f"{search.url}: {status} {phrase}{refused(status, None, search)}"


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
