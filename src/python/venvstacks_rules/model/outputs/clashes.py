"""Finds targets that would write the same files below ``dist``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Output:
    """Files that a target writes into an output folder."""

    writer: str
    """The address of the target."""
    source: str
    """The address of the files' source: two writers of the same source write the same files."""
    what: str
    """A description of the files; equal for files of equal names."""


def overwritten(folder: str, outputs: Iterable[Output]) -> tuple[str, ...]:
    """A message for each pair of targets that would write different files of one name.

    Names that differ only by case are one file on some machines.
    """
    first: dict[str, Output] = {}
    problems: dict[tuple[str, str], str] = {}
    for output in sorted(outputs, key=lambda output: (output.what, output.source, output.writer)):
        other = first.setdefault(output.what.casefold(), output)
        writers = (other.writer, output.writer)
        if other.source != output.source and other.writer != output.writer:
            problems.setdefault(
                writers,
                f"{output.writer}: it would write {output.what} to `dist/{folder}`, as "
                f"{other.writer} does. Set `output_path` of one of them.",
            )
    return tuple(problems.values())
