"""What ``uv`` makes of wheels on each target platform: an independent opinion."""

from __future__ import annotations

import atexit
import functools
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from uv import find_uv_bin

# How uv calls a platform, with the oldest macOS that counts there; our platform, and its targets.
TARGETS = {
    "glibc 2.17": ("x86_64-manylinux_2_17", "13.0", "linux_x86_64", "glibc@2.17"),
    "glibc 2.28": ("x86_64-manylinux_2_28", "13.0", "linux_x86_64", "glibc"),
    "glibc 2.40": ("x86_64-manylinux_2_40", "13.0", "linux_x86_64", "glibc@2.40"),
    "glibc on ARM": ("aarch64-manylinux_2_28", "13.0", "linux_aarch64", "glibc@2.28"),
    "musl": ("x86_64-unknown-linux-musl", "13.0", "linux_x86_64", "musl@1.2"),
    "musl on ARM": ("aarch64-unknown-linux-musl", "13.0", "linux_aarch64", "musl"),
    "macOS 10.15": ("x86_64-apple-darwin", "10.15", "macosx_x86_64", "glibc"),
    "macOS on Intel": ("x86_64-apple-darwin", "13.0", "macosx_x86_64", "glibc"),
    "macOS on ARM": ("aarch64-apple-darwin", "13.0", "macosx_arm64", "glibc"),
    "macOS 15 on ARM": ("aarch64-apple-darwin", "15.1", "macosx_arm64", "glibc"),
    "Windows": ("x86_64-pc-windows-msvc", "13.0", "win_amd64", "glibc"),
    "Windows on ARM": ("aarch64-pc-windows-msvc", "13.0", "win_arm64", "glibc"),
}

_CLAIM = """\
import json, subprocess, sys
done = subprocess.run([sys.executable, *sys.argv[2:]], stdout=subprocess.PIPE, check=True)
answer = json.loads(done.stdout)
full = f"{sys.argv[1]}.0"
answer["markers"].update(implementation_version=full, python_full_version=full)
answer["markers"].update(python_version=sys.argv[1])
answer.update(gil_disabled=True, sys_version=full)
print(json.dumps(answer))
"""


def wheel(folder: Path, name: str, version: str, tag: str) -> str:
    """Write a wheel with nothing but metadata; its file name."""
    file_name = f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / file_name, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return file_name


@functools.cache
def _cache() -> str:
    """A cache for what uv finds out about interpreters; no two tests have a wheel at one path."""
    folder = tempfile.mkdtemp(prefix="venvstacks-rules-uv-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _free_threaded_interpreter(version: str) -> Path:
    """This interpreter, which tells uv that it is a free-threaded CPython `version`."""
    folder = Path(_cache(), f"claims-{version}")
    folder.mkdir()
    claim = folder / "claim.py"
    claim.write_text(_CLAIM)
    script = folder / "python"
    command = shlex.join([sys.executable, "-I", str(claim), version.rstrip("t")])
    answer = shlex.quote(str(folder / "answer.json"))
    # uv does not remember what such an interpreter says, and asks each time.
    script.write_text(f'#!/bin/sh\n[ -f {answer} ] || {command} "$@" >{answer}\ncat {answer}\n')
    script.chmod(0o755)
    return script


def ask_uv(
    folder: Path, verb: str, names: Iterable[str], version: str, target: str, *options: str
) -> str:
    """What uv prints that is asked for packages of `folder`."""
    platform, macos, _, _ = TARGETS[target]
    command = [find_uv_bin(), "pip", verb, "--no-config", f"--cache-dir={_cache()}"]
    command += ["--offline", "--no-index"]
    command += ["--no-build", "--no-deps", "--find-links", str(folder), *options]
    requirements = folder / "requirements.in"
    requirements.write_text("\n".join(names))
    command += ["-r", str(requirements)] if verb == "install" else [str(requirements)]
    if version.endswith("t"):
        # There is no option for it: the build is that of the interpreter.
        command += ["--python", str(_free_threaded_interpreter(version))]
    else:
        command += ["--python-version", version]
        command += ["--python", sys.executable] if verb == "install" else []
    done = subprocess.run(
        [*command, "--python-platform", platform],
        capture_output=True,
        text=True,
        env={"MACOSX_DEPLOYMENT_TARGET": macos, "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed_tags(folder: Path) -> Mapping[str, str]:
    """Of each package that uv installed, the tag of the wheel that it took."""
    found = {}
    for path in folder.glob("*.dist-info/WHEEL"):
        found[path.parent.name.partition("-")[0]] = path.read_text().partition("Tag: ")[2].strip()
    return found
