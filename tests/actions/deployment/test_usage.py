from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from venvstacks_rules.actions.deployment.usage import mark_used, prune
from venvstacks_rules.local.files.locks import Lock

DAYS = 24 * 3600


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """Folders whose marks are of several ages."""
    for name, days in {"old": 31, "older": 99, "new": 29, "kept": 31}.items():
        mark = tmp_path / "cache" / name / "mark"
        mark.parent.mkdir(parents=True)
        mark.touch()
        os.utime(mark, (time.time() - days * DAYS,) * 2)
    (tmp_path / "cache/unmarked").mkdir()
    (tmp_path / "away").mkdir()
    return tmp_path / "cache"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folders_with_an_old_mark_or_without_one_are_moved_away(parent: Path) -> None:
    mark_used(parent / "older/mark")
    away = parent.parent / "away"
    prune(parent, "mark", away, keep={"kept"})
    assert names(parent) == ["kept", "new", "older"]
    assert names(away) == ["old", "unmarked"]
    assert names(away / "old") == ["mark"]


def test_a_folder_stays_while_a_process_holds_a_lock_on_its_mark(parent: Path) -> None:
    away = parent.parent / "away"
    with Lock(parent / "old/mark", create=False) as lock:
        lock.share()
        prune(parent, "mark", away, locks=True)
        assert lock.is_in_place()
    assert names(parent) == ["new", "old"]
    assert names(away) == ["kept", "older", "unmarked"]
    with Lock(parent / "old/mark", create=False) as lock:
        prune(parent, "mark", away, locks=True)
        lock.share()
        assert not lock.is_in_place()


def test_a_folder_can_be_its_own_mark(parent: Path) -> None:
    for name in ("old", "new"):
        os.utime(parent / name, (1, 1))
    prune(parent, ".", parent.parent / "away")
    assert names(parent.parent / "away") == ["new", "old"]


def test_a_cache_that_is_not_there_yet(tmp_path: Path) -> None:
    prune(tmp_path / "none", "mark", tmp_path)
