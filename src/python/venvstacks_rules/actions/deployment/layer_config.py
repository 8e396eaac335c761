"""Reads the configuration of a layer that was unpacked."""

from __future__ import annotations

import json
import os
from pathlib import Path

from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.layout import LAYER_CONFIG
from venvstacks_rules.model.errors import DeploymentError


def read_layer_config(layer: Path) -> LayerConfig:
    """The configuration of the unpacked `layer`; DeploymentError where there is none."""
    path = layer / LAYER_CONFIG
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        launch_module = data.get("launch_module")
        return LayerConfig(
            python=_inside(data["python"]),
            py_version=str(data["py_version"]),
            base_python=_inside(data["base_python"]),
            site_dir=_inside(data["site_dir"]),
            pylib_dirs=tuple(_inside(folder) for folder in data.get("pylib_dirs", ())),
            dynlib_dirs=tuple(_inside(folder) for folder in data.get("dynlib_dirs", ())),
            launch_module=None if launch_module is None else str(launch_module),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        reason = f"key {e} is missing" if isinstance(e, KeyError) else str(e)
        raise DeploymentError(
            f"`{layer.name}` is not a layer that can be deployed", [f"{LAYER_CONFIG}: {reason}"]
        ) from None


def _inside(path: object) -> str:
    # One step up is the folder that holds the layers, and `layer` any name that a layer has.
    if not isinstance(path, str) or path.startswith("/"):
        raise ValueError(f"`{path}` is not a relative path")
    if os.path.normpath(f"layer/{path}").split("/")[0] == "..":
        raise ValueError(f"`{path}` leaves the folder that holds the layers")
    return path
