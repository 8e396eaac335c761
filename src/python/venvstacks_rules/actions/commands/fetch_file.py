"""Downloads one file of known hash, with the credentials of the person who builds."""

from __future__ import annotations

from pathlib import Path

from venvstacks_rules.actions.network.downloads import DownloadFailedError, save
from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.errors import NetworkError, RequestError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.model.requests.network import FetchedFile, FetchFileRequest


def run(request_text: str) -> FetchedFile:
    """Fetch the file of a :class:`FetchFileRequest`; raises NetworkError if impossible."""
    request = from_json(FetchFileRequest, request_text)
    problem = url_problem(request.url)
    if problem is not None:
        raise RequestError(f"url: {problem}")
    if not is_sha256_hex(request.sha256):
        raise RequestError(f"sha256: `{request.sha256}` is not a SHA-256")
    use_network_settings(request.network)
    output = Path(request.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = save(
            request.url,
            output,
            sha256=request.sha256,
            size=request.size,
            indexes=request.indexes,
        )
    except DownloadFailedError as e:
        raise NetworkError(str(e)) from None
    return FetchedFile(found.size)
