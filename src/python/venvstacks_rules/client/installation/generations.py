"""The generations of an application: which there are, which is started, which are in use."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.layout import (
    CURRENT,
    RECORD,
    SETTINGS,
    DamagedInstallationError,
    Layout,
    NotInstalledError,
    UnnamedError,
)
from venvstacks_rules.client.installation.names import known_names
from venvstacks_rules.client.installation.records import (
    REMEDIES,
    Current,
    Generation,
    Settings,
)
from venvstacks_rules.local.files.locks import Lock
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.wording import quoted

LOCK, LAYERS = "lock", "layers"
"""In the folder of a generation."""


class Generations:
    """The generations of one application."""

    def __init__(self, layout: Layout, app: str) -> None:
        self.layout = layout
        self.app = app
        self.folder = layout.app(app)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Oldest first."""
        if not self.folder.is_dir():
            return ()
        found = (entry.name for entry in self.folder.iterdir())
        return tuple(sorted(int(n) for n in found if n.isascii() and n.isdigit()))

    @property
    def current(self) -> int:
        """The one that is started; NotInstalledError if there is none."""
        return self._recorded().generation

    @property
    def before(self) -> tuple[int, ...]:
        """Those that were started before the current one and are still there, the last one first.

        A rollback goes to the first of them, and those that it left are none of them.
        """
        return self._there(self._recorded())

    @property
    def ranked(self) -> tuple[int, ...]:
        """All that are there, in the order in which they are worth keeping.

        In the place of a current one that is gone, the one that a repair starts comes first.
        DeploymentError if nobody knows which is the current one.
        """
        current, numbers = self._recorded(), self.numbers
        found = [self.likely, *self._there(current), *reversed(numbers)]
        return tuple(n for n in dict.fromkeys(found) if n in numbers)

    @property
    def likely(self) -> int:
        """The current one, or the best one in its place if nobody knows it or it is gone.

        That is the one that was started last, or the newest one, and one that can be read, if any
        can; 0 if there is none.
        """
        with suppress(DeploymentError):
            current = self._recorded()
            if current.generation in self.numbers:
                return current.generation
            for number in self._there(current):
                if self._is_readable(number):
                    return number
        found = tuple(reversed(self.numbers))
        return next((n for n in found if self._is_readable(n)), found[0] if found else 0)

    def _is_readable(self, number: int) -> bool:
        try:
            self.read(number)
        except (DeploymentError, OSError):
            return False
        return True

    @property
    def next(self) -> int:
        """The number of a new one."""
        return max((0, *self.numbers)) + 1

    def place(self, number: int) -> Path:
        """The folder of a generation."""
        return self.folder / str(number)

    def layers(self, number: int) -> Path:
        """The folder that holds the layers of a generation."""
        return self.place(number) / LAYERS

    def read(self, number: int) -> Generation:
        """What a generation consists of.

        DamagedInstallationError if that cannot be read, DeploymentError if there is no such one.
        """
        path = self.place(number) / RECORD
        try:
            return Generation.from_json(path.read_bytes(), str(path))
        except FileNotFoundError:
            if self.place(number).is_dir():
                raise DamagedInstallationError(
                    f"Generation {number} of `{self.app}` is damaged.",
                    [f"`{path}` is missing", REMEDIES[RECORD]],
                ) from None
            raise DeploymentError(
                f"`{self.app}` has no generation {number}.",
                [f"`{path}` is missing; `venvstacks-deploy list` shows those that are there"],
            ) from None

    def usable(self) -> list[tuple[int, Generation]]:
        """Those that can be read: the current one first, then the newest."""
        found = []
        for number in reversed(self.numbers):
            with suppress(DeploymentError, OSError):
                found.append((number, self.read(number)))
        with suppress(DeploymentError):
            current = self.current
            found.sort(key=lambda one: one[0] != current)
        return found

    def settings(self) -> Settings:
        """Where the application comes from."""
        path = self.folder / SETTINGS
        try:
            return Settings.from_json(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise self._lost(SETTINGS) from None

    def switch(self, number: int, disk: Disk, *, back: bool = False) -> None:
        """From now on, this generation is started.

        `back` forgets what was started after it; otherwise the one that was started until now is
        the one to go back to.
        """
        try:
            current = self._recorded()
        except DeploymentError:
            # There was none, or nobody knows which.
            before: tuple[int, ...] = ()
        else:
            before = self._there(current)
            if back and number in before:
                before = before[before.index(number) + 1 :]
            elif number != current.generation:
                before = (current.generation, *before)
        kept = tuple(dict.fromkeys(n for n in before if n != number))
        text = Current(number, kept).to_json()
        disk.replace(str(self.folder / CURRENT), text.encode("ascii"))

    def in_use(self, number: int) -> bool:
        """Whether a process that was started by this client runs in a generation."""
        with ExitStack() as held:
            return not self.taken(number, held)

    @contextmanager
    def kept(self, number: int) -> Iterator[bool]:
        """Have a generation stay where it is meanwhile; False if it is gone already."""
        try:
            lock = Lock(self.place(number) / LOCK, create=False)
        except OSError:
            # Damaged, or on a disk of others.
            yield self.place(number).is_dir()
            return
        with lock:
            lock.share()
            yield lock.is_in_place()

    def taken(self, number: int, held: ExitStack) -> bool:
        """Whether no process runs in a generation; none can start in it before `held` ends."""
        try:
            lock = Lock(self.place(number) / LOCK, create=False)
        except FileNotFoundError:
            # Nobody can have started it.
            return True
        return held.enter_context(lock).try_take()

    def remove(self, number: int, disk: Disk) -> bool:
        """Remove a generation, unless a process runs in it; whether it is gone."""
        folder = self.place(number)
        away = self.layout.staging / f"{self.app}-{number}-{secrets.token_hex(4)}"
        disk.make_folders(str(self.layout.staging))
        with ExitStack() as held:
            if not self.taken(number, held):
                return False
            try:
                move_away(folder, away, held, disk)
            except PermissionError:
                if os.name != "nt":
                    raise
                return False
        # A crash must not leave a generation without some of its files.
        disk.sync_folder(str(self.folder))
        disk.try_to_remove(str(away))
        return True

    def _recorded(self) -> Current:
        path = self.folder / CURRENT
        try:
            return Current.from_json(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise self._lost(CURRENT) from None

    def _lost(self, name: str) -> DeploymentError:
        """The error for a file that is missing."""
        if self.app not in self.layout.app_names():
            return self._not_installed()
        return DamagedInstallationError(f"`{self.folder / name}` is missing.", [REMEDIES[name]])

    def _there(self, current: Current) -> tuple[int, ...]:
        """What was started before, where it is still there."""
        numbers = self.numbers
        if current.before is None:
            # As the releases of that time saw it.
            return tuple(n for n in reversed(numbers) if n < current.generation)
        return tuple(n for n in current.before if n in numbers and n != current.generation)

    def _not_installed(self) -> NotInstalledError:
        known = known_names(self.layout.app_names(), self.app, "applications")
        return NotInstalledError(
            f"`{self.app}` is not installed in `{self.layout.folder}`.",
            known or ["nothing is installed there"],
        )


def move_away(folder: Path, away: Path, held: ExitStack, disk: Disk) -> None:
    """Rename a folder with the lock files that `held` has open.

    Raises PermissionError on Windows if a process has one of its files open.
    """
    if os.name == "nt":
        # Where files that are open cannot be moved.
        held.close()
    disk.rename(str(folder), str(away))


def chosen_app(layout: Layout, app: str | None) -> str:
    """`app`, or the only one that is installed. NotInstalledError if it is not there."""
    names = layout.app_names()
    if app is None and len(names) == 1:
        return names[0]
    if app is None and names:
        raise UnnamedError("Several applications are installed; name one of them.", [quoted(names)])
    if app is None or app not in names:
        raise NotInstalledError(
            f"`{app}` is not installed in `{layout.folder}`."
            if app
            else f"Nothing is installed in `{layout.folder}`.",
            known_names(names, app or "", "applications"),
        )
    return app
