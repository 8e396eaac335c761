"""From what a user types to versions of stacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import CHANNELS, ChannelKey, StackKey, name_problem
from venvstacks_rules.model.wording import and_more
from venvstacks_rules.repository.reading.repository import FoundManifest, Repository

_MOST_NAMES = 10
"""In a message."""


@dataclass(frozen=True)
class StackVersion:
    """A version of a stack, on the platforms that were asked for and that it has."""

    name: str
    version: str
    found: tuple[FoundManifest, ...]
    """By platform."""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """That were asked for and that it has."""
        return tuple(found.stack.platform for found in self.found)


def find_version(
    repository: Repository, words: Sequence[str], platforms: Sequence[str] = ()
) -> StackVersion:
    """The version that a user means by ``NAME@VERSION``, ``NAME VERSION`` or ``VERSION``.

    RepositoryError if there is none, or if it is not the only one; if it lacks one of `platforms`.
    """
    keys = _keys(repository, words, platforms)
    missing = [p for p in platforms if p not in {key.platform for key in keys}]
    first = keys[0]
    if missing:
        raise RepositoryError(
            f"{repository.url}: `{first.name}@{first.version}` is not there for every platform.",
            [
                f"it is missing for {', '.join(missing)}; there is"
                f" {_known([key.platform for key in keys])}"
            ],
        )
    wanted = [key for key in keys if not platforms or key.platform in platforms]
    manifests = [(key, repository.found_manifest(key)) for key in wanted]
    for key, found in manifests:
        if found is None:
            raise RepositoryError(
                f"{repository.url}: `{key}` is missing.", ["it was removed a moment ago"]
            )
    return StackVersion(
        first.name, first.version, tuple(found for _, found in manifests if found is not None)
    )


def _keys(
    repository: Repository, words: Sequence[str], platforms: Sequence[str]
) -> tuple[StackKey, ...]:
    """The manifests of the one version, of all platforms; those of `platforms` at least."""
    name, version = _named(words)
    if name is not None and platforms:
        # A store that cannot list anything can tell this.
        direct = tuple(StackKey(name, version, platform) for platform in platforms)
        if all(repository.store.size(str(key)) is not None for key in direct):
            return direct
    known = [key for key, _ in repository.stacks()]
    text = "@".join(words)
    keys = [key for key in known if f"{key.name}@{key.version}" == text]
    if not keys and len(words) == 1:
        keys = [key for key in known if key.version == text]
    versions = sorted({f"{key.name}@{key.version}" for key in keys})
    if not versions:
        found = sorted({f"{key.name}@{key.version}" for key in known}, key=natural)
        raise RepositoryError(
            f"{repository.url}: there is no version `{text}`.", [f"there is {_known(found)}"]
        )
    if len(versions) > 1:
        raise RepositoryError(
            f"{repository.url}: `{text}` means several versions.",
            [f"write one of {and_more(versions, _MOST_NAMES)}; or the name, a space, the version"],
        )
    return tuple(keys)


def _named(words: Sequence[str]) -> tuple[str | None, str]:
    """Name and version, as far as the words alone tell them."""
    if len(words) == 2:
        name, version = words
    elif words[0].count("@") == 1:
        name, version = words[0].split("@")
    else:
        return None, words[0]
    return (None if name_problem(name) or name_problem(version) else name), version


def named_channel(text: str) -> ChannelKey:
    """The channel that a user means by ``NAME/CHANNEL/PLATFORM``. RepositoryError if it is none."""
    key = ChannelKey.parsed(f"{CHANNELS}/{text}.json")
    if key is None:
        raise RepositoryError(
            f"`{text}` does not name a channel.", ["write `NAME/CHANNEL/PLATFORM`"]
        )
    return key


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key to sort by that has 1.10 behind 1.9."""
    return tuple(
        (1, int(part), "") if part.isdigit() else (0, 0, part)
        for part in re.split(r"([0-9]+)", text)
    )


def _known(names: Sequence[str]) -> str:
    return and_more(list(names), _MOST_NAMES) if names else "none"
