"""Keeps the names of the wheels of some packages, as inputs of questions to uv.

    make_vectors.py INDEX

INDEX is the URL of a simple index (PEP 503). Written is ``wheels.json``: for each package the
wheels of its newest version that is no pre-release.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from pathlib import Path

PACKAGES = (
    "bcrypt", "charset-normalizer", "cryptography", "grpcio", "lxml", "markupsafe", "numpy",
    "orjson", "pillow", "protobuf", "psutil", "pydantic-core", "pyyaml", "regex", "rich", "ruff",
    "scikit-learn", "tokenizers", "tornado", "uvloop",
)  # fmt: skip


def wheels(index: str, package: str) -> list[str]:
    """The names of the wheels of the newest version."""
    with urllib.request.urlopen(f"{index.rstrip('/')}/{package}/") as response:
        page = response.read().decode()
    links = re.findall(r"<a ([^>]*)>([^<]*)</a>", page)
    found: dict[str, list[str]] = {}
    for attributes, text in links:
        name = text.strip()
        if name.endswith(".whl") and "data-yanked" not in attributes:
            found.setdefault(name.split("-")[1], []).append(name)
    released = [version for version in found if re.fullmatch(r"\d+(\.\d+)*", version)]
    newest = max(released, key=lambda version: [int(part) for part in version.split(".")])
    return sorted(found[newest])


if __name__ == "__main__":
    result = {package: wheels(sys.argv[1], package) for package in PACKAGES}
    text = json.dumps(result, indent=1, sort_keys=True) + "\n"
    Path(__file__).with_name("wheels.json").write_text(text)
