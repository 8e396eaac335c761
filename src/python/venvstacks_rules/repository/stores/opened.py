"""From the URL of a repository to its store."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.repository.stores.store import Store, StoreError, UrlError


def opened(url: str, environment: Mapping[str, str] = os.environ) -> Store:
    """The store at `url`, which may also be the path of a folder that is there.

    UrlError for anything else, StoreError if a library is missing. `environment` has credentials,
    proxies and authorities.
    """
    shown = without_credentials(url)
    try:
        scheme = urlsplit(url).scheme
    except ValueError as e:
        raise UrlError(f"`{shown}` is no URL: {e}.") from None
    if "://" not in url and scheme not in _KINDS:
        return _folder(url)
    kind = _KINDS.get(scheme) or (_OTHERS if scheme in _protocols() else None)
    if kind is None:
        close = difflib.get_close_matches(scheme, [*_KINDS, *_protocols()], n=1, cutoff=0.5)
        hint = f" Did you mean `{close[0]}://`?" if close else ""
        more = "" if _protocols() else ", if `venvstacks-rules[fsspec]` is installed"
        raise UrlError(
            f"`{shown}`: there is no kind of repository for `{scheme}://`.{hint} There are "
            f"{', '.join(f'`{name}://`' for name in _KINDS)}, and the protocols of fsspec{more}."
        )
    name, make = kind
    try:
        return make(url, environment)
    except ModuleNotFoundError as e:
        raise StoreError(
            f"`{shown}` needs `{e.name}`, which is not installed. Install "
            f"`venvstacks-rules[{name}]`."
        ) from None


def _protocols() -> Collection[str]:
    """What fsspec knows, if it is there."""
    try:
        from fsspec.registry import known_implementations, registry  # noqa: PLC0415
    except ModuleNotFoundError:
        return ()
    return [str(name) for name in (*known_implementations, *registry)]


def _folder(path: str) -> Store:
    """The folder at a path; UrlError if it is not there: it may be a URL that is not complete."""
    from venvstacks_rules.repository.stores.files import FileStore  # noqa: PLC0415

    folder = Path(path)
    if path and folder.is_dir():
        return FileStore(folder.resolve())
    begin = path.partition("/")[0].rstrip(":")
    if begin in _KINDS:
        hint = f"Did you mean `{begin}://`?"
    else:
        meant = f"`{folder.absolute().as_uri()}`" if path else "`file:///srv/layers`"
        hint = f"Write a URL, as {meant} or `https://layers.example.com`."
    raise UrlError(f"`{path}` is no URL, and no folder that is there. {hint}")


def _file(url: str, _: Mapping[str, str]) -> Store:
    from venvstacks_rules.repository.stores.files import FileStore  # noqa: PLC0415

    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise UrlError(f"`{url}` is not the URL of a folder; write `file:///path`.")
    return FileStore(Path(unquote(parts.path)))


def _objects(url: str, environment: Mapping[str, str]) -> Store:
    from venvstacks_rules.repository.stores.objects import ObjectStore  # noqa: PLC0415

    return ObjectStore(url, environment)


def _web(url: str, environment: Mapping[str, str]) -> Store:
    from venvstacks_rules.repository.stores.web import WebStore  # noqa: PLC0415

    return WebStore(url, environment)


def _oci(url: str, environment: Mapping[str, str]) -> Store:
    from venvstacks_rules.repository.stores.oci import OciStore  # noqa: PLC0415

    return OciStore(url, environment)


def _filesystem(url: str, environment: Mapping[str, str]) -> Store:
    from venvstacks_rules.repository.stores.filesystems import FilesystemStore  # noqa: PLC0415

    return FilesystemStore(url, environment)


_KINDS: dict[str, tuple[str, Callable[[str, Mapping[str, str]], Store]]] = {
    "file": ("", _file),
    "https": ("", _web),
    "http": ("", _web),
    "s3": ("s3", _objects),
    "gs": ("s3", _objects),
    "az": ("s3", _objects),
    "oci": ("", _oci),
}
"""For each scheme the extra with what it needs, and what makes the store."""
_OTHERS = ("fsspec", _filesystem)
