"""Messages that pages show have the words of the source: who rewords one finds the pages."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

import pytest

from tests.support.documented import Block
from tests.support.followed import MESSAGES, ROOT, follower, page_blocks, pages

SOURCE = ROOT / "src/python/venvstacks_rules"
# Names, numbers, paths and what is quoted are examples.
_VALUE = re.compile(r"`[^`]*`|'[^']*'|\S*[/:\\]\S*|\S*[\d_=*\0]\S*")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
SHOWN = {
    f"{page}:{block.line}": block
    for page in pages()
    for block in page_blocks(page)
    if follower(page, block) == MESSAGES
}
LEAST = 0.5
"""Of the words, in threes: those around a value are not together in the source."""


def threes(text: str) -> Iterator[tuple[str, ...]]:
    """All three words that follow each other, without a value between."""
    for part in _VALUE.sub("\0", " ".join(text.split())).split("\0"):
        words = [word.lower() for word in _WORD.findall(part)]
        yield from zip(words, words[1:], words[2:])


@functools.cache
def written() -> frozenset[tuple[str, ...]]:
    """The words of all texts of the source."""
    texts = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (
                    one.value if isinstance(one, ast.Constant) else "\0" for one in node.values
                )
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return frozenset(three for text in texts for three in threes(text))


def share(text: str) -> float:
    """Of the threes of a text that the source has, too; 1 if there are hardly any."""
    found = list(threes(text))
    return 1 if len(found) < 4 else sum(three in written() for three in found) / len(found)


@pytest.mark.parametrize("block", SHOWN.values(), ids=SHOWN)
def test_messages_are_those_of_the_source(block: Block) -> None:
    assert share(block.text) >= LEAST, block.text


def test_other_words_would_be_seen() -> None:
    text = "A wheel of the layer has been published, and nobody knows where it went to afterwards."
    assert share(text) < LEAST
    assert len(SHOWN) > 20
