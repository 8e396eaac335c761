"""``fetch-commit``: fetch the files of a commit that a lockfile pins."""

from __future__ import annotations

from pathlib import Path

from venvstacks_rules.actions.network.repositories import save_commit
from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.local.files.streams import sha256_of, whole_file
from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.network.commits import Commit
from venvstacks_rules.model.requests.network import FetchCommitRequest, FetchedFile


def run(request_text: str) -> FetchedFile:
    """Fetch as a :class:`FetchCommitRequest` asks; raises NetworkError for other files."""
    request = from_json(FetchCommitRequest, request_text)
    commit = Commit(request.url, request.commit)
    problem = commit.problem
    if problem is not None:
        raise NetworkError(f"a commit cannot be fetched: {problem}")
    use_network_settings(request.network)
    output = Path(request.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(output) as part:
        save_commit(commit, Path(part))
        found, size = sha256_of(part)
        if found != request.sha256:
            raise NetworkError(
                f"{request.url} at {request.commit}: its files have SHA-256 {found}, but the "
                f"lockfile has {request.sha256}"
            )
    return FetchedFile(size)
