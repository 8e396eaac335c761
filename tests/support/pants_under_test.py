"""Which Pants the integration tests run: the launcher of this repository, or another.

`VENVSTACKS_RULES_PANTS` names any executable that takes the arguments of Pants: the one in a
virtual environment, or the official launcher (with `PANTS_VERSION` saying which version it starts).
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_OTHER = os.environ.get("VENVSTACKS_RULES_PANTS")
PANTS = Path(_OTHER).absolute() if _OTHER else REPOSITORY / "pants"
"""The executable."""


@functools.cache
def pants_version() -> str:
    """The version that it runs."""
    if _OTHER is None:
        found = re.search(r'pants_version = "(.+)"', (REPOSITORY / "pants.toml").read_text())
        assert found is not None
        return found[1]
    with tempfile.TemporaryDirectory() as folder:
        # A build root that asks for no version.
        Path(folder, "pants.toml").touch()
        asked = subprocess.run(
            [str(PANTS), "--no-pantsd", "--version"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return asked.stdout.split()[-1]


def pants_minor() -> tuple[int, int]:
    """The same without the patch release, to compare."""
    major, minor = pants_version().split(".")[:2]
    return int(major), int(minor)


@functools.cache
def pants_environment() -> Mapping[str, str]:
    """Variables without which it does not work in our build roots, made for the launcher."""
    if _OTHER is None:
        return {}
    return {
        "PANTS_VERSION": pants_version(),
        # A virtual environment with Pants is a way to run it that only old versions warn of.
        "NO_SCIE_WARNING": "1",
        # Old versions have a parser of their own beside the engine's, which needs pex.
        "PANTS_PYTHON_INFER_USE_RUST_PARSER": "true",
        # The launcher installs what the plugin needs beside Pants.
        "PANTS_PYTHONPATH": f"+['{_folder_with_tomli()}']",
    }


def _folder_with_tomli() -> Path:
    """A folder with `tomli` alone, as sources, which run on the Python of any Pants."""
    # Not at the top: the Python of another Pants has none.
    import tomli

    folder = Path(tempfile.mkdtemp(prefix="venvstacks-rules-tomli-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tomli").mkdir()
    for source in Path(tomli.__file__).parent.glob("*.py"):
        shutil.copyfile(source, folder / "tomli" / source.name)
    return folder
