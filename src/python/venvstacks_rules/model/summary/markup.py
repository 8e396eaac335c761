"""Builds HTML and SVG in which text cannot become markup by mistake."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = frozenset({"br", "meta"})
# Characters that no document may contain, even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is markup already; all other text gets escaped."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """`text`, escaped for a document and for an attribute's quotes."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=True))


def join(parts: Iterable[str]) -> Markup:
    """The parts, one after the other."""
    return Markup("".join(escaped(part) for part in parts))


def element(tag: str, /, *content: str, **attributes: str | float | None) -> Markup:
    """An element, without the attributes that are None.

    Write an attribute's ``-`` as ``_``, and add a ``_`` to a keyword of Python: ``class_``.
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
    """Numbers with at most two decimals, equal on every machine."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
