from __future__ import annotations

import json

from venvstacks_rules.model.contents.config import LayerConfig


def test_runtime_has_no_launch_module() -> None:
    config = LayerConfig(
        "bin/python3.11", "3.11.13", "bin/python3.11", "lib/python3.11/site-packages"
    )
    assert json.loads(config.to_json()) == {
        "python": "bin/python3.11",
        "py_version": "3.11.13",
        "base_python": "bin/python3.11",
        "site_dir": "lib/python3.11/site-packages",
        "pylib_dirs": [],
        "dynlib_dirs": [],
    }


def test_text_is_the_files() -> None:
    config = LayerConfig(
        python="bin/python",
        py_version="3.9.18",
        base_python="../py/bin/python3.9",
        site_dir="s",
        pylib_dirs=("../framework-ü/s", "../py/s"),
        dynlib_dirs=("share/venv/dynlib",),
        launch_module="demo",
    )
    assert config.to_json() == (
        "{\n"
        '  "base_python": "../py/bin/python3.9",\n'
        '  "dynlib_dirs": [\n    "share/venv/dynlib"\n  ],\n'
        '  "launch_module": "demo",\n'
        '  "py_version": "3.9.18",\n'
        '  "pylib_dirs": [\n    "../framework-\\u00fc/s",\n    "../py/s"\n  ],\n'
        '  "python": "bin/python",\n'
        '  "site_dir": "s"\n'
        "}\n"
    )
