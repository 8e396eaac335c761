"""Declared requirements (PEP 508): their problems, and the spellings that locks hash."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.utils import canonicalize_name

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.local_files import local_file
from venvstacks_rules.model.layers.meant_requirements import meant_instead
from venvstacks_rules.model.network.commits import commit_problem, is_repository
from venvstacks_rules.model.network.credentials import (
    has_credentials,
    hidden_credentials,
    without_credentials,
)
from venvstacks_rules.model.network.urls import url_problem

_SOME_COMMIT = "0123456789abcdef0123456789abcdef01234567"


def normalised_requirements(requirements: Iterable[str]) -> tuple[str, ...]:
    """Requirements, sorted, in one spelling that does not depend on the release of ``packaging``.

    Raises LockError with all requirements that are not PEP 508, or all that contain credentials.
    """
    declared = tuple(requirements)
    unreadable = sorted(text for text in declared if parsed_requirement(text) is None)
    if unreadable:
        raise LockError(
            "invalid requirements",
            [f"`{text}` is not a PEP 508 requirement" for text in unreadable],
        )
    spreading = sorted(text for text in declared if _spreads_credentials(Requirement(text).url))
    if spreading:
        raise LockError(
            "requirements contain credentials",
            [_credentials_problem(Requirement(text)) for text in spreading],
        )
    return tuple(sorted({_normalised(Requirement(text)) for text in declared}))


def _spreads_credentials(url: str | None) -> bool:
    if url is None:
        return False
    return has_credentials(url.partition("+")[2] if is_repository(url) else url)


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
        f"`{requirement.name} @ {without_credentials(url)}` contains credentials, which a lockfile "
        f"would keep; put them into netrc, for {urlsplit(url).hostname}"
    )


def _printed(requirement: Requirement) -> str:
    # Not `str()`, which depends on the release of `packaging`: hashes are made of this text.
    text = requirement.name
    if requirement.extras:
        text += f"[{','.join(sorted(requirement.extras))}]"
    text += ",".join(sorted(str(specifier) for specifier in requirement.specifier))
    if requirement.url:
        text += f" @ {requirement.url}" + (" " if requirement.marker else "")
    return f"{text}; {requirement.marker}" if requirement.marker else text


def parsed_requirement(requirement: str) -> Requirement | None:
    """The requirement, or None for text that is not one."""
    try:
        return Requirement(requirement)
    except InvalidRequirement:
        return None


# ------------------------------------------------------------------------------- what is wrong
def requirement_problem(written: str) -> str | None:
    """What is wrong with a declared requirement, and the remedy; follows the key. Or None."""
    shown = f"is {hidden_credentials(written)!r}"
    file = local_file(written)
    if file is not None and file.problem is not None:
        return f"{shown}, which {file.problem}"
    if file is not None:
        # The marker is checked, which is the rest of the text.
        written = file.pin
    try:
        parsed = Requirement(written)
        # Old releases of `packaging`, such as the one in Pants 2.17, accept `>>1`.
        for specifier in parsed.specifier:
            Specifier(str(specifier))
    except (InvalidRequirement, InvalidSpecifier) as e:
        reason = hidden_credentials(str(e).splitlines()[0].rstrip("."))
        meant = meant_instead(hidden_credentials(written))
        remedy = meant or "Write it as in PEP 508, for example 'scikit-learn>=1.5'."
        return f"{shown}, which is not a requirement: {reason}. {remedy}"
    if parsed.url is None:
        return None
    # Of `name@1.0`, old releases of `packaging` say that it is no requirement.
    meant = None if ":" in parsed.url else meant_instead(written)
    if meant is not None:
        return f"{shown}, which is not a requirement: `{parsed.url}` is no URL. {meant}"
    return _url_problem(parsed.url, shown)


def _url_problem(url: str, shown: str) -> str | None:
    if is_repository(url):
        if _spreads_credentials(url):
            return _credentials_remedy(url, shown)
        return _repository_problem(url, shown)
    if url_problem(url) is not None or not urlsplit(url).path.endswith(".whl"):
        return (
            f"{shown}, a direct reference to something other than a wheel on a web server. Build "
            "a wheel of it and put it into a folder of `local_wheels`, or name the URL of a wheel, "
            "for example 'rich @ https://example.org/rich-13.9.4-py3-none-any.whl'."
        )
    return _credentials_remedy(url, shown) if has_credentials(url) else None


def _credentials_remedy(url: str, shown: str) -> str:
    return (
        f"{shown}, with credentials removed here; a lockfile would keep them. Put them into "
        f"netrc, for {urlsplit(url).hostname}, and remove them from the requirement."
    )


def _repository_problem(url: str, shown: str) -> str | None:
    problem = commit_problem(url)
    if problem is None:
        return None
    return (
        f"{shown}, {problem}. Name a commit, for example 'rich @ git+https://example.org/rich.git@"
        f"{_SOME_COMMIT}' (`#subdirectory=folder` follows if the project is not at the top), and "
        "the package in `build_from_source`; or put a wheel of it into a folder of `local_wheels`."
    )


def commits_to_build(requirements: Iterable[str]) -> dict[str, str]:
    """The requirements that name commits, by the normalised names of their packages."""
    found = {}
    for text in requirements:
        parsed = parsed_requirement(text)
        if parsed is not None and parsed.url and is_repository(parsed.url):
            found[str(canonicalize_name(parsed.name))] = text
    return found
