"""The names of images: registries, repositories, tags, digests."""

from __future__ import annotations

import re
from dataclasses import dataclass

PINNED = "@sha256:"
"""What tells an image of a registry from the address of a target."""
DEFAULT_REGISTRY = "docker.io"
_DEFAULT_REGISTRIES = (DEFAULT_REGISTRY, "index.docker.io")

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
_REGISTRY = re.compile(rf"(?:{_HOST})(?::[0-9]{{1,5}})?")
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_REPOSITORY = 255


@dataclass(frozen=True)
class ImageReference:
    """An image of a registry, by its digest."""

    registry: str
    """``host[:port]``."""
    repository: str
    sha256: str

    @property
    def place(self) -> str:
        """``host[:port]/name``, at the host that answers."""
        # Docker's own registry answers at another host than it is called by.
        registry = "registry-1.docker.io" if self.registry == DEFAULT_REGISTRY else self.registry
        return f"{registry}/{self.repository}"

    @property
    def digest(self) -> str:
        """``sha256:<hex>``."""
        return f"sha256:{self.sha256}"

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}{PINNED}{self.sha256}"


def parsed_reference(written: str) -> ImageReference:
    """The image that ``[registry/]name[:tag]@sha256:<hex>`` names, as docker reads it.

    The digest says what a tag stood for, so the tag does not count. Raises ValueError.
    """
    name, _, digest = written.partition(PINNED)
    if _DIGEST.fullmatch(digest) is None:
        raise ValueError(
            f"`{digest}` is no digest: write 64 hexadecimal digits in lower case after `sha256:`"
        )
    first, _, rest = name.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        registry, repository = known_registry(first), rest
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    repository, colon, tag = repository.partition(":")
    problem = registry_problem(registry) or repository_problem(repository)
    if problem is None and colon:
        problem = tag_problem(tag)
    if problem is not None:
        raise ValueError(problem)
    return ImageReference(registry, repository, digest)


def known_registry(registry: str) -> str:
    """The name of a registry, which docker's own has two of."""
    return DEFAULT_REGISTRY if registry in _DEFAULT_REGISTRIES else registry


def registry_problem(registry: str) -> str | None:
    """Why `registry` is no ``host[:port]``, or None."""
    if "@" in registry:
        # No message repeats a password.
        return "it has credentials: remove them, as they come from `docker login`"
    if _REGISTRY.fullmatch(registry) is None:
        return f"`{registry}` is no host of a registry: write `host` or `host:port`"
    return None


def repository_problem(repository: str) -> str | None:
    """Why `repository` cannot be the name of a repository of a registry, or None."""
    if len(repository) > _MOST_REPOSITORY or _REPOSITORY.fullmatch(repository) is None:
        return (
            f"`{repository}` is no name of a repository: use letters in lower case, digits, and "
            "single `.`, `_`, `-` and `/` between them"
        )
    return None


def tag_problem(tag: str) -> str | None:
    """Why `tag` cannot be the tag of an image, or None."""
    if _TAG.fullmatch(tag) is None:
        return (
            f"`{tag}` is no tag: use up to 128 letters, digits, `.`, `_` and `-`, the first of "
            "them no `.` or `-`"
        )
    return None
