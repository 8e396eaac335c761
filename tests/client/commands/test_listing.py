from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from tests.support.client_repository import APP, ClientRepository
from venvstacks_rules.client.commands import listing
from venvstacks_rules.client.commands.listing import listed
from venvstacks_rules.client.commands.tidying import gc, uninstall
from venvstacks_rules.client.commands.updating import install, update


def test_a_list_is_of_one_moment(
    repository: ClientRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process installs and removes while the files are counted."""
    folder = tmp_path / "apps"
    install(folder, repository.request())
    repository.publish("1.1", apps=(APP, "app-other"))
    update(folder)
    counted = listing._inodes
    steps: list[Callable[[], object]] = [
        lambda: install(folder, repository.request("app-other")),
        lambda: gc(folder, keep=1),
        lambda: uninstall(folder, APP),
    ]

    def counted_meanwhile(place: str) -> dict[tuple[int, int], int]:
        found = counted(place)
        if steps:
            steps.pop(0)()
        return found

    monkeypatch.setattr(listing, "_inodes", counted_meanwhile)
    # While the first of two is counted, another application comes; then the first goes.
    (app,) = listed(folder)
    assert (app.app, app.damage) == (APP, ())
    assert [(one.number, one.version, one.current) for one in app.generations] == [(2, "1.1", True)]
    assert [one.app for one in listed(folder)] == ["app-other"]
    assert steps == []
    (left,) = listed(folder)
    assert (left.app, left.damage) == ("app-other", ())


def test_a_generation_that_nobody_may_read_is_damaged(
    repository: ClientRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    install(folder, repository.request())
    record = folder / "apps" / APP / "1/generation.json"
    record.unlink()
    # A folder in its place is an error of the system for whoever reads it.
    record.mkdir()
    (app,) = listed(folder)
    assert [(one.kind, one.path) for one in app.damage] == [
        ("changed", f"apps/{APP}/1/generation.json")
    ]
    assert [one.version for one in app.generations] == ["?"]
