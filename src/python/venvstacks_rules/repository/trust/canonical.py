"""Canonical JSON (OLPC), the bytes that signatures of TUF's metadata are over."""

from __future__ import annotations

from collections.abc import Iterator


def canonical_json(data: object) -> bytes:
    """The canonical bytes of parsed JSON; ValueError for what has none.

    Keys are sorted, there are no spaces, only quotes and backslashes have escapes, and numbers are
    integers.
    """
    try:
        return "".join(_pieces(data)).encode("utf-8")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("a text has halves of characters") from None


def _pieces(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield _quoted(data)
    elif data is None or isinstance(data, bool):
        yield {None: "null", True: "true", False: "false"}[data]
    elif isinstance(data, int):
        yield str(data)
    elif isinstance(data, (list, tuple)):
        yield "["
        for i, item in enumerate(data):
            yield "," if i else ""
            yield from _pieces(item)
        yield "]"
    elif isinstance(data, dict):
        yield "{"
        for i, key in enumerate(sorted(data)):
            yield f"{',' if i else ''}{_quoted(key)}:"
            yield from _pieces(data[key])
        yield "}"
    else:
        raise ValueError(f"canonical JSON has no {type(data).__name__}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
