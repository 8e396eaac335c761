"""Requirements that name a wheel of the repository: ``name @ file:wheels/name-1.0-....whl``.

Such a requirement means the wheel's version, and its folder as one of ``local_wheels``.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion

_FILE = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*file:(?P<path>[^;\s]+)"
    r"(?P<marker>\s*;.*|\s*)",
    re.DOTALL,
)


class LocalFile(NamedTuple):
    """A requirement for a file."""

    name: str
    """With extras."""
    path: str
    """Relative to the folder of the definition, or absolute; with forward slashes."""
    marker: str
    """With the semicolon; may be empty."""

    @property
    def folder(self) -> str:
        """The folder of the file."""
        return posixpath.dirname(self.path) or "."

    @property
    def pin(self) -> str:
        """The requirement for the file's version."""
        _, version, _, _ = parse_wheel_filename(posixpath.basename(self.path))
        return f"{self.name}=={version}{self.marker}"

    @property
    def problem(self) -> str | None:
        """What is wrong with it, and the remedy; follows ``is '...', which``. Or None."""
        file = posixpath.basename(self.path)
        example = f"'{self.name} @ file:wheels/{file}'"
        if self.path.startswith("/"):
            return (
                "is an absolute path, another one on each machine. Write it relative to the folder "
                f"of the definition, for example {example}."
            )
        if not file.endswith(".whl"):
            return (
                "is no wheel. Build a wheel of it, and name that, for example "
                f"'{self.name} @ file:wheels/{self.name}-1.0-py3-none-any.whl'."
            )
        try:
            name, _, _, _ = parse_wheel_filename(file)
        except (InvalidWheelFilename, InvalidVersion):
            return "is no file name of a wheel. Name the file as its build did."
        wanted = canonicalize_name(self.name.partition("[")[0])
        if name != wanted:
            return f"is a wheel of `{name}`. Write '{name} @ file:{self.path}'."
        return None


def local_file(requirement: str) -> LocalFile | None:
    """The file that a requirement names; None for other requirements."""
    match = _FILE.fullmatch(requirement)
    if match is None:
        return None
    path = unquote(match["path"])
    for host in ("//localhost/", "///"):
        if path.startswith(host):
            path = path[len(host) - 1 :]
    name = f"{match['name']}{match['extras'] or ''}"
    marker = match["marker"].strip()
    return LocalFile(name, posixpath.normpath(path), f" {marker}" if marker else "")


def relative_to(requirement: str, root: str, folder: str) -> str:
    """`requirement`, with a file below `root` written relative to `folder`, which is below it."""
    file = local_file(requirement)
    inside = f"{root.rstrip('/')}/"
    if file is None or not file.path.startswith(inside):
        return requirement
    path = posixpath.relpath(file.path[len(inside) :], folder or ".")
    return f"{file.name} @ file:{path}{file.marker}"
