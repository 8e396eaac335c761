"""A small Linux on ARM, of Debian's packages, whose programs really run: emulated by QEMU.

Nothing of this machine is changed. The packages lie in a folder that serves as root, and the
emulator is registered with the kernel in a user namespace, which ends with the process.
"""

from __future__ import annotations

import io
import os
import platform
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

EMULATOR = "qemu-aarch64-static"
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_PACKAGES = ("python3.11", "libpython3.11-dev", "libstdc++6", "base-files", "dash", "coreutils")

_APT = """\
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{sources}";
Dir::Etc::sourceparts "/dev/null";
"""

# What an ELF file for ARM with 64 bits begins with, and which of its bits tell (`EM_AARCH64` of
# elf.h). F: the emulator is opened now, and need not be in the root folder. P: it learns `argv[0]`.
_REGISTER = (
    r":arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:"
)
_ENTER = """\
set -eu
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' "$1" >/proc/sys/fs/binfmt_misc/register
mount --rbind /proc "$2/proc"
mount --rbind /dev "$2/dev"
root=$2
shift 2
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class Arm64:
    """The root folder of an emulated Linux."""

    root: Path

    @classmethod
    def install(cls, folder: Path) -> Arm64:
        """Fetch and unpack the packages; skips the test where this machine cannot run them."""
        emulator = shutil.which(EMULATOR)
        if platform.system() != "Linux" or platform.machine() == "aarch64":
            pytest.skip("what is for ARM is emulated on Linux on other machines only")
        if emulator is None or shutil.which("apt-get") is None or not _SOURCES.exists():
            pytest.skip(f"Debian with {EMULATOR} is needed")
        for name in ("lists/partial", "cache/archives/partial", "root"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        config = folder / "apt.conf"
        config.write_text(_APT.format(folder=folder, sources=_SOURCES))
        environment = {**os.environ, "APT_CONFIG": str(config), "LANG": "C.UTF-8"}
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "--download-only"]
        _run(["apt-get", "update", "-qq"], environment)
        _run([*install, *_PACKAGES], environment)
        made = cls(folder / "root")
        for package in sorted((folder / "cache/archives").glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(package), str(made.root)], environment)
        if made.run("/bin/true").returncode != 0:
            pytest.skip("an emulator cannot be registered in a user namespace (Linux 6.7 can)")
        return made

    @property
    def python_version(self) -> str:
        """``3.11.Z``."""
        header = (self.root / "usr/include/python3.11/patchlevel.h").read_text()
        found = re.search(r'#define PY_VERSION\s+"(.*)"', header)
        assert found is not None
        return found[1]

    def interpreter(self) -> bytes:
        """The Python of the packages, as an archive in python-build-standalone's layout."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name in ("bin/python3.11", "include/python3.11", "lib/python3.11"):
                tar.add(self.root / "usr" / name, f"python/{name}", filter=_without_links_out)
        return buffer.getvalue()

    def run(
        self, *command: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the emulated Linux; paths are those below its root."""
        enter = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", _ENTER]
        register = f"{_REGISTER}{shutil.which(EMULATOR)}:FP"
        return subprocess.run(
            [*enter, "sh", register, str(self.root), *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )


def _without_links_out(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # Debian's packages have some to the machine's own configuration.
    return None if member.issym() and ("/" in member.linkname) else member


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
