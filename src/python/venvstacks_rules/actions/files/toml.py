"""Reads TOML on every supported Python, and writes the same data with the same bytes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from venvstacks_rules.model.errors import LockError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: str | Path) -> dict[str, Any]:
    """The content of a TOML file; raises LockError if it cannot be read or is not TOML."""
    try:
        return tomllib.loads(Path(path).read_bytes().decode("utf-8"))
    except OSError as e:
        raise LockError(f"{path}: cannot be read", [e.strerror or str(e)]) from None
    except (ValueError, RecursionError) as e:
        raise LockError(f"{path}: not a TOML file", [str(e)]) from None


def write_toml(data: Mapping[str, Any]) -> str:
    """The text of a TOML file in the style of ``uv``'s lockfiles.

    Lists of tables at the top are written as ``[[name]]``; lists and tables inside those as
    inline values, one item a line. Keys keep their order.
    """
    lines: list[str] = []
    _write_table(lines, data, ())
    return "\n".join(lines).strip() + "\n"


def _write_table(lines: list[str], table: Mapping[str, Any], path: tuple[str, ...]) -> None:
    nested = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    top = not path
    arrays = {key: value for key, value in table.items() if top and _is_tables(value)}
    for key, value in table.items():
        if key not in nested and key not in arrays:
            lines.append(f"{_key(key)} = {_list_or_inline(value)}")
    for key, items in arrays.items():
        for item in items:
            lines += ["", f"[[{_key(key)}]]"]
            lines += [f"{_key(name)} = {_list_or_inline(value)}" for name, value in item.items()]
    for key, value in nested.items():
        name = (*path, key)
        if any(not isinstance(item, Mapping) for item in value.values()) or not value:
            lines += ["", f"[{'.'.join(_key(part) for part in name)}]"]
        _write_table(lines, value, name)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(i, Mapping) for i in value)


def _list_or_inline(value: object) -> str:
    if isinstance(value, list) and value:
        return "\n".join(["[", *(f"    {_inline(item)}," for item in value), "]"])
    return _inline(value)


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_inline(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (int, float)):
        return repr(value)
    # Dates and times, as `tomllib` reads them.
    return str(value.isoformat()) if hasattr(value, "isoformat") else _inline(str(value))


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _quoted(key)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
