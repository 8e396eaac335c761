"""A client that is an installed application keeps the generation that it runs from."""

from __future__ import annotations

from pathlib import Path

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.generations import LOCK, Generations
from venvstacks_rules.client.installation.layout import Layout
from venvstacks_rules.client.installation.own import held_generation

MODULE = "layers/app-deploy/lib/python3.11/site-packages/venvstacks_rules/client/cli.py"


def test_its_generation_is_in_use_and_stays(tmp_path: Path) -> None:
    generations = Generations(Layout(tmp_path), "app-deploy")
    place = generations.place(3)
    place.mkdir(parents=True)
    (place / LOCK).touch()
    assert not generations.in_use(3)
    held = held_generation(str(place / MODULE))
    assert held is not None
    with held:
        assert generations.in_use(3)
        assert not generations.remove(3, Disk())
    assert not generations.in_use(3)
    assert generations.remove(3, Disk())


def test_layers_outside_of_an_installation_have_nothing_to_keep(tmp_path: Path) -> None:
    assert held_generation(str(tmp_path / MODULE)) is None
    assert held_generation("/cli.py") is None
    assert held_generation(str(tmp_path / "site-packages/venvstacks_rules/client/cli.py")) is None
