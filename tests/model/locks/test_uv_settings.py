from __future__ import annotations

from typing import Any

import pytest

from venvstacks_rules.model.locks.uv_settings import index_names, uv_config_hash, uv_settings

SETTINGS = {"exclude-newer": "2025-01-01T00:00:00Z", "index": [{"name": "x", "url": "https://x"}]}


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (
            {"tool": {"uv": {**SETTINGS, "no-build": False, "environments": []}}},
            "a/venvstacks.toml",
        ),
        ({**SETTINGS, "cache-keys": [], "required-environments": []}, "a/venvstacks.uv.toml"),
        (SETTINGS, "uv.toml"),
        ({"tool": {"uv": SETTINGS}}, "uv.toml"),
    ],
)
def test_where_they_stand_and_which_are_dropped(data: dict[str, Any], path: str) -> None:
    assert uv_settings(data, path) == SETTINGS


def test_a_stack_file_without_settings() -> None:
    assert uv_settings({"runtimes": []}, "venvstacks.toml") == {}


@pytest.mark.parametrize("data", [{"tool": 1}, {"tool": {"uv": []}}])
def test_no_table(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="^`tool.uv`: expected a table$"):
        uv_settings(data, "layers.toml")


def test_the_hash_is_over_what_decides() -> None:
    first = uv_config_hash(SETTINGS)
    same = {
        "native-tls": True,
        "sources": [],
        "index": [{"url": "https://me:secret@x", "name": "x"}],
        "exclude-newer": SETTINGS["exclude-newer"],
    }
    assert first is not None
    assert uv_config_hash(same) == first
    assert uv_config_hash({**SETTINGS, "resolution": "lowest"}) != first
    assert uv_config_hash({"offline": True, "index": []}) is None


def test_names_of_indexes() -> None:
    assert index_names({"index": [{"name": "b"}, {"url": "x"}, 1, {"name": "a"}]}) == ("b", "a")
    assert index_names({}) == index_names({"index": 1}) == index_names({"index": "a"}) == ()
