"""Tells a request that names a wrong file from a bug of ours, after a file could not be used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.local.files.streams import FULL
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.wording import quoted

_OUTPUTS = ("output", "archive", "destination", "output_dir", "cache")
"""The last keys of paths that actions write to."""


def file_problem(error: OSError, request: str, folder: Path) -> str | None:
    """What to say of `error` if it is about a path that the `request` names, or one above or below.

    Relative paths start at `folder`. None if it is about another file: a bug of ours.
    """
    named = [(key, path) for key, path in _strings(_data(request), "") if path]
    if error.errno in FULL:
        outputs = [path for key, path in named if key.rpartition(".")[2] in _OUTPUTS]
        place = f"`{_text(error.filename)}`" if error.filename else quoted(outputs) or "a file"
        return f"{place} cannot be written: {error.strerror}"
    if error.filename is None:
        return None
    wrong = os.path.join(folder, _text(error.filename))
    above = [
        (len(place), key)
        for key, place in ((key, os.path.join(folder, path)) for key, path in named)
        if wrong == place
        or wrong.startswith(f"{place.rstrip('/')}/")
        or place.startswith(f"{wrong.rstrip('/')}/")
    ]
    if not above:
        return None
    return f"`{max(above)[1]}`: `{_text(error.filename)}`: {error.strerror}"


def _data(request: str) -> object:
    try:
        return parsed_json(request)
    except ValueError:
        return None


def _strings(value: object, key: str) -> Iterator[tuple[str, str]]:
    """The strings in a request, with their key paths."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _strings(item, f"{key}[{number}]")


def _text(name: str | bytes) -> str:
    return os.fsdecode(name)
