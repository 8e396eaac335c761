"""A stack for Linux on ARM that is built on this machine, and really runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.arm64 import Arm64
from tests.support.build_root import BuildRoot, build_root

PLATFORM = "linux_aarch64"
CONFIG = f'platforms = ["{PLATFORM}"]\n'
PROVIDER = {"PANTS_VENVSTACKS_PYTHON_PROVIDER": "archive"}
# soundfile brings a library that its module loads by name, numpy some that it is linked with.
BUILD = """\
file(name="arm64", source="arm64.tar")
venvstacks_runtime(
    name="py", python_implementation="cpython@{version}", platforms=["linux_aarch64"],
    python_archives={{"linux_aarch64": ":arm64"}},
)
venvstacks_framework(name="sound", runtime=":py", requirements=["numpy", "soundfile"])
venvstacks_application(
    name="tone", launch_module="tone.py", frameworks=[":sound"], requirements=["humanize"],
)
venvstacks_manifest(name="stack", layers=[":tone"])
"""
TONE = """\
import io, json, os, platform, sys

import humanize, numpy, soundfile

wave = numpy.sin(numpy.arange(4410) / 441 * 2 * numpy.pi * 44)
file = io.BytesIO()
soundfile.write(file, wave, 44100, format="FLAC")
file.seek(0)
read, rate = soundfile.read(file)
print(json.dumps({
    "machine": platform.machine(),
    "executable": sys.executable,
    "libraries": os.environ.get("LD_LIBRARY_PATH"),
    "rate": rate,
    "same": bool(numpy.linalg.norm(read - wave) < 0.01),
    "frames": humanize.intcomma(len(read)),
}))
"""


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arm64]:
    folder = tmp_path_factory.mktemp("arm64")
    yield Arm64.install(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def root(arm64: Arm64, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildRoot]:
    folder = tmp_path_factory.mktemp("emulated") / "root"
    with build_root(folder, config=CONFIG, environment=PROVIDER) as made:
        made.write("s/BUILD", BUILD.format(version=arm64.python_version))
        made.write("s/tone.py", TONE)
        made.write("s/arm64.tar", arm64.interpreter())
        made.succeed("generate-lockfiles")
        made.succeed("package", "s:stack")
        yield made


@pytest.mark.slow
def test_a_stack_for_arm_runs(root: BuildRoot, arm64: Arm64) -> None:
    published = root.path / "dist/s" / PLATFORM
    layers = json.loads((published / "__venvstacks__/venvstacks.json").read_text())["layers"]
    deployed = arm64.root / "opt/layers"
    deployed.mkdir(parents=True)
    for layer in (*layers["runtimes"], *layers["frameworks"], *layers["applications"]):
        archive = published / layer["archive_name"]
        subprocess.run(["tar", "-xf", archive, "-C", deployed], check=True)
    for name in ("py", "framework-sound", "app-tone"):
        done = arm64.run("/opt/layers/py/bin/python3.11", f"/opt/layers/{name}/postinstall.py")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = arm64.run("/opt/layers/app-tone/bin/python", "-m", "tone")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "machine": "aarch64",
        "executable": "/opt/layers/app-tone/bin/python",
        # The loader had it, and what the application starts does not.
        "libraries": None,
        "rate": 44100,
        "same": True,
        "frames": "4,410",
    }
