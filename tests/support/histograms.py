"""The library with which Pants prints histograms of its counters."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from uv import find_uv_bin


def with_histograms(folder: Path) -> dict[str, str]:
    """Variables with which `[stats].log` has histograms; `folder` gets the library for them."""
    if "VENVSTACKS_RULES_PANTS" in os.environ:
        return {"PANTS_PLUGINS": "['hdrhistogram']"}
    # Resolving a plugin takes Pants 12 s in each new folder of caches.
    install = [find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--target", str(folder)]
    install += ["--only-binary", ":all:", "--python-version", "3.9", "hdrhistogram"]
    subprocess.run(install, check=True)
    return {"PANTS_PYTHONPATH": f"+['{folder}']"}
