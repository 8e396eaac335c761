"""Reads the configuration of a layer that was unpacked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.layout import LAYER_CONFIG
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.paths import place_inside
from venvstacks_rules.model.wording import is_unicode


def read_layer_config(layer: Path) -> LayerConfig:
    """The configuration of the unpacked `layer`.

    Raises DeploymentError with all problems if it is missing or invalid.
    """
    try:
        data = parsed_json((layer / LAYER_CONFIG).read_text(encoding="utf-8"))
    except OSError as e:
        raise _invalid(layer, [e.strerror or str(e)]) from None
    except ValueError as e:
        raise _invalid(layer, [f"invalid JSON: {e}"]) from None
    problems: list[str] = []
    config = _checked(CheckedTable(data, "", problems))
    if problems:
        raise _invalid(layer, problems)
    return config


def _invalid(layer: Path, problems: Iterable[str]) -> DeploymentError:
    return DeploymentError(
        f"`{layer.name}` is not a layer that can be deployed",
        [f"{LAYER_CONFIG}: {problem}" for problem in problems],
    )


def _checked(table: CheckedTable) -> LayerConfig:
    return LayerConfig(
        python=_path(table, "python"),
        py_version=_word(table, "py_version"),
        base_python=_path(table, "base_python"),
        site_dir=_path(table, "site_dir"),
        pylib_dirs=_paths(table, "pylib_dirs"),
        dynlib_dirs=_paths(table, "dynlib_dirs"),
        launch_module=_word(table, "launch_module") if "launch_module" in table else None,
    )


def _word(table: CheckedTable, name: str) -> str:
    text = table.string(name)
    _check_text(text, table, name)
    return text


def _path(table: CheckedTable, name: str) -> str:
    path = table.string(name)
    _check_inside(path, table, name)
    return path


def _paths(table: CheckedTable, name: str) -> tuple[str, ...]:
    paths = table.strings(name) if name in table else ()
    for number, path in enumerate(paths):
        _check_inside(path, table, f"{name}[{number}]")
    return paths


def _check_inside(path: str, table: CheckedTable, name: str) -> None:
    _check_text(path, table, name)
    if path.startswith("/"):
        table.note(name, f"`{path}` is not a relative path")
    elif place_inside("", path, siblings=True) is None:
        table.note(name, f"`{path}` leaves the folder that holds the layers")


def _check_text(text: str, table: CheckedTable, name: str) -> None:
    """No command line can have anything else."""
    if "\0" in text or not is_unicode(text):
        table.note(name, f"{text!a} has characters that no path and no command can have")
