"""Files of commits that lockfiles pin, from git repositories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import Digest, DigestSubset, PathGlobs

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.network.commits import Commit
from venvstacks_rules.model.requests.network import FetchCommitRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.inputs.downloads import not_as_pinned, renewal
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    NetworkActionRequest,
    run_network_action,
)

_OUTPUT = "commit/source.tar"


@dataclass(frozen=True)
class CommitFilesRequest:
    """The files of a commit, as an archive that a lockfile pins."""

    target: str
    """The address of the layer, for messages."""
    commit: Commit
    sha256: str


@dataclass(frozen=True)
class CommitFiles:
    """A tar archive that has the pinned hash."""

    digest: Digest
    path: str


@rule
async def commit_files(request: CommitFilesRequest) -> CommitFiles:
    commit = request.commit
    name = commit.url.rstrip("/").removesuffix(".git").rstrip("/").rpartition("/")[2]
    try:
        result = await run_network_action(
            NetworkActionRequest(
                ActionProcessRequest(
                    verb="fetch-commit",
                    request=to_json(
                        FetchCommitRequest(
                            url=commit.url,
                            commit=commit.commit,
                            sha256=request.sha256,
                            output=_OUTPUT,
                            network=NETWORK_DIR,
                        )
                    ),
                    output_files=(_OUTPUT,),
                    description=f"Fetch a commit of {name}",
                    done=f"Downloaded a commit of {name}",
                ),
                programs=True,
            ),
            **implicitly(),
        )
    except VenvstacksError as e:
        raise not_as_pinned(
            [f"{request.target}: {e}\nCheck the network, or {renewal(request.target)}"]
        ) from None
    file = await engine.digest_subset_to_digest(DigestSubset(result.digest, PathGlobs([_OUTPUT])))
    return CommitFiles(file, _OUTPUT)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
