"""The settings of ``publish`` as its actions want them: URLs, keys, paths."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlsplit

from pants.engine.addresses import Address

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.network.credentials import without_credentials

WRITTEN = ("file", "s3", "gs", "az", "oci")
"""The kinds of repositories that the actions of a build can write to: they have no `fsspec`."""
READ = (*WRITTEN, "http", "https")
"""Those that they can read."""
_MIRROR = (
    " Where `fsspec` reaches it, publish to a folder, and copy that there with"
    " `venvstacks-repository mirror`."
)
_OPTION = "[venvstacks].repositories"
_PINS = ("sha256:", "ed25519:")
_PIN = re.compile(r"(sha256|ed25519):[0-9a-f]{64}")
_KEY_PASSWORD = "VENVSTACKS_KEY_PASSWORD"  # noqa: S105 - its name


def named_url(name: str, known: Mapping[str, str]) -> str | None:
    """The URL of a repository by its name in `[venvstacks].repositories`, or as it is."""
    return name if "://" in name else known.get(name.removeprefix("@"))


def unknown_repository(place: str, name: str, known: Iterable[str]) -> str:
    """The problem that a place names a repository that is not known."""
    meant = suggestion(name, known)
    write = f"`file://{quote(name)}`" if name.startswith("/") else "a URL"
    hint = f"Did you mean {meant!r}?" if meant else f"Add it there, or write {write}."
    return f"{place} {name!r}, which `[venvstacks].repositories` does not name. {hint}"


def kept_credentials(place: str, url: str) -> str | None:
    """The problem that a URL has credentials, where others can read it; None without any."""
    parts = urlsplit(url)
    if parts.username is None and parts.password is None:
        return None
    return (
        f"{place}: the URL of {parts.hostname} has credentials. Remove them: they come from the "
        "environment, or from the files of the store's own tools."
    )


def unread(url: str) -> str | None:
    """Why the actions of a build cannot read a URL; None if they can."""
    if url.partition("://")[0] in READ:
        return None
    return (
        f"`{without_credentials(url)}` is none of the kinds that a build reaches, "
        f"{_listed(READ[:-1])} and `{READ[-1]}://`."
    )


def repository_urls(
    address: Address, names: Iterable[str], known: dict[str, str]
) -> dict[str, str]:
    """The URLs of repositories, by what the field of a target calls them."""
    urls, problems = {}, []
    for name in dict.fromkeys(names):
        url = named_url(name, known)
        unfit = None if url is None else _unfit(url)
        if url is None:
            problems.append(unknown_repository(f"{address}: `repositories` has", name, known))
        elif unfit is not None:
            where = f"{address}: `repositories` has" if url == name else f"`{_OPTION}.{name}` is"
            problems.append(f"{where} {without_credentials(url)!r}, {unfit}")
        else:
            where = f"{address}: `repositories`" if url == name else f"`{_OPTION}.{name}`"
            kept = kept_credentials(where, url)
            problems += [] if kept is None else [kept]
            urls[name] = url
    if problems:
        raise DefinitionError("Targets cannot be published as written:", problems)
    return urls


def _unfit(url: str) -> str | None:
    """Why nothing can be published at a URL, and the remedy; None if something can."""
    scheme = _scheme(url)
    if scheme in WRITTEN:
        return None
    kinds = _listed(WRITTEN)
    if scheme in ("http", "https"):
        return f"which is for those who read it. Publish to what the server shows, by {kinds}."
    if url.startswith("/"):
        return f"which is not a URL. Write `file://{quote(url)}`."
    written = url.partition(":")[0].partition("/")[0]
    meant = None if written in WRITTEN and "://" in url else suggestion(written, WRITTEN)
    hint = f" Did you mean `{meant}://`?" if meant else ""
    what = "which is not a URL" if scheme is None else f"and `publish` knows no `{scheme}://`"
    mirror = "" if scheme is None or meant else _MIRROR
    return f"{what}.{hint} Write one that begins with {kinds}.{mirror}"


def _scheme(url: str) -> str | None:
    """The scheme of a URL; None if it is none."""
    try:
        return urlsplit(url).scheme if "://" in url else None
    except ValueError:
        # As `oci://[host`.
        return None


def _listed(schemes: Sequence[str]) -> str:
    return ", ".join(f"`{name}://`" for name in schemes)


def checked_options(root: str | None, expires_days: int) -> None:
    """Raise DefinitionError for values of `[venvstacks-publish]` that nothing can be done with."""
    problems = []
    if root is not None and root.startswith(_PINS) and not _PIN.fullmatch(root):
        problems.append(
            f"`root` is {root!r}, which is no pin: 64 hexadecimal digits follow the colon. "
            "`venvstacks-repository root publish` prints it."
        )
    if expires_days < 1:
        problems.append(
            f"`expires_days` is {expires_days}, so that records would have expired when they are "
            "signed. Write at least 1."
        )
    if problems:
        raise DefinitionError("`[venvstacks-publish]` cannot be used:", problems)


def key_uris(keys: Iterable[str], build_root: str) -> tuple[str, ...]:
    """The URIs of keys; paths of files start at the build root."""
    return tuple(key if ":" in key else f"file:{os.path.join(build_root, key)}" for key in keys)


def key_variables(keys: Iterable[str]) -> tuple[str, ...]:
    """The environment variables that keys and their passwords are in."""
    names = [_KEY_PASSWORD] if keys else []
    for key in keys:
        place, _, password = key.partition("?password=")
        names += [place.removeprefix("envvar:")] if place.startswith("envvar:") else []
        names += [password] if password else []
    return tuple(names)


def root_in(build_root: str, root: str | None) -> str | None:
    """A pin as it is, a file with its place."""
    return root if root is None or ":" in root else os.path.join(build_root, root)
