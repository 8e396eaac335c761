"""Who makes the byte code of a layer, and what is written after it was unpacked.

The fields ``byte_code`` and ``sealed``.
"""

from __future__ import annotations

from collections.abc import Iterator

from venvstacks_rules.model.layers.problems import Problem

DEPLOYED = "deployed"
"""Post-installation compiles the modules."""
INCLUDED = "included"
"""The archive has it."""
NONE = "none"
"""Nobody makes it; Python does when a module is imported, where it may write."""

BYTE_CODES = (DEPLOYED, INCLUDED, NONE)


def in_image(byte_code: str) -> str:
    """Who makes the byte code of a layer of a container image, where nothing is post-installed."""
    return INCLUDED if byte_code == DEPLOYED else byte_code


def byte_code_problems(byte_code: str | None, *, sealed: bool) -> Iterator[Problem]:
    """Problems of the fields of one layer."""
    if sealed and byte_code not in (None, INCLUDED):
        text = f"is {byte_code!r}, but a sealed layer has its byte code in the archive. Remove it."
        yield Problem("byte_code", text)


def not_sealed(called: str) -> Problem:
    """The problem of a sealed layer on one that is not, which messages call `called`."""
    return Problem(
        "sealed",
        f"is True, but {called} below is not sealed: something would still be written there. "
        "Set `sealed=True` there, too, or remove it here.",
    )
