"""Markers: small JSON files in the folders of layers that say what each was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from venvstacks_rules.actions.files.sealed import replace_file
from venvstacks_rules.model.json_codec import parsed_json


def read_marker(path: Path) -> dict[str, object]:
    """The marker; empty if the file is missing or damaged."""
    if not path.is_file():
        return {}  # to read a pipe would never end
    try:
        data = parsed_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write_marker(path: Path, data: Mapping[str, object]) -> None:
    """Write the marker; :func:`read_marker` finds the old one or the new one, whole."""
    text = json.dumps(data, indent=1, sort_keys=True) + "\n"
    replace_file(path, text.encode("utf-8"))
