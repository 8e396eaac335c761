"""The request and result of the action that pins interpreters."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.locks.pylock import LockedInterpreter
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.platforms.libc import DEFAULT_LINUX_TARGET, LinuxTargetText
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class PinInterpretersRequest:
    """Pin archives of python-build-standalone (verb ``pin-interpreters``)."""

    target: str
    """The address of the runtime layer, for messages."""
    python_version: str
    """``X.Y.Z``, with a ``t`` for a free-threaded build."""
    platforms: tuple[str, ...]
    python_mirror: Optional[str] = None
    """A mirror to ask for sizes; None for the recorded URLs."""
    linux_target: LinuxTargetText = DEFAULT_LINUX_TARGET
    """``glibc@X.Y`` or ``musl@X.Y``."""
    network: Optional[GivenPath] = None
    """A folder with :class:`.network.NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class PinnedInterpreters:
    """The archives of an interpreter."""

    interpreters: tuple[LockedInterpreter, ...]
    """One for each platform, in the order of the request."""
