from __future__ import annotations

import json
from typing import Any

import pytest

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.bundles import Bundle
from venvstacks_rules.model.repository.carried import CarriedWheel, wheel_key
from venvstacks_rules.model.repository.references import Reference

ONE, OTHER = Reference.of(b"one"), Reference.of(b"other")
CARRIED = CarriedWheel("demo-1.0-py3-none-any.whl", ONE, OTHER, ONE, 512, (2, -1, 0, 2))


def test_a_document_is_read_as_it_was_written() -> None:
    assert CarriedWheel.from_json(CARRIED.to_json().encode()) == CARRIED
    assert "rest_tar_size" not in CarriedWheel("a.whl", ONE, ONE, ONE, None, ()).to_json()


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("entries", [1, True], "`entries`: is not a list of integers"),
        ("entries", "12", "`entries`: is not a list of integers"),
        ("rest_tar_size", -1, "`rest_tar_size`: expected a size in bytes, got -1"),
        ("wheel", {"sha256": "x", "size": 1}, "`wheel.sha256`: `x` is not a SHA-256"),
        ("format_version", 2, "`format_version`: 2 is not 1; a newer client may read it"),
    ],
)
def test_what_cannot_be_used(key: str, value: Any, problem: str) -> None:
    data = {**json.loads(CARRIED.to_json()), key: value}
    with pytest.raises(RepositoryError) as caught:
        CarriedWheel.from_json(json.dumps(data).encode(), "x.json")
    assert problem in str(caught.value)


def test_two_wheels_of_one_name_have_two_places() -> None:
    assert wheel_key("a.whl", "12", ()) == "wheels/a.whl"
    assert wheel_key("a.whl", "12", {"wheels/a.whl": "34"}) == "wheels/12/a.whl"


def test_clients_that_know_no_wheels_refuse_the_installer() -> None:
    plain = Bundle("demo", "1.0", "linux_x86_64", ONE, ("app-demo",), ())
    assert json.loads(plain.to_json())["format_version"] == 1
    carrying = Bundle(**{**vars(plain), "wheels": {"wheels/a.whl": ONE.sha256}})
    assert json.loads(carrying.to_json())["format_version"] == 2
    assert Bundle.from_json(carrying.to_json().encode()) == carrying
    text = carrying.to_json().replace(ONE.sha256, "AB")
    with pytest.raises(RepositoryError, match="the hash of 'wheels/a.whl' is no SHA-256"):
        Bundle.from_json(text.encode())
