"""Addresses among requirements."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.requirement_entries import is_address


@pytest.mark.parametrize(
    "entry",
    [
        "3rdparty:reqs#click",
        "3rdparty/python:reqs#click@resolve=a",
        "3rdparty/python",
        "//:reqs",
        "//3rdparty",
        ":reqs",
        "#click",
        "a.b-c_d:reqs#x/y.txt",
    ],
)
def test_addresses(entry: str) -> None:
    assert is_address(entry)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "click",
        "click>=8,<9",
        "click[a,b] ; sys_platform == 'a:b#c'",
        "click @ file:wheels/click-8-py3-none-any.whl",
        "click@https://example.org/click-8-py3-none-any.whl",
        "click @ git+https://example.org/click#egg=click",
        # No requirements either, and the message about that is the right one.
        "https://example.org/click-8-py3-none-any.whl",
        "git+https://example.org/click#egg=click",
        "file:wheels/click-8-py3-none-any.whl",
        "wheels/click-8-py3-none-any.whl",
        "./wheels",
        "/wheels",
        "C:\\wheels",
        "click 8:1",
    ],
)
def test_everything_else(entry: str) -> None:
    assert not is_address(entry)
