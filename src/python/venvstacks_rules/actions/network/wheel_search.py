"""Finds a wheel by its name: in folders, in pages of links, and in package indexes.

An index is asked as the "simple repository API" specification has it, for JSON or else HTML. The
standard library is enough: this serves before any library is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Optional
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from venvstacks_rules.actions.network.downloads import DownloadFailedError, read_page
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.values import dataclass

_PAGE_TYPES = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)


@dataclass(frozen=True)
class Candidate:
    """A file of the right name."""

    url: Optional[str]
    path: Optional[Path]
    """Of a file on this machine; exactly one of the two is set."""
    sha256: Optional[str]
    """What the page says; None where it says nothing."""


def in_links(entry: str, file_name: str) -> Iterator[Candidate]:
    """What a folder or a page of links has under that name; DownloadFailedError for neither."""
    scheme = urlsplit(entry).scheme
    if scheme in ("http", "https"):
        yield from _on_page(entry, file_name, ())
        return
    folder = Path(unquote(urlsplit(entry).path) if scheme == "file" else entry)
    if not folder.is_dir():
        raise DownloadFailedError(f"{entry}: is neither a folder nor a URL")
    if (folder / file_name).is_file():
        yield Candidate(None, folder / file_name, None)


def in_index(name: str, url: str, distribution: str, file_name: str) -> Iterator[Candidate]:
    """What the index `name` at `url` has of a distribution under that name."""
    page = f"{url.rstrip('/')}/{normalised_name(distribution)}/"
    yield from _on_page(page, file_name, (name,))


def names_in_index(url: str, distribution: str, indexes: tuple[str, ...]) -> list[str]:
    """The names of all files of a distribution that the index at `url` has.

    `indexes` are those whose credentials may go to the server.
    """
    page = f"{url.rstrip('/')}/{normalised_name(distribution)}/"
    return [name for name, _, _ in _links(page, indexes)]


def _on_page(url: str, file_name: str, indexes: tuple[str, ...]) -> Iterator[Candidate]:
    for name, link, sha256 in _links(url, indexes):
        if name == file_name:
            yield Candidate(link, None, sha256)


def _links(url: str, indexes: tuple[str, ...]) -> list[tuple[str, str, Optional[str]]]:
    """The files on a page: name, URL and hash."""
    page = read_page(url, indexes, accept=_PAGE_TYPES)
    try:
        links = _of_json(page.text) if "json" in page.content_type else _of_html(page.text)
        return [(n, urldefrag(urljoin(page.url, link))[0], sha256) for n, link, sha256 in links]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise DownloadFailedError(f"{url}: is not a page of a package index: {e}") from None


def _of_json(text: str) -> Iterator[tuple[str, str, Optional[str]]]:
    data: Any = parsed_json(text)
    for file in data["files"]:
        yield file["filename"], file["url"], file.get("hashes", {}).get("sha256")


def _of_html(text: str) -> Iterable[tuple[str, str, Optional[str]]]:
    parser = _Links()
    parser.feed(text)
    parser.close()
    return parser.found


class _Links(HTMLParser):
    """Collects the links of a page: the name of the file, where it is, and its hash."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, Optional[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        link = dict(attrs).get("href") if tag == "a" else None
        if link:
            place, fragment = urldefrag(link)
            name = unquote(urlsplit(place).path).rpartition("/")[2]
            algorithm, _, value = fragment.partition("=")
            self.found.append((name, link, value if algorithm == "sha256" else None))
