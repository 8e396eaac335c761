from __future__ import annotations

import os
from pathlib import Path

import pytest

from venvstacks_rules.actions.deployment import swap


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    for name in ("staging", "layers"):
        (tmp_path / name).mkdir()
    return folder(tmp_path / "staging/a", "new")


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


def test_a_folder_with_content_is_not_moved_over(tmp_path: Path, staged: Path) -> None:
    place = folder(tmp_path / "layers/a", "old")
    assert not swap.move(staged, place)
    assert (place / "file").read_text() == "old"
    assert swap.move(staged, tmp_path / "layers/b")
    assert (tmp_path / "layers/b/file").read_text() == "new"
    with pytest.raises(FileNotFoundError):
        swap.move(staged, place)


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_takes_the_place_of_another(
    tmp_path: Path, staged: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(swap, "exchange", lambda one, other: False)
    place = folder(tmp_path / "layers/a", "old")
    swap.take_place(staged, place, tmp_path / "old")
    assert (place / "file").read_text() == "new"
    swap.put_back(tmp_path / "old", tmp_path / "layers")
    assert (place / "file").read_text() == "new"
    assert not (tmp_path / "old").exists()


def test_what_nothing_has_replaced_is_put_back(
    tmp_path: Path, staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "exchange", lambda one, other: False)
    place = folder(tmp_path / "layers/a", "old")
    rename = os.rename

    def killed(source: Path, target: Path) -> None:
        if source == staged:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        swap.take_place(staged, place, tmp_path / "old")
    assert not place.exists()
    swap.put_back(tmp_path / "old", tmp_path / "layers")
    assert (place / "file").read_text() == "old"
