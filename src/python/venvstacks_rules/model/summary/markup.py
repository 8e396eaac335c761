"""HTML and SVG, put together so that no text can become markup by mistake."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = frozenset({"br", "meta"})
# Beyond what HTML escapes: characters that no document may hold.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is markup; any other text is escaped."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """`text` as it has to stand in a document, also in an attribute's quotes."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=True))


def join(parts: Iterable[str]) -> Markup:
    """The parts, one after the other."""
    return Markup("".join(escaped(part) for part in parts))


def element(tag: str, /, *content: str, **attributes: str | float | None) -> Markup:
    """An element; attributes that are None are left out.

    An attribute is written with ``_`` for each ``-``, and one after a name of Python: ``class_``.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(content)}</{tag}>")


def _value(value: str | float) -> str:
    """Numbers with at most two decimals, alike on every machine."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
