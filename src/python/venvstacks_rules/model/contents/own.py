"""The files of a layer that come from no wheel and no interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from venvstacks_rules.model.contents.chain import chain_files
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.data_links import data_links
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.joined_packages import joined_packages
from venvstacks_rules.model.contents.layout import (
    DYNLIB_DIR,
    LAYER_CONFIG,
    POSTINSTALL,
    LayerLayout,
)
from venvstacks_rules.model.contents.wrapper import LINK, python_wrapper
from venvstacks_rules.model.layers.interface import DataFile, LayerInterface, PackageFolder
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.platforms.python_versions import language_version, short_version


def layer_config(
    layer: Layer, python_version: str, lower: Sequence[LayerInterface], *, os_name: str
) -> LayerConfig:
    """The deployed layer config of `layer`, on `lower` in import order, the runtime last."""
    layout = LayerLayout(python_version, os_name)
    base_python = str(layout.base_python)
    if lower:
        base_python = f"../{lower[-1].install_target}/{base_python}"
    return LayerConfig(
        python=str(layout.python) if lower else base_python,
        py_version=python_version,
        base_python=base_python,
        site_dir=str(layout.site_packages),
        pylib_dirs=tuple(f"../{below.install_target}/{layout.site_packages}" for below in lower),
        # All of them, as in venvstacks: this list does not depend on the contents of the layers
        # below.
        dynlib_dirs=tuple(f"../{below.install_target}/{layout.dynlib_dir}" for below in lower),
        launch_module=layer.launch_module.module_name if layer.launch_module else None,
    )


def environment_files(config: LayerConfig) -> tuple[OwnFile, ...]:
    """The file by which Python takes the folder of a sealed layer for an environment.

    Without a `home`, Python finds its standard library where the link to the interpreter leads.
    """
    lines = (
        "include-system-site-packages = false",
        # Like `venv`, which does not tell builds apart here.
        f"version = {config.py_version.rstrip('t')}",
    )
    return (OwnFile("pyvenv.cfg", text="".join(f"{line}\n" for line in lines)),)


def _dynlib_dir(below: LayerInterface) -> str:
    return f"../{below.install_target}/{DYNLIB_DIR}"


def layer_files(
    config: LayerConfig,
    lower: Sequence[LayerInterface],
    *,
    install_target: str,
    system: str,
    postinstall: str,
    modules: Iterable[OwnFile],
    own_libraries: bool = False,
    own_packages: Sequence[PackageFolder] = (),
    own_data: Iterable[DataFile] = (),
    sealed: bool = False,
) -> tuple[tuple[OwnFile, ...], tuple[OwnLink, ...]]:
    """The files and links that make a folder of packages a layer, for a platform's `system`.

    `lower` are the layers below, in import order; empty for a runtime. `modules` are the
    layer's own, with paths relative to site-packages. `own_libraries` is whether packages of the
    layer need the shared libraries that it offers to the layers above. `own_packages` are the
    folders of modules of the layer's packages, `own_data` the files that these bring for programs.
    On Windows there are no links, and post-installation makes the interpreter. A `sealed` layer
    needs no post-installation elsewhere.
    """
    libraries: list[str] = []
    if lower and system != "win":
        libraries += [str(DYNLIB_DIR)] if own_libraries else []
        libraries += [_dynlib_dir(below) for below in lower if below.libraries]
    files = [
        OwnFile(str(LAYER_CONFIG), text=config.to_json()),
        OwnFile(str(POSTINSTALL), text=postinstall),
        *chain_files(
            config,
            install_target,
            system=system,
            library_dirs=libraries,
            joined=joined_packages([own_packages, *(below.packages for below in lower)]),
            sealed=sealed,
        ),
        *(environment_files(config) if sealed and lower and system != "win" else ()),
    ]
    for module in modules:
        files.append(replace(module, path=f"{config.site_dir}/{module.path}"))
    links: list[OwnLink] = []
    if lower and system != "win":
        layout = LayerLayout(config.py_version, "posix")
        base_python = f"../{config.base_python}"
        # A script instead of a link would add a few milliseconds to every start.
        if libraries:
            wrapper = python_wrapper(system=system, dynlib_dirs=libraries)
            files.append(OwnFile(config.python, text=wrapper, executable=True))
            links.append(OwnLink(str(layout.scripts / LINK), base_python))
        else:
            links.append(OwnLink(config.python, base_python))
        for version in dict.fromkeys(
            ("3", language_version(config.py_version), short_version(config.py_version))
        ):
            alias = f"python{version}"
            links.append(OwnLink(str(layout.scripts / alias), layout.python.name))
        if system == "linux":
            links.append(OwnLink("lib64", "lib"))
        links.extend(data_links((file.path for file in own_data), lower))
    return tuple(files), tuple(links)
