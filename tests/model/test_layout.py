from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from venvstacks_rules.model.layout import LayerLayout, short_version

LAYOUT = LayerLayout("3.11.13")
SITE = "lib/python3.11/site-packages"


@pytest.mark.parametrize("version", ["3.11", "3.11.13"])
def test_folders_need_the_minor_version_only(version: str) -> None:
    layout = LayerLayout(version)
    assert short_version(version) == "3.11"
    assert str(layout.site_packages) == SITE
    assert str(layout.stdlib) == "lib/python3.11"
    assert str(layout.python) == "bin/python"
    assert str(layout.headers("greenlet")) == "include/site/python3.11/greenlet"


@pytest.mark.parametrize(
    ("path", "dropped"),
    [
        ("bin/tool", True),
        ("bin/python", True),
        (".hidden", True),
        (".config/x", True),
        ("pyvenv.cfg", True),
        (f"{SITE}/sitecustomize.py", True),
        (f"{SITE}/x/__pycache__/y.pyc", True),
        (f"{SITE}/x/sitecustomize.py", False),
        (f"{SITE}/x/.hidden", False),
        (f"{SITE}/bin/tool", False),
        (f"{SITE}/pyvenv.cfg", False),
        (f"{SITE}/x/y.pyc", False),
        ("share/bin/x", False),
        ("binary/x", False),
    ],
)
def test_what_stays_out_of_archives(path: str, dropped: bool) -> None:
    assert LAYOUT.is_dropped(PurePosixPath(path)) is dropped
