"""Layers for Windows that are built on this machine, and really run, under Wine.

A CPython for Windows is in no package of Debian. Who has one names it in `WINDOWS_PYTHON`: an
archive in python-build-standalone's layout. Tried with CPython 3.13.2 under Wine 8.0.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.build_root import BuildRoot, build_root

GIVEN = os.environ.get("WINDOWS_PYTHON", "")
WINE = shutil.which("wine64") or "/usr/lib/wine/wine64"
LAYERS = ("py", "framework-marked", "app-tell")

# markupsafe has an extension module, tbb nothing but libraries in `Library/bin`.
BUILD = """\
file(name="windows", source="windows.tar")
venvstacks_runtime(
    name="py", python_implementation="cpython@{version}", platforms=["win_amd64"],
    python_archives={{"win_amd64": ":windows"}},
)
venvstacks_framework(name="marked", runtime=":py", requirements=["markupsafe", "tbb==2021.13.1"])
venvstacks_application(
    name="tell", launch_module="tell.py", frameworks=[":marked"], requirements=["humanize"]
)
venvstacks_manifest(name="stack", layers=[":tell"])
"""
TELL = """\
import ctypes, subprocess, sys
import humanize
from markupsafe import _speedups

print(sys.version.split()[0])
for path in (sys.executable, sys.prefix, sys.base_prefix, _speedups.__file__):
    print(*path.replace("\\\\", "/").split("/layers/")[1:])
print(humanize.intcomma(499500), ctypes.WinDLL("tbb12.dll")._name)
code = "import humanize; print(humanize.__spec__.cached is not None)"
print(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True).stdout)
"""


@dataclass(frozen=True)
class Deployed:
    """Layers that are unpacked side by side."""

    folder: Path
    version: str

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the layers; paths are relative to their folder."""
        return subprocess.run(
            [WINE, program, *arguments],
            cwd=self.folder,
            env={
                "HOME": str(self.folder.parent),
                "PATH": os.defpath,
                "WINEPREFIX": str(self.folder.parent / "wine"),
                "WINEDEBUG": "-all",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    if not GIVEN or not Path(WINE).exists():
        pytest.skip("Wine for 64 bits and `WINDOWS_PYTHON` are needed")
    archive = Path(GIVEN).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        header = tar.extractfile("python/include/patchlevel.h")
        assert header is not None
        found = re.search(r'#define PY_VERSION\s+"(.*)"', header.read().decode())
    assert found is not None
    folder = tmp_path_factory.mktemp("wine")
    provider = {"PANTS_VENVSTACKS_PYTHON_PROVIDER": "archive"}
    with build_root(folder / "root", environment=provider) as root:
        _package(root, archive, found[1])
        for name in LAYERS:
            with zipfile.ZipFile(root.path / f"dist/s/win_amd64/{name}.zip") as read:
                read.extractall(folder / "first/layers")
    yield Deployed(folder / "first/layers", found[1])
    shutil.rmtree(folder)


def _package(root: BuildRoot, archive: bytes, version: str) -> None:
    root.write("s/BUILD", BUILD.format(version=version))
    root.write("s/windows.tar", archive)
    root.write("s/tell.py", TELL)
    root.succeed("generate-lockfiles")
    root.succeed("--venvstacks-platforms=['win_amd64']", "package", "s:stack")


def test_layers_run_and_are_made_ready_again_after_a_move(deployed: Deployed) -> None:
    expected = [
        deployed.version,
        "app-tell/Scripts/python.exe",
        "app-tell",
        "py",
        f"framework-marked/Lib/site-packages/markupsafe/{_speedups(deployed.folder)}",
        "499,500 tbb12.dll",
        "True",
    ]
    for name in LAYERS:
        done = deployed.run("py/python.exe", f"{name}/postinstall.py")
        assert done.returncode == 0, done.stdout + done.stderr
    assert list(deployed.folder.glob("py/Lib/__pycache__/os.*.pyc")) != []
    assert list(deployed.folder.glob("app-tell/Lib/*/humanize/__pycache__/time.*.pyc")) != []
    done = deployed.run("app-tell/Scripts/python.exe", "-m", "tell")
    assert done.stdout.split("\n")[:7] == expected, done.stderr

    moved = Deployed(deployed.folder.parent.with_name("sec ond \u00e4") / "layers", "")
    moved.folder.parent.mkdir()
    (deployed.folder.parent / "wine").rename(moved.folder.parent / "wine")
    deployed.folder.rename(moved.folder)
    for name in LAYERS:
        done = moved.run("py/python.exe", f"{name}/postinstall.py", "--no-compile")
        assert done.returncode == 0, done.stdout + done.stderr
    done = moved.run("app-tell/Scripts/python.exe", "-m", "tell")
    assert done.stdout.split("\n")[:7] == expected, done.stderr


def _speedups(folder: Path) -> str:
    (module,) = folder.glob("framework-marked/Lib/site-packages/markupsafe/_speedups.*.pyd")
    return module.name
