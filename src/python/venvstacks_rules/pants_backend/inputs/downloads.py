"""Files that lockfiles pin, from the network or from the repository."""

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
    DownloadFile,
    FileDigest,
    FileEntry,
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
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.requests.network import FetchedFile, FetchFileRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import (
    NETWORK_DIR,
    NetworkActionRequest,
    network_access,
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
    """In bytes; None where the lockfile has none."""
    directory: str
    """Where the file goes in the tree."""
    indexes: tuple[str, ...] = ()
    """The names of the indexes whose credentials may be sent to the server of the URL."""


@dataclass(frozen=True)
class PinnedFile:
    """A file of the announced hash and size."""

    digest: Digest
    path: str
    size: int
    """In bytes."""


@dataclass(frozen=True)
class FileWithCredentialsRequest:
    """A file to download with the credentials of the person who builds."""

    url: str
    sha256: str
    size: int | None
    indexes: tuple[str, ...]


@dataclass(frozen=True)
class DownloadedFile:
    """A file, without a folder."""

    digest: Digest
    size: int
    """In bytes."""


@dataclass(frozen=True)
class RepositoryFile:
    """A file of the repository that a lockfile pins."""

    path: str
    """Relative to the build root."""
    written: str
    """As the lockfile has it."""
    sha256: str | None
    """None where the lockfile has none."""
    size: int | None
    """In bytes; None where the lockfile has none."""

    @property
    def is_outside(self) -> bool:
        """Whether the path leads out of the repository."""
        return self.path.startswith("../")


@dataclass(frozen=True)
class RepositoryFilesRequest:
    """Files of the repository that a layer's lockfile pins."""

    target: str
    """The address of the layer, for messages."""
    files: tuple[RepositoryFile, ...]


@dataclass(frozen=True)
class RepositoryFiles:
    """Files of the announced hashes and sizes, in the order of the request."""

    entries: tuple[FileEntry, ...]


def _not_as_pinned(problems: Iterable[str]) -> LockError:
    found = tuple(problems)
    what = "A file" if len(found) == 1 else f"{len(found)} files"
    them = "it" if len(found) == 1 else "them"
    return LockError(f"{what} cannot be fetched as a lockfile pins {them}:", found)


def _renewal(target: str) -> str:
    return f"renew the lockfile with `{bin_name()} generate-lockfiles --resolve={target}`."


# ------------------------------------------------------------------------------- from the network
@rule
async def file_with_credentials(request: FileWithCredentialsRequest) -> DownloadedFile:
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
    # Those in a lockfile, if another tool left some there, are not used, nor shown.
    url, size = without_credentials(request.url), request.size
    search = access.search(url, request.indexes)
    try:
        # The engine knows neither credentials nor files of unknown size.
        if size is None or access.knows(search):
            found = await file_with_credentials(
                FileWithCredentialsRequest(url, request.sha256, size, request.indexes),
                **implicitly(),
            )
            digest, size = found.digest, found.size
        else:
            digest = await engine.download_file(DownloadFile(url, FileDigest(request.sha256, size)))
    except (IntrinsicError, VenvstacksError) as e:
        # What the engine says names neither the layer nor, of a wrong hash, the URL.
        text = _engine_failure(e, search) if isinstance(e, IntrinsicError) else str(e)
        raise _not_as_pinned(
            [
                f"{request.target}: {text}\n"
                f"Check the network and the index or mirror, or {_renewal(request.target)}"
            ]
        ) from None
    prefixed = await engine.add_prefix(AddPrefix(digest, request.directory))
    snapshot = await engine.digest_to_snapshot(prefixed)
    return PinnedFile(prefixed, snapshot.files[0], size)


def _engine_failure(error: IntrinsicError, search: CredentialSearch) -> str:
    """What the engine says, in the words of our own downloads."""
    said = re.match(r"(?:Client|Server) error \((\d{3})\)", str(error))
    if said is None:
        return f"{search.url}: {error}"
    status = int(said[1])
    phrase = responses.get(status, "")
    return f"{search.url}: {status} {phrase}{refused(status, None, search)}"


# ---------------------------------------------------------------------------- from the repository
def _repository_problem(file: RepositoryFile, entry: FileEntry | None, target: str) -> str | None:
    """What is wrong with a file, with the remedy; `entry` is what the repository has."""
    if file.is_outside:
        return f"`{file.written}` is outside of the repository. Move it into it, and lock again."
    size = entry.file_digest.serialized_bytes_length if entry else None
    sha256 = entry.file_digest.fingerprint if entry else None
    if entry is None:
        what = (
            f"there is no file {file.path}, or Pants ignores it: see `[GLOBAL].pants_ignore` and "
            "`.gitignore`"
        )
    elif file.size not in (None, size):
        what = f"{file.path} has {size} bytes, and {file.size} are locked"
    elif file.sha256 not in (None, sha256):
        what = f"{file.path} has SHA-256 {sha256}, and {file.sha256} is locked"
    else:
        return None
    return f"{what}. Restore it, or {_renewal(target)}"


@rule
async def repository_files(request: RepositoryFilesRequest) -> RepositoryFiles:
    paths = [file.path for file in request.files if not file.is_outside]
    digest = await engine.path_globs_to_digest(PathGlobs(map(literal_glob, paths)))
    entries = {
        entry.path: entry
        for entry in await engine.get_digest_entries(digest)
        if isinstance(entry, FileEntry)
    }
    found = (
        _repository_problem(file, entries.get(file.path), request.target) for file in request.files
    )
    problems = [f"{request.target}: {problem}" for problem in found if problem is not None]
    if problems:
        raise _not_as_pinned(problems)
    return RepositoryFiles(tuple(entries[file.path] for file in request.files))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
