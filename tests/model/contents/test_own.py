"""The generated files of a layer."""

from __future__ import annotations

import json

from venvstacks_rules.model.contents.chain import chain_files
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.own import layer_config, layer_files
from venvstacks_rules.model.layers.definitions import ModuleDefinition
from venvstacks_rules.model.layers.interface import LayerInterface
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.platforms.target_platforms import LINUX_X86_64


def layer(kind: LayerKind, launch_module: ModuleDefinition | None = None) -> Layer:
    return Layer(
        address="src:x",
        kind=kind,
        name="x",
        requirements=(),
        python_version="3.11",
        platforms=(LINUX_X86_64,),
        linux_target="glibc@2.28",
        macosx_target="13.0",
        lower=(),
        launch_module=launch_module,
        support_modules=(),
        dynlib_exclude=(),
    )


RUNTIME = LayerInterface("py", "3.11.7")
NUMERIC = LayerInterface("framework-numeric", "3.11.7", ("libnumeric.so",))


def test_the_config_of_a_runtime() -> None:
    config = layer_config(layer(LayerKind.RUNTIME), "3.11.7", (), os_name="posix")
    assert json.loads(config.to_json()) == {
        "python": "bin/python",
        "py_version": "3.11.7",
        "base_python": "bin/python",
        "site_dir": "lib/python3.11/site-packages",
        "pylib_dirs": [],
        "dynlib_dirs": [],
    }


def test_the_config_of_an_application() -> None:
    module = ModuleDefinition("src/main.py", ("src/main.py",))
    config = layer_config(
        layer(LayerKind.APPLICATION, module), "3.11.7", (NUMERIC, RUNTIME), os_name="posix"
    )
    assert json.loads(config.to_json()) == {
        "python": "bin/python",
        "py_version": "3.11.7",
        "base_python": "../py/bin/python",
        "site_dir": "lib/python3.11/site-packages",
        "pylib_dirs": [
            "../framework-numeric/lib/python3.11/site-packages",
            "../py/lib/python3.11/site-packages",
        ],
        "dynlib_dirs": ["../framework-numeric/share/venv/dynlib", "../py/share/venv/dynlib"],
        "launch_module": "main",
    }


def test_a_layer_on_a_free_threaded_runtime() -> None:
    runtime = LayerInterface("py", "3.14.0t")
    config = layer_config(layer(LayerKind.APPLICATION), "3.14.0t", (runtime,), os_name="posix")
    assert config.py_version == "3.14.0t"
    assert config.site_dir == "lib/python3.14t/site-packages"
    assert config.pylib_dirs == ("../py/lib/python3.14t/site-packages",)
    _, links = layer_files(
        config, (runtime,), system="linux", install_target="app-x", postinstall="", modules=()
    )
    assert links == (
        OwnLink("bin/python", "../../py/bin/python"),
        OwnLink("bin/python3", "python"),
        OwnLink("bin/python3.14", "python"),
        OwnLink("bin/python3.14t", "python"),
        OwnLink("lib64", "lib"),
    )


def files_of(
    lower: tuple[LayerInterface, ...], system: str = "linux"
) -> tuple[tuple[OwnFile, ...], tuple[OwnLink, ...]]:
    return layer_files(
        layer_config(layer(LayerKind.APPLICATION), "3.11.7", lower, os_name="posix"),
        lower,
        system=system,
        install_target="app-x",
        postinstall="# post",
        modules=[OwnFile("main.py", source="src/main.py")],
    )


def test_a_runtime_keeps_its_interpreter() -> None:
    config = layer_config(layer(LayerKind.RUNTIME), "3.11.7", (), os_name="posix")
    files, links = layer_files(
        config, (), system="linux", install_target="app-x", postinstall="# post", modules=()
    )
    assert [file.path for file in files] == [
        "share/venv/metadata/venvstacks_layer.json",
        "postinstall.py",
    ]
    assert links == ()


def test_python_is_a_link_where_no_layer_offers_libraries() -> None:
    files, links = files_of((RUNTIME,))
    assert files[-1] == OwnFile("lib/python3.11/site-packages/main.py", source="src/main.py")
    assert links == (
        OwnLink("bin/python", "../../py/bin/python"),
        OwnLink("bin/python3", "python"),
        OwnLink("bin/python3.11", "python"),
        OwnLink("lib64", "lib"),
    )


def test_python_is_a_wrapper_where_a_lower_layer_offers_libraries() -> None:
    files, links = files_of((NUMERIC, RUNTIME), system="macosx")
    (wrapper,) = [file for file in files if file.path == "bin/python"]
    assert wrapper.executable
    assert wrapper.text is not None
    assert wrapper.text.startswith("#!/bin/sh\n")
    assert "framework-numeric/share/venv/dynlib" in wrapper.text
    assert "py/share/venv/dynlib" not in wrapper.text
    assert links == (
        OwnLink("bin/python_", "../../py/bin/python"),
        OwnLink("bin/python3", "python"),
        OwnLink("bin/python3.11", "python"),
    )


def test_a_layer_for_windows() -> None:
    module = ModuleDefinition("src/main.py", ("src/main.py",))
    lower = (NUMERIC, RUNTIME)
    config = layer_config(layer(LayerKind.APPLICATION, module), "3.11.7", lower, os_name="nt")
    # As `venvstacks` writes it on Windows.
    assert json.loads(config.to_json()) == {
        "python": "Scripts/python.exe",
        "py_version": "3.11.7",
        "base_python": "../py/python.exe",
        "site_dir": "Lib/site-packages",
        "pylib_dirs": ["../framework-numeric/Lib/site-packages", "../py/Lib/site-packages"],
        "dynlib_dirs": ["../framework-numeric/Library/bin", "../py/Library/bin"],
        "launch_module": "main",
    }
    files, links = layer_files(
        config,
        lower,
        system="win",
        install_target="app-x",
        postinstall="# post",
        modules=[OwnFile("main.py", source="src/main.py")],
    )
    assert [file.path for file in files] == [
        "share/venv/metadata/venvstacks_layer.json",
        "postinstall.py",
        *(file.path for file in chain_files(config, "app-x", system="win")),
        "Lib/site-packages/main.py",
    ]
    assert links == ()


def test_a_runtime_for_windows() -> None:
    config = layer_config(layer(LayerKind.RUNTIME), "3.11.7", (), os_name="nt")
    assert (config.python, config.base_python) == ("python.exe", "python.exe")
    assert config.site_dir == "Lib/site-packages"
