"""Launch modules that are named as they are imported: ``acme.server``, ``acme.server:main``."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import Optional

LAUNCHER = "_venvstacks_launch"
"""The module that calls the function of a launch module; the layer brings it."""


@dataclass(frozen=True)
class LaunchName:
    """A module of first-party code, and maybe a function in it."""

    module: str
    """Dotted."""
    function: Optional[str] = None
    """What to call, without arguments; may be dotted. None to run the module itself."""

    @property
    def started(self) -> str:
        """The module to start as ``python -m``."""
        return self.module if self.function is None else LAUNCHER

    @property
    def top_level(self) -> str:
        """The first part of the module's name."""
        return self.module.split(".")[0]

    @property
    def problem(self) -> str | None:
        """Why it names nothing, with the remedy, or None; follows ``names '...',``."""
        parts = self.module.split(".")
        if self.function is not None:
            parts += self.function.split(".")
        if all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
            return None
        return (
            "which is not of the form `package.module` or `package.module:function`. Correct it, "
            "or name a `.py` file or a package directory."
        )


def launch_name(written: str) -> LaunchName | None:
    """The name that a launch module is written as; None for a path.

    A name has a dot or a colon, but neither a slash nor the suffix of a file.
    """
    if "/" in written or "\\" in written or written.endswith(".py") or not written.strip("."):
        return None
    module, colon, function = written.partition(":")
    if not colon and "." not in module:
        return None
    return LaunchName(module, function if colon else None)
