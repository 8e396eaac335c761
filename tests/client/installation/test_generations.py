from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from venvstacks_rules.client.commands.checking import CHANGED, damage_of
from venvstacks_rules.client.commands.tidying import uninstall
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.client.installation.generations import LAYERS, LOCK, Generations
from venvstacks_rules.client.installation.layout import RECORD, made_layout
from venvstacks_rules.client.installation.records import Generation, InstalledLayer
from venvstacks_rules.local.files.locks import Lock
from venvstacks_rules.model.errors import DeploymentError


class Recorded(Disk):
    """Writes down what it does, and whether somebody could start generation 1 meanwhile."""

    def __init__(self, lock: Path) -> None:
        super().__init__()
        self._lock = lock
        self.done: list[str] = []
        self.free: list[bool] = []

    def step(self, what: str, path: str) -> None:
        self.done.append(what)
        if what == "rename" and self._lock.exists():
            with Lock(self._lock, create=False) as lock:
                self.free.append(lock.try_take())


@pytest.fixture
def generations(tmp_path: Path) -> Generations:
    """Of an application `app` with generation 1."""
    made = Generations(made_layout(tmp_path / "apps", Disk()), "app")
    (made.place(1) / LAYERS).mkdir(parents=True)
    (made.place(1) / LOCK).touch()
    made.switch(1, Disk())
    return made


def test_a_generation_is_gone_for_good_before_its_files_are(generations: Generations) -> None:
    disk = Recorded(generations.place(1) / LOCK)
    assert generations.remove(1, disk)
    assert [what for what in disk.done if what in ("rename", "fsync", "unlink")] == [
        *("rename", "fsync", "unlink")
    ]
    assert disk.free == [False]


def test_nothing_starts_while_an_application_is_removed(generations: Generations) -> None:
    disk = Recorded(generations.place(1) / LOCK)
    uninstall(generations.layout.folder, disk=disk)
    assert disk.free == [False]
    assert not generations.layout.folder.exists()


def test_what_runs_is_not_removed(generations: Generations) -> None:
    with ExitStack() as held:
        assert generations.taken(1, held)
        assert generations.in_use(1)
        with pytest.raises(DeploymentError) as caught:
            uninstall(generations.layout.folder)
    assert caught.value.summary == "`app` was not removed."
    assert caught.value.problems == ("it runs, from generation 1; end it first",)
    assert not generations.in_use(1)
    assert generations.current == 1


def test_lists_that_cannot_be_read_are_damage(generations: Generations) -> None:
    """As those of another release: nobody can look at the files."""
    documents = Documents(generations.layout, Disk())
    index = documents.add(b'{"format_version": 99}')
    generation = Generation(
        *("app", "app", "1", "linux_x86_64", index),
        (InstalledLayer("app", "app", index),),
        "",
    )
    (generations.place(1) / LAYERS / "app").mkdir()
    (generations.place(1) / RECORD).write_text(generation.to_json())
    (damage,) = damage_of(generations, 1, documents)
    assert (damage.kind, damage.path) == (CHANGED, f"documents/{index.sha256}")


def test_what_is_read_stays(generations: Generations) -> None:
    with generations.kept(1) as there:
        assert there
        assert not generations.remove(1, Disk())
    assert generations.remove(1, Disk())
    with generations.kept(1) as there:
        assert not there


def test_a_generation_without_a_lock_is_read_all_the_same(generations: Generations) -> None:
    (generations.place(1) / LOCK).unlink()
    with generations.kept(1) as there:
        assert there
