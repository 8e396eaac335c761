"""``list``: which applications and generations there are, and what they take."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.client.commands.checking import (
    CHANGED,
    MISSING,
    Damage,
    damage_of_app,
    relative,
)
from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.layout import RECORD, opened_layout
from venvstacks_rules.model.errors import DeploymentError


@dataclass(frozen=True)
class ListedGeneration:
    """A generation, and what it takes."""

    number: int
    version: str
    current: bool
    in_use: bool
    size: int
    """Of its files, in bytes."""
    own_size: int
    """Of those that no other generation has: what its removal frees."""


@dataclass(frozen=True)
class ListedApp:
    """An application, and its generations, oldest first."""

    app: str
    repository: str
    channel: str | None
    """None: a folder of archives has none. ``?`` if nobody knows, as with the repository."""
    generations: tuple[ListedGeneration, ...]
    damage: tuple[Damage, ...] = ()
    """What says what is there, and cannot be read. Files of layers are not looked at."""

    @property
    def current(self) -> int:
        """The number of the generation that is started; 0 if there is none."""
        return next((one.number for one in self.generations if one.current), 0)


def listed(folder: Path) -> tuple[ListedApp, ...]:
    """All applications, with all their generations. Raises DeploymentError.

    What other processes remove meanwhile is not in it.
    """
    layout = opened_layout(folder)
    # One look before files are counted: another process may install and remove meanwhile.
    looked = [_Look(Generations(layout, name)) for name in layout.app_names()]
    sizes = _Sizes(looked)
    found = []
    for look in looked:
        generations, damage, name = look.generations, look.damage, look.generations.app
        if not generations.folder.is_dir():
            continue
        repository = "?"
        channel: str | None = "?"
        with suppress(DeploymentError):
            settings = generations.settings()
            repository = settings.repository
            channel = settings.channel if settings.archives is None else None
        shown = []
        for number in look.numbers:
            version = "?"
            path = generations.place(number) / RECORD
            try:
                version = generations.read(number).version
            except DeploymentError:
                if not generations.place(number).is_dir():
                    continue
                damage.append(Damage(CHANGED if path.exists() else MISSING, relative(layout, path)))
            except OSError:
                damage.append(Damage(CHANGED, relative(layout, path)))
            shown.append(
                ListedGeneration(
                    number,
                    version,
                    number == look.current,
                    _is_in_use(generations, number),
                    sizes.total(name, number),
                    sizes.own(name, number),
                )
            )
        found.append(ListedApp(name, repository, channel, tuple(shown), tuple(damage)))
    return tuple(found)


class _Look:
    """What there is of an application."""

    def __init__(self, generations: Generations) -> None:
        self.generations = generations
        self.damage = damage_of_app(generations)
        self.current = generations.likely
        # After it, so that they have it.
        self.numbers = generations.numbers


class _Sizes:
    """What generations take on the disk; a file with several names counts once."""

    def __init__(self, looked: Sequence[_Look]) -> None:
        self._files: dict[tuple[str, int], dict[tuple[int, int], int]] = {}
        self._names: dict[tuple[int, int], int] = {}
        for look in looked:
            for number in look.numbers:
                files = _inodes(str(look.generations.place(number)))
                self._files[look.generations.app, number] = files
                for inode in files:
                    self._names[inode] = self._names.get(inode, 0) + 1

    def total(self, app: str, number: int) -> int:
        return sum(self._files[app, number].values())

    def own(self, app: str, number: int) -> int:
        files = self._files[app, number]
        return sum(size for inode, size in files.items() if self._names[inode] == 1)


def _is_in_use(generations: Generations, number: int) -> bool:
    try:
        return generations.in_use(number)
    except OSError:
        # Nobody may enter its folder.
        return False


def _inodes(folder: str) -> dict[tuple[int, int], int]:
    """The sizes of files, by device and number."""
    found = {}
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                status = os.lstat(f"{here}/{name}")
                found[status.st_dev, status.st_ino] = status.st_size
    return found
