"""The wheels of the actions' libraries: from the lockfile's URLs, or from the user's mirrors."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pants.backend.python.subsystems.repos import PythonRepos
from pants.base.build_environment import get_buildroot
from pants.base.exceptions import IntrinsicError
from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName
from pants.engine.fs import Digest, DigestSubset, FileDigest, PathGlobs
from pants.option.global_options import NamedCachesDirOption

from venvstacks_rules.model.errors import LockError, VenvstacksError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.model.requests.tools import FetchWheelRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    implicitly,
    rule,
    uncacheable_rule,
)
from venvstacks_rules.pants_backend.processes.bare import (
    ActionProcessRequest,
    PlacedBareActionRequest,
    placed_bare_action,
)
from venvstacks_rules.pants_backend.processes.network import (
    NETWORK_DIR,
    engine_download,
    kept_settings,
    mirror_indexes,
    network_access,
    with_settings,
)


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
    size: int
    """In bytes."""


@dataclass(frozen=True)
class FetchedLibraryWheel:
    """A wheel that an action fetched: from the user's mirrors, or as the user reaches servers."""

    digest: Digest


@rule
async def library_wheel(request: LibraryWheelRequest, repos: PythonRepos) -> LibraryWheel:
    wheel = request.wheel
    access = await network_access(**implicitly())
    url = None if _mirrored(repos) else wheel.url
    digest = None
    try:
        # The engine itself cannot download a file of unknown size.
        if url is not None and wheel.size:
            digest = await engine_download(url, FileDigest(wheel.sha256, wheel.size), access)
        if digest is None:
            fetched = await fetched_wheel(request, **implicitly())
            digest = fetched.digest
    except (IntrinsicError, VenvstacksError) as e:
        where = f"{url}: " if isinstance(e, IntrinsicError) else ""
        raise LockError(
            "A library of the actions cannot be downloaded:",
            [
                f"{where}{e}\nCheck the network and `[GLOBAL].ca_certs_path`, or name a mirror in "
                "`[python-repos].indexes` or `find_links`."
            ],
        ) from None
    (entry,) = await engine.get_digest_entries(digest)
    return LibraryWheel(digest, entry.path, entry.file_digest.serialized_bytes_length)


# Were this remembered, a process that has to run again would run without the file.
@uncacheable_rule
async def fetched_wheel(
    request: LibraryWheelRequest,
    repos: PythonRepos,
    caches: NamedCachesDirOption,
    local: ChosenLocalEnvironmentName,
) -> FetchedLibraryWheel:
    wheel = request.wheel
    access = await network_access(**implicitly())
    fetch = FetchWheelRequest(
        distribution=request.distribution,
        file_name=wheel.file_name,
        sha256=wheel.sha256,
        size=wheel.size or None,
        indexes=tuple(
            (name, without_credentials(url)) for name, url in mirror_indexes(repos.indexes)
        ),
        find_links=tuple(_absolute(entry) for entry in repos.find_links),
        output=wheel.file_name,
        url=None if _mirrored(repos) else wheel.url,
        network=NETWORK_DIR,
    )
    action = ActionProcessRequest(
        verb="fetch-wheel",
        request=to_json(fetch),
        output_files=(wheel.file_name,),
        description=f"Download {request.distribution} for the actions",
    )
    with kept_settings(access.variables, str(caches.val)):
        result = await placed_bare_action(
            PlacedBareActionRequest(with_settings(action)),
            **implicitly({local.val: EnvironmentName}),
        )
    return FetchedLibraryWheel(
        await engine.digest_subset_to_digest(
            DigestSubset(result.digest, PathGlobs([wheel.file_name]))
        )
    )


def _mirrored(repos: PythonRepos) -> bool:
    """Whether the user names other places than those of the lockfile."""
    return bool(repos.find_links or not repos.options.is_default("indexes"))


def _absolute(entry: str) -> str:
    """An entry of `find_links`, which Pants takes relative to the build root."""
    return entry if urlsplit(entry).scheme else os.path.join(get_buildroot(), entry)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
