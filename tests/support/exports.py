"""Requests of ``export-layers`` for small layers, made of wheels and an interpreter of our own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.interpreter_archives import file, tar
from tests.support.wheels import wheel_bytes
from venvstacks_rules.actions import postinstall
from venvstacks_rules.actions.commands import export_layers
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.inputs import InterpreterFile, LayerWheel
from venvstacks_rules.model.contents.own import layer_files
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.export import (
    ExportedLayer,
    ExportLayersRequest,
    LayerToExport,
)

SHORT = f"{sys.version_info[0]}.{sys.version_info[1]}"
VERSION = ".".join(str(part) for part in sys.version_info[:3])
SITE = f"lib/python{SHORT}/site-packages"
RUNTIME, FRAMEWORK, APP = "cpython", "framework-demo", "app-show"
POSTINSTALL = Path(postinstall.__file__).read_text(encoding="utf-8")
MODULE = "import demo\nprint(demo.VALUE)\n"


@dataclass
class Stack:
    """A runtime, a framework with one wheel and an application; change it and export again."""

    folder: Path
    wheel: dict[str, bytes] = field(default_factory=lambda: {"demo/__init__.py": b"VALUE = 1\n"})
    module: str = MODULE
    exclude: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    targets: dict[str, str] = field(default_factory=dict)
    documents: tuple[OwnFile, ...] = ()

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def layers(self) -> tuple[LayerToExport, ...]:
        self.folder.mkdir(exist_ok=True)
        return (
            self._layer(RUNTIME, (), interpreter=self._interpreter()),
            self._layer(FRAMEWORK, (RUNTIME,), wheels=(self._wheel(),)),
            self._layer(APP, (FRAMEWORK, RUNTIME), module=self.module),
        )

    def export(self, destination: Path) -> dict[str, ExportedLayer]:
        """Export; what was done, by install target."""
        request = ExportLayersRequest(
            self.layers(), self.documents, str(destination), str(self.cache)
        )
        done = export_layers.run(to_json(request))
        return {layer.install_target: layer for layer in done.layers}

    def _layer(
        self,
        name: str,
        lower: tuple[str, ...],
        *,
        wheels: tuple[LayerWheel, ...] = (),
        interpreter: InterpreterFile | None = None,
        module: str | None = None,
    ) -> LayerToExport:
        python = f"../{lower[-1]}/bin/python" if lower else "bin/python"
        config = LayerConfig(
            python="bin/python",
            py_version=VERSION,
            base_python=python,
            site_dir=SITE,
            pylib_dirs=tuple(f"../{below}/{SITE}" for below in lower),
            launch_module="show" if module else None,
        )
        files, _ = layer_files(
            config,
            (),
            install_target=name,
            system="linux",
            postinstall=POSTINSTALL,
            modules=(),
        )
        if module is not None:
            source = self.folder / "show.py"
            source.write_text(module)
            files = (*files, OwnFile(f"{SITE}/show.py", source=str(source)))
        return LayerToExport(
            target=self.targets.get(name, f"//:{name}"),
            install_target=name,
            runtime=lower[-1] if lower else name,
            python_version=VERSION,
            os_name="posix",
            case_sensitive=True,
            wheels=wheels,
            files=files,
            links=(OwnLink("bin/python", f"../{python}"),) if lower else (),
            interpreter=interpreter,
        )

    def _wheel(self) -> LayerWheel:
        data = wheel_bytes(self.wheel)
        path = self.folder / "demo-1.0-py3-none-any.whl"
        path.write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        return LayerWheel(
            str(path), path.name, sha256, len(data), exclude=self.exclude, scripts=self.scripts
        )

    def _interpreter(self) -> InterpreterFile:
        """An archive whose interpreter starts the one that runs the tests."""
        executable = os.path.realpath(sys.executable)
        script = f'#!/bin/sh\nexec "{executable}" "$@"\n'
        header = f'#define PY_VERSION "{VERSION}"\n'
        data = tar(
            [
                file(f"python/bin/python{SHORT}", script, 0o755),
                file(f"python/include/python{SHORT}/patchlevel.h", header),
                file(f"python/lib/python{SHORT}/standard.py", "x = 1\n"),
            ]
        )
        path = self.folder / "cpython.tar"
        path.write_bytes(data)
        return InterpreterFile(
            str(path),
            hashlib.sha256(data).hexdigest(),
            len(data),
            python_version=SHORT,
            strip=self.strip,
        )


def run(destination: Path) -> str:
    """What the application prints; chained by hand, as the interpreter here is a script."""
    paths = [str(destination / name / SITE) for name in (APP, FRAMEWORK)]
    return subprocess.run(
        [str(destination / RUNTIME / "bin/python"), "-B", "-m", "show"],
        env={"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout


State = dict[str, tuple[int, int, int]]


def state(folder: Path) -> State:
    """Inode, modification and change time of all that lies below `folder`, but for our lock."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] != ".venvstacks":
            status = path.lstat()
            found[name] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
    return found
