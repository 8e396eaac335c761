"""Who vouches for the manifest of a version that a channel is to point at.

A manifest that lies at its key is what somebody put there. A record that is signed for it says that
it is right, and clients believe that. So its hash has to come from elsewhere: from a signed record
of another channel, which had the version before, or from a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import FoundManifest, Repository
from venvstacks_rules.repository.upkeep.selection import StackVersion

_HASH = "sha256:"


def known_manifests(texts: Sequence[str]) -> frozenset[str]:
    """The hashes that a person gives as ``sha256:...``, or by the files of manifests.

    RepositoryError lists what cannot be read.
    """
    problems: list[str] = []
    found = [_known_manifest(text, problems) for text in texts]
    if problems:
        raise RepositoryError("`--manifest` cannot be used.", problems)
    return frozenset(found)


def _known_manifest(text: str, problems: list[str]) -> str:
    if text.startswith(_HASH):
        value = text[len(_HASH) :].lower()
        if not is_sha256_hex(value):
            problems.append(f"`{text}` does not have 64 hexadecimal digits")
        return value
    try:
        with Path(text).open("rb") as file:
            content = file.read(MOST_MANIFEST_BYTES + 1)
    except OSError as e:
        problems.append(f"`{text}`: {e.strerror or e}")
        return ""
    return hashlib.sha256(content).hexdigest()


def not_vouched(
    repository: Repository, version: StackVersion, known: Collection[str], *, needed: bool
) -> list[str]:
    """What is wrong with the manifests that were found for a version.

    `repository` believes only records that may be extended, and `known` are hashes that a person
    gives. `needed`: the manifests are to be signed, so each needs somebody who vouches for it.
    """
    problems: list[str] = []
    for found in version.found:
        named = dict(_named(repository, found))
        actual = found.reference.sha256
        there = f"`{found.stack.key}`, sha256:{actual},"
        others = [key for key, manifest in named.items() if manifest != found.reference]
        if others:
            wanted = named[others[0]].sha256
            problems.append(
                f"{there} is not what `{others[0]}` names, sha256:{wanted}: a version never"
                " changes, so somebody else wrote one of them"
            )
        elif known and actual not in known:
            problems.append(f"{there} is not a manifest that `--manifest` names")
        elif needed and not known and not named:
            problems.append(
                f"{there} is in no signed record, so anybody may have written it; `--manifest`"
                " names the one that is right, as the file that `package` wrote"
            )
    return problems


def _named(repository: Repository, found: FoundManifest) -> Iterator[tuple[ChannelKey, Reference]]:
    """The believed records that name the version of a manifest, and what they say of it."""
    stack = found.stack
    for key, _ in repository.channels(stack.name):
        if key.name != stack.name or key.platform != stack.platform:
            continue
        try:
            there = repository.record(key)
        except RepositoryError:
            # It says nothing, then; if it is the one that moves, that is an error of its own.
            continue
        if there is None:
            continue
        for version in (there.record.current, *there.record.history):
            if version.version == stack.version:
                yield key, version.manifest
