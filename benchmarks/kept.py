"""What an installation takes that keeps many versions."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installing import client, install
from venvstacks_rules.local.files.streams import sha256_of


@dataclass(frozen=True)
class Kept:
    """What kept versions take, in MB."""

    usage: float
    """Of the disk, with folders and records."""
    contents: float
    """Of their files, each content once: no way of linking takes less."""

    def beside(self, three: Kept) -> str:
        """How much more they take than the newest three of them."""
        return (
            f"Installed, nine versions take {self.usage:.0f} MB and the newest three "
            f"{three.usage:.0f} MB: {self.usage / three.usage:.2f} (goal: <= 1.1). Their files, "
            f"each content once: {self.contents:.0f} MB and {three.contents:.0f} MB: "
            f"{self.contents / three.contents:.2f}."
        )


def kept(repository: Path, folder: Path, versions: Sequence[str]) -> tuple[Kept, Kept]:
    """What nine kept versions take, and the newest three of them."""
    into = folder / "kept"
    install(repository.as_uri(), into, versions[-9], "release")
    for version in versions[-8:]:
        client("update", "--into", str(into), "--version", version, "--keep", "20")
    nine = Kept(_usage(into), _contents(into))
    client("gc", "--into", str(into), "--keep", "3")
    return nine, Kept(_usage(into), _contents(into))


def _contents(folder: Path) -> float:
    """The MB of all different contents of the files in layers."""
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    for path in folder.glob("apps/*/*/layers/**/*"):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_ino not in seen:
            seen.add(status.st_ino)
            sizes[sha256_of(path)[0]] = status.st_size
    return sum(sizes.values()) / 1e6


def _usage(folder: Path) -> float:
    done = subprocess.run(
        ["/usr/bin/env", "du", "-sk", str(folder)], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(done.stdout.split()[0]) * 1024 / 1e6
