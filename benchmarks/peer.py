"""The peer: venvstacks 0.7.0, with the interpreter from a local archive."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Timing, Took, timed, took

# Appended to `pbs_installer`: the peer downloads interpreters through these two functions.
_PATCH = """

def get_download_link(request, **_):
    import os

    major, minor, micro = map(int, os.environ["BENCHMARK_PYTHON_VERSION"].split("."))
    version = PythonVersion("cpython", major, minor, micro)
    return version, ("file://" + os.environ["BENCHMARK_INTERPRETER"], None)


def download(python_file, destination, client=None):
    import os
    import shutil

    shutil.copy(os.environ["BENCHMARK_INTERPRETER"], destination)
    return os.path.basename(os.environ["BENCHMARK_INTERPRETER"])


from pbs_installer._utils import PythonVersion
"""


class Peer:
    """The peer's commands on one stack."""

    def __init__(self, folder: Path, stack: Path, archive: Path, version: str) -> None:
        self._bin = folder / "venv/bin"
        self._folder = folder
        self.stack = stack
        self._archive = archive
        self._version = version
        self._cache = folder / "cache"

    def set_up(self, uv: str, requirements: Path, python: str) -> None:
        """Install the peer, which needs a CPython 3.12."""
        venv = str(self._folder / "venv")
        subprocess.run([uv, "venv", "--quiet", "--python", python, venv], check=True)
        python = str(self._bin / "python")
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", python]
        subprocess.run([*install, "--requirement", str(requirements)], check=True)
        site = next((self._folder / "venv/lib").glob("python*/site-packages"))
        with (site / "pbs_installer/__init__.py").open("a") as module:
            module.write(_PATCH)

    @property
    def postinstall(self) -> Path:
        """What the peer puts into each layer."""
        (package,) = (self._folder / "venv/lib").glob("python*/site-packages/venvstacks")
        return package / "_injected/postinstall.py"

    def write_layer(self, layers: Path, code: str, names: Sequence[str]) -> None:
        """Run `code`, which uses the peer's modules, on layers in a folder."""
        command = [str(self._bin / "python"), "-c", code, str(layers), *names]
        subprocess.run(command, check=True)

    def forget_wheels(self) -> None:
        """Drop the caches of pip and uv."""
        shutil.rmtree(self._cache, ignore_errors=True)

    def forget_builds(self) -> None:
        """Drop what was built and published, but not the locks."""
        for name in ("_build", "_artifacts"):
            shutil.rmtree(self.stack / name, ignore_errors=True)

    def run(self, *arguments: str) -> Timing:
        """One command on the stack."""
        verb, *options = arguments
        return timed(
            [str(self._bin / "venvstacks"), verb, *options, "venvstacks.toml"],
            cwd=self.stack,
            env={
                "BENCHMARK_INTERPRETER": str(self._archive),
                "BENCHMARK_PYTHON_VERSION": self._version,
                "PIP_CACHE_DIR": str(self._cache / "pip"),
                "UV_CACHE_DIR": str(self._cache / "uv"),
            },
        )

    def archives(self) -> list[Path]:
        """The published archives, lower layers first."""
        manifest = self.stack / "_artifacts/__venvstacks__/venvstacks.json"
        layers = json.loads(manifest.read_text())["layers"]
        return [
            self.stack / "_artifacts" / layer["archive_name"]
            for kind in ("runtimes", "frameworks", "applications")
            for layer in layers[kind]
        ]

    def installed(self, destination: Path, layers: Sequence[str]) -> Took:
        """The same as `deploy` for some layers into a new folder, with what the processors did."""
        destination.mkdir(parents=True)
        steps = []
        for archive in self.archives():
            if archive.name[: -len(".tar.xz")] in layers:
                steps.append(took(["tar", "-C", str(destination), "-xf", str(archive)]))
        python = str(destination / layers[0] / "bin/python")
        for name in layers:
            script = str(destination / name / "postinstall.py")
            steps.append(took([python, "-X", "utf8", "-I", script]))
        return Took(sum(step.wall for step in steps), sum(step.processor for step in steps))

    def deploy(self, destination: Path) -> float:
        """Unpack all archives and post-install each, as the peer's manual says; seconds."""
        shutil.rmtree(destination, ignore_errors=True)
        destination.mkdir(parents=True)
        seconds = 0.0
        for archive in self.archives():
            command = ["tar", "--extract", "--file", str(archive)]
            seconds += timed(command, cwd=destination).seconds
        names = [archive.name[: -len(".tar.xz")] for archive in self.archives()]
        for name in names:
            python = str(destination / names[0] / "bin/python")
            command = [python, "-X", "utf8", "-I", f"{name}/postinstall.py"]
            seconds += timed(command, cwd=destination).seconds
        return seconds
