from __future__ import annotations

import json
import re
from typing import Any

import pytest

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.errors import RequestError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest
from venvstacks_rules.model.requests.segments import (
    InterpreterSegmentsRequest,
    WheelInput,
    WheelSegmentsRequest,
)

WHEEL = {
    "path": "w",
    "file_name": "ü.whl",
    "sha256": "00",
    "size": 3,
    "output": "o",
    "exclude": [],
    "scripts": [],
    "byte_code": None,
}
REQUEST: dict[str, Any] = {
    "wheels": [WHEEL],
    "python_version": "3.11",
    "os_name": "posix",
    "install_target": "t",
    "compression": {"archive_format": "tar.zst", "level": 9},
}


def test_request_of_wheels() -> None:
    request = from_json(WheelSegmentsRequest, json.dumps(REQUEST))
    assert request == WheelSegmentsRequest(
        (WheelInput("o", "w", "ü.whl", "00", 3),), "3.11", "posix", "t", Compression("tar.zst", 9)
    )
    assert json.loads(to_json(request)) == REQUEST
    assert '"ü.whl"' in to_json(request)


def test_optional_and_default_values() -> None:
    request = AssembleArchiveRequest(
        target="//x:y",
        install_target="y",
        os_name="nt",
        case_sensitive=False,
        results=("r",),
        files=(OwnFile("a", text="b"), OwnFile("c", source="d", executable=True)),
        links=(OwnLink("l", "m"),),
        compression=Compression("tar.xz", 6),
        metadata={"deep": {"list": [1, None]}},
        archive="z",
        metadata_file="m",
        segments_file="s",
        byte_code="p",
    )
    assert from_json(AssembleArchiveRequest, to_json(request)) == request
    data = json.loads(to_json(request))
    del data["files"][0]["source"], data["files"][0]["executable"]
    assert from_json(AssembleArchiveRequest, json.dumps(data)) == request


def test_null_where_it_is_allowed() -> None:
    request = InterpreterSegmentsRequest(
        "posix", True, "t", Compression("tar.gz", 6), "o", "a.tar", None, None, "3.11"
    )
    assert from_json(InterpreterSegmentsRequest, to_json(request)) == request


def test_the_same_values_give_the_same_text() -> None:
    request = from_json(WheelSegmentsRequest, json.dumps(REQUEST))
    shuffled = json.dumps(dict(reversed(list(REQUEST.items()))))
    assert to_json(from_json(WheelSegmentsRequest, shuffled)) == to_json(request)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wheels": {}}, "`wheels`: expected a list, got a table"),
        (
            {"wheels": [{**WHEEL, "size": "3"}]},
            "`wheels[0].size`: expected an integer, got a string",
        ),
        (
            {"wheels": [{**WHEEL, "size": True}]},
            "`wheels[0].size`: expected an integer, got a boolean",
        ),
        ({"wheels": [WHEEL, {}]}, "`wheels[1].output`: missing key of WheelInput"),
        ({"compression": None}, "`compression`: expected a table, got null"),
        ({"compression": {"level": 1}}, "`compression.archive_format`: missing key of Compression"),
        ({"python_version": None}, "`python_version`: expected a string, got null"),
        ({"later": 1}, "`later`: unknown key of WheelSegmentsRequest"),
    ],
)
def test_what_does_not_fit_is_named_by_its_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=f"^{re.escape(message)}$"):
        from_json(WheelSegmentsRequest, json.dumps({**REQUEST, **change}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: "),
        ("[" * 200_000, "not JSON: it is nested too deeply"),
        ("[]", "WheelSegmentsRequest: expected a table, got a list"),
    ],
)
def test_texts_that_are_no_requests(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=f"^{re.escape(message)}"):
        from_json(WheelSegmentsRequest, text)
