from __future__ import annotations

import os
import time
from pathlib import Path

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.layout import changing, made_layout


def test_what_killed_installers_left_is_removed_after_a_day(tmp_path: Path) -> None:
    layout = made_layout(tmp_path / "into", Disk())
    old, new = (layout.folder / f".installing-{number}" for number in (1, 2))
    for folder in (old, new):
        (folder / "new").mkdir(parents=True)
        (folder / "new/file").write_text("")
    yesterday = time.time() - 25 * 60 * 60
    os.utime(old, (yesterday, yesterday))
    with changing(layout, Disk()):
        assert (old.exists(), new.exists()) == (False, True)
