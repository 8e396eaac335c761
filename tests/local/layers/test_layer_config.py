from __future__ import annotations

import json
from pathlib import Path

import pytest

from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.layout import LAYER_CONFIG
from venvstacks_rules.model.errors import DeploymentError

CONFIG = LayerConfig(
    python="bin/python",
    py_version="3.12.1",
    base_python="../cpython/bin/python3",
    site_dir="lib/python3.12/site-packages",
    pylib_dirs=("../cpython/lib/python3.12/site-packages",),
    launch_module="app",
)


def layer(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "app-a" / LAYER_CONFIG
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return tmp_path / "app-a"


def problems(folder: Path) -> tuple[str, ...]:
    with pytest.raises(DeploymentError) as caught:
        read_layer_config(folder)
    assert caught.value.summary == f"`{folder.name}` is not a layer that can be deployed"
    return caught.value.problems


def test_what_a_build_writes_is_read(tmp_path: Path) -> None:
    assert read_layer_config(layer(tmp_path, CONFIG.to_json())) == CONFIG


def test_all_problems_are_reported_with_their_keys(tmp_path: Path) -> None:
    data = {
        **json.loads(CONFIG.to_json()),
        "python": "/usr/bin/python",
        "site_dir": 3,
        "pylib_dirs": ["../a/lib", "lib/../../../lib", 7],
        "dynlib_dirs": "lib",
        "launch_module": "",
    }
    del data["py_version"], data["base_python"]
    assert problems(layer(tmp_path, json.dumps(data))) == tuple(
        f"share/venv/metadata/venvstacks_layer.json: {problem}"
        for problem in (
            "`python`: `/usr/bin/python` is not a relative path",
            "`py_version`: missing",
            "`base_python`: missing",
            "`site_dir`: expected a string, got an integer",
            "`pylib_dirs[2]`: expected a string, got an integer",
            "`pylib_dirs[1]`: `lib/../../../lib` leaves the folder that holds the layers",
            "`dynlib_dirs`: expected a list of strings, got a string",
            "`launch_module`: is empty",
        )
    )


def test_what_no_command_can_have(tmp_path: Path) -> None:
    data = {
        **json.loads(CONFIG.to_json()),
        "base_python": "bin/\0python",
        "py_version": "3.12\ud800",
        "launch_module": "app\0",
    }
    assert problems(layer(tmp_path, json.dumps(data))) == tuple(
        f"share/venv/metadata/venvstacks_layer.json: `{key}`: {shown} has characters that no path"
        " and no command can have"
        for key, shown in (
            ("py_version", "'3.12\\ud800'"),
            ("base_python", "'bin/\\x00python'"),
            ("launch_module", "'app\\x00'"),
        )
    )


def test_a_file_that_is_missing_or_not_json(tmp_path: Path) -> None:
    (missing,) = problems(tmp_path / "none")
    assert missing == "share/venv/metadata/venvstacks_layer.json: No such file or directory"
    (nested,) = problems(layer(tmp_path / "nested", "[" * 100_000))
    assert nested == (
        "share/venv/metadata/venvstacks_layer.json: invalid JSON: it is nested too deeply"
    )
    (broken,) = problems(layer(tmp_path, "{"))
    assert broken.startswith("share/venv/metadata/venvstacks_layer.json: invalid JSON: ")
