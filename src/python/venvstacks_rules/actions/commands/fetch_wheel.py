"""``fetch-wheel``: find a wheel by name and hash, and download it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.actions.network.downloads import DownloadFailedError, save
from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.actions.network.wheel_search import Candidate, in_index, in_links
from venvstacks_rules.local.files.streams import sha256_of, whole_file
from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.network.credentials import server, without_credentials
from venvstacks_rules.model.requests.tools import FetchedWheel, FetchWheelRequest


def run(request_text: str) -> FetchedWheel:
    """Fetch as a :class:`FetchWheelRequest` asks; NetworkError lists every place that failed."""
    request = from_json(FetchWheelRequest, request_text)
    use_network_settings(request.network)
    output = Path(request.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    for place, names, found in _places(request):
        try:
            candidates = list(found)
            if not candidates:
                problems.append(f"{without_credentials(place)}: has no such file")
                continue
            candidate = candidates[0]
            # The page may link to any server: the index's credentials are for its own.
            same = candidate.url is not None and server(candidate.url) == server(place)
            known = names if same else ()
            return FetchedWheel(_taken(candidate, request, output, known))
        except DownloadFailedError as e:
            problems.append(str(e))
    raise NetworkError("\n".join([f"`{request.file_name}` was not found:", *problems]))


def _places(
    request: FetchWheelRequest,
) -> Iterator[tuple[str, tuple[str, ...], Iterator[Candidate]]]:
    """Each place to look at, the names of its indexes, and what it has; asked one by one."""
    if request.url is not None:
        yield request.url, (), iter((Candidate(request.url, None, None),))
    for entry in request.find_links:
        yield entry, (), in_links(entry, request.file_name)
    for name, url in request.indexes:
        yield url, (name,), in_index(name, url, request.distribution, request.file_name)


def _taken(
    candidate: Candidate, request: FetchWheelRequest, output: Path, indexes: tuple[str, ...]
) -> str:
    """Write the wheel; where it was. DownloadFailedError for another file of that name."""
    if candidate.path is not None:
        found, size = sha256_of(candidate.path)
        if found != request.sha256:
            raise DownloadFailedError(
                f"{candidate.path}: has SHA-256 {found}, but the lockfile has {request.sha256}"
            )
        if request.size not in (None, size):
            raise DownloadFailedError(
                f"{candidate.path}: has {size} bytes, but the lockfile has {request.size}"
            )
        with whole_file(output) as part:
            shutil.copyfile(candidate.path, part)
        return str(candidate.path)
    assert candidate.url is not None
    if candidate.sha256 not in (None, request.sha256):
        raise DownloadFailedError(
            f"{candidate.url}: has SHA-256 {candidate.sha256}, but the lockfile has "
            f"{request.sha256}"
        )
    save(candidate.url, output, sha256=request.sha256, size=request.size, indexes=indexes)
    return without_credentials(candidate.url)
