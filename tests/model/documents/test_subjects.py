from __future__ import annotations

import json

import pytest

from venvstacks_rules.model.documents.subjects import segment_subject, with_subjects
from venvstacks_rules.model.errors import RequestError


def test_subjects() -> None:
    name = segment_subject("app.tar.zst", "layer")
    text = with_subjects(b'{"subject": [], "x": 1}', [("a", "0"), (name, "1")])
    assert json.loads(text) == {
        "subject": [
            {"name": "a", "digest": {"sha256": "0"}},
            {"name": "app.tar.zst#layer", "digest": {"sha256": "1"}},
        ],
        "x": 1,
    }
    assert segment_subject("a.zip", "b.whl", "lib/c.so") == "a.zip#b.whl/lib/c.so"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "the provenance is not a JSON object"),
        (
            b"{",
            "the provenance is not JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)",
        ),
    ],
)
def test_what_is_no_statement(content: bytes, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        with_subjects(content, [])
    assert str(caught.value) == message
