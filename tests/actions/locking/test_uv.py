"""What ``uv`` is given of the environment."""

from __future__ import annotations

from pathlib import Path

from venvstacks_rules.actions.locking import uv


def test_variables_that_would_change_what_is_locked_are_not_passed_on() -> None:
    network = {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "PATH": "/usr/bin",
        "UV_HTTP_TIMEOUT": "9",
        "UV_NATIVE_TLS": "1",
    }
    others = {
        "UV_DEFAULT_INDEX": "https://packages.example.com/simple",
        "UV_EXCLUDE_NEWER": "2020-01-01",
        # Build backends would have them, too; `uv` gets them in a file.
        "UV_INDEX_CORP_PASSWORD": "p",
        "UV_INDEX_CORP_USERNAME": "u",
        "UV_INDEX": "corp=https://packages.example.com/simple",
        "UV_PROJECT": "/elsewhere",
        "UV_RESOLUTION": "lowest",
        "VIRTUAL_ENV": "/elsewhere",
    }
    assert uv._environment({**network, **others}) == network


def test_the_cache_is_meant_from_the_working_directory() -> None:
    passed = uv._environment({"UV_CACHE_DIR": "cache"})
    assert passed == {"UV_CACHE_DIR": str(Path.cwd() / "cache")}
