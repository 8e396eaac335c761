from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.client_repository import APP, FRAMEWORK, ClientRepository
from venvstacks_rules.client.commands import bundled
from venvstacks_rules.client.commands.updating import install
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching.known import KnownLayer
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.layout import opened_layout


class Unpacked:
    """A layer of a generation that is unpacked beside the client as well."""

    def __init__(self, repository: ClientRepository, folder: Path) -> None:
        repository.publish("1.0")
        install(folder, repository.request())
        self.layout = opened_layout(folder)
        generations, documents = Generations(self.layout, APP), Documents(self.layout, Disk())
        self.layers = generations.layers(1)
        (layer,) = (one for one in generations.read(1).layers if one.install_target == FRAMEWORK)
        index = documents.index(layer.index)
        self.folder = self.layout.folder / "client" / FRAMEWORK
        shutil.copytree(self.layers / FRAMEWORK, self.folder, symlinks=True)
        self.known = KnownLayer(str(self.folder), index, documents.files(index), {})
        self.paths = [path for path, file in self.known.files.items() if file.link_target is None]

    def share(self) -> list[bool]:
        """Which files of the client are others than before."""
        before = [(self.folder / path).stat().st_ino for path in self.paths]
        bundled._share([self.known], self.layers, self.layout, Disk())
        assert not list(self.folder.rglob("*.shared"))
        after = [(self.folder / path).stat().st_ino for path in self.paths]
        return [one != other for one, other in zip(before, after)]


@pytest.fixture
def unpacked(repository: ClientRepository, tmp_path: Path) -> Unpacked:
    return Unpacked(repository, tmp_path / "apps")


def test_the_client_shares_the_files_of_a_generation(unpacked: Unpacked) -> None:
    assert set(unpacked.share()) == {True}


def test_a_copy_replaces_nothing(unpacked: Unpacked, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr(Disk, "_clone", lambda *_, executable: False)
    assert set(unpacked.share()) == {False}


def test_what_may_run_is_not_replaced_on_windows(
    unpacked: Unpacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, "os", SimpleNamespace(name="nt", path=os.path))
    assert set(unpacked.share()) == {False}
