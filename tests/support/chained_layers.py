"""Layers in place, with the files that archives have, on a Python of this machine.

The runtime is a folder of links to that Python, so that making a stack takes no time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from venvstacks_rules.actions import postinstall
from venvstacks_rules.model.contents.own import layer_config, layer_files
from venvstacks_rules.model.layers.definitions import ModuleDefinition
from venvstacks_rules.model.layers.interface import LayerInterface, PackageFolder
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.platforms.target_platforms import LINUX_X86_64

RUNTIME = "rt"
_POSTINSTALL = Path(postinstall.__file__).read_text(encoding="utf-8")
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
FULL_VERSION = ".".join(str(number) for number in sys.version_info[:3])
APPLICATION = Layer(
    address="src:x",
    kind=LayerKind.APPLICATION,
    name="x",
    requirements=(),
    python_version=FULL_VERSION,
    platforms=(LINUX_X86_64,),
    linux_target="glibc@2.28",
    macosx_target="13.0",
    lower=(),
    launch_module=None,
    support_modules=(),
    dynlib_exclude=(),
)
SITE = f"lib/python{VERSION}/site-packages"


class ChainedLayers:
    """A deployment folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        base = Path(sys.base_prefix)
        self.base_python = folder / RUNTIME / "bin/python"
        self.base_python.parent.mkdir(parents=True)
        self.base_python.symlink_to(base / "bin" / f"python{VERSION}")
        (folder / RUNTIME / SITE).mkdir(parents=True)
        library = base / f"lib/python{VERSION}"
        for entry in library.iterdir():
            if entry.name not in ("site-packages", "sitecustomize.py"):
                (folder / RUNTIME / f"lib/python{VERSION}" / entry.name).symlink_to(entry)

    def write(self, name: str, files: Mapping[str, str]) -> None:
        """Write `files`, relative to the site-packages of layer `name`."""
        for path, text in files.items():
            place = self.folder / name / SITE / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def add(
        self,
        name: str,
        lower: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        *,
        libraries: bool = False,
        packages: Mapping[str, Sequence[PackageFolder]] | None = None,
        launch: str | None = None,
        install: bool = True,
    ) -> Path:
        """Add a layer on `lower`, in import order without the runtime; return its folder.

        With `libraries`, the layers below offer shared libraries; `packages` has the folders of
        modules of layers, by their names.
        """
        offered = ("libx.so",) if libraries else ()
        known = packages or {}
        below = [
            LayerInterface(
                other, FULL_VERSION, libraries=offered, packages=tuple(known.get(other, ()))
            )
            for other in (*lower, RUNTIME)
        ]
        module = ModuleDefinition(f"{launch}.py", (f"{launch}.py",)) if launch else None
        layer = replace(APPLICATION, launch_module=module)
        own_files, links = layer_files(
            layer_config(layer, FULL_VERSION, below, os_name="posix"),
            below,
            install_target=name,
            system="linux",
            postinstall=_POSTINSTALL,
            modules=(),
            own_packages=known.get(name, ()),
        )
        folder = self.folder / name
        for file in own_files:
            place = folder / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(file.text or "")
            place.chmod(0o755 if file.executable else 0o644)
        for link in links:
            place = folder / link.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(link.target)
        self.write(name, files or {})
        if install:
            command = [str(self.base_python), "-I", str(folder / "postinstall.py")]
            subprocess.run(command, check=True)
        return folder

    def run(
        self,
        name: str,
        *arguments: str,
        python: str | Path = "bin/python",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the Python of layer `name`."""
        return subprocess.run(
            [str(self.folder / name / python), *arguments],
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **(env or {})},
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def evaluate(self, name: str, expression: str, env: Mapping[str, str] | None = None) -> object:
        """The value of `expression`, as JSON has it, in layer `name`; nothing else is printed."""
        code = f"import json, os, subprocess, sys; print(json.dumps({expression}))"
        done = self.run(name, "-c", code, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)


def chain_module(layer: Path) -> Path:
    """The module that chains the layer in a folder."""
    (found,) = layer.glob("[Ll]ib/**/site-packages/_venvstacks_chain_*.py")
    return found
