"""The headings of a Markdown document."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it import MarkdownIt


def headings(text: str) -> Iterator[tuple[int, str]]:
    """The level and the text of each heading."""
    tokens = MarkdownIt().parse(text)
    for opening, inline in zip(tokens, tokens[1:]):
        if opening.type == "heading_open":
            yield int(opening.tag[1:]), inline.content
