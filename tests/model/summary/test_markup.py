from __future__ import annotations

import pytest

from venvstacks_rules.model.summary.markup import Markup, element, escaped, join


def test_text_is_escaped_once() -> None:
    inner = element("b", "<&>")
    assert inner == "<b>&lt;&amp;&gt;</b>"
    assert element("p", "a < ", inner, class_="x", aria_label="\"quoted\" 'too'") == (
        '<p class="x" aria-label="&quot;quoted&quot; &#x27;too&#x27;">a &lt; '
        "<b>&lt;&amp;&gt;</b></p>"
    )
    assert join(["<", Markup("<br>")]) == "&lt;<br>"


def test_attributes() -> None:
    assert element("meta", charset="utf-8", name=None) == '<meta charset="utf-8">'
    assert element("rect", x=1.0, y=10, width=2.345, height=1 / 3) == (
        '<rect x="1" y="10" width="2.35" height="0.33"></rect>'
    )


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\x7f", "\x9f", "\ud800", "\ufffe"])
def test_what_no_document_may_hold(character: str) -> None:
    assert escaped(f"a{character}b") == "a\N{REPLACEMENT CHARACTER}b"
    assert escaped("a\tb\n") == "a\tb\n"
