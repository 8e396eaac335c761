"""Declared requirements (PEP 508), in the spellings that locks and their hashes are made with."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from venvstacks_rules.model.credentials import has_credentials, without_credentials
from venvstacks_rules.model.errors import LockError


def normalised_requirements(requirements: Iterable[str]) -> tuple[str, ...]:
    """Requirements sorted and in one spelling, whatever release of ``packaging`` is at hand.

    LockError lists those that are not PEP 508 requirements, and those with a password in them.
    """
    declared = tuple(requirements)
    unreadable = sorted(text for text in declared if parsed_requirement(text) is None)
    if unreadable:
        raise LockError(
            "requirements that cannot be read",
            [f"`{text}` is not a requirement as PEP 508 has them" for text in unreadable],
        )
    spreading = sorted(text for text in declared if has_credentials(Requirement(text).url or ""))
    if spreading:
        raise LockError(
            "requirements that would spread credentials",
            [_credentials_problem(Requirement(text)) for text in spreading],
        )
    return tuple(sorted({_normalised(Requirement(text)) for text in declared}))


def declared_requirements(requirements: Iterable[str]) -> tuple[str, ...]:
    """Requirements in the order of their declaration, spelled as ``packaging`` prints them."""
    return tuple(_printed(Requirement(text)) for text in requirements)


def _normalised(requirement: Requirement) -> str:
    text: str = canonicalize_name(requirement.name)
    if requirement.extras:
        extras = ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras))
        text += f"[{extras}]"
    if requirement.url:
        text += f" @ {requirement.url}"
    text += ",".join(sorted(str(specifier) for specifier in requirement.specifier))
    return f"{text} ; {requirement.marker}" if requirement.marker else text


def _credentials_problem(requirement: Requirement) -> str:
    url = requirement.url or ""
    return (
        f"`{requirement.name} @ {without_credentials(url)}` is written with credentials, which a "
        f"lockfile would keep; put them into netrc, for {urlsplit(url).hostname}"
    )


def _printed(requirement: Requirement) -> str:
    # Not `str()`: that depends on the release of `packaging`, and hashes are made of it.
    text = requirement.name
    if requirement.extras:
        text += f"[{','.join(sorted(requirement.extras))}]"
    text += ",".join(sorted(str(specifier) for specifier in requirement.specifier))
    if requirement.url:
        text += f" @ {requirement.url}" + (" " if requirement.marker else "")
    return f"{text}; {requirement.marker}" if requirement.marker else text


def parsed_requirement(requirement: str) -> Requirement | None:
    """The requirement, or None where the text is none."""
    try:
        return Requirement(requirement)
    except InvalidRequirement:
        return None
