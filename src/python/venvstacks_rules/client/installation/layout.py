"""Where things lie in an installation. See docs/reference/client.md, "Layout".

<folder>/venvstacks-deploy.json       the version of the layout
<folder>/lock                         held by whoever changes the installation
<folder>/apps/<app>/settings.json     where the application comes from
<folder>/apps/<app>/root.json         the root that is believed; not if nothing is signed
<folder>/apps/<app>/seen.json         the newest record that was seen
<folder>/apps/<app>/archives.json     what was learnt of archives, if they come as such
<folder>/apps/<app>/current.json      which generation is started
<folder>/apps/<app>/<number>/         a generation: generation.json, lock, layers/
<folder>/documents/<sha256>           manifests, indexes and lists of files
<folder>/downloads/                   segments on their way
<folder>/staging/                     what is not complete yet, or no longer
<folder>/client/                      the client that came with an installer
<folder>/.installing-<process>/       what an installer unpacks, to start that client
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.client.disk.operations import Disk, resolved
from venvstacks_rules.local.files.locks import Lock
from venvstacks_rules.model.errors import DeploymentError, RepositoryError
from venvstacks_rules.model.json_codec import parsed_json, published_json

LAYOUT_VERSION = 1
MARKER = "venvstacks-deploy.json"
CLIENT, DOCUMENTS = "client", "documents"
CURRENT, SETTINGS = "current.json", "settings.json"
"""In the folder of an application."""
RECORD = "generation.json"
"""In the folder of a generation."""
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""The numbers of the errors for what may not be written."""
INSTALLING = ".installing-"
"""The beginning of the names of folders for installers that run."""
_A_DAY = 24 * 60 * 60
"""No installer runs that long, in seconds."""
_MOMENTS = 10 * 60
"""In seconds: an installer of another machine, or in a container, has a process that we do not see.
"""


class NotInstalledError(DeploymentError):
    """There is no such installation or application."""


class DamagedInstallationError(DeploymentError):
    """Something of the installation is missing, or is not as it was written."""


class MisusedError(DeploymentError):
    """A command cannot be done as it was written."""


class UnnamedError(NotInstalledError):
    """Several applications are installed, and none is named."""


class WrongOptionError(RepositoryError):
    """An option names what the repository does not have, or what cannot be used."""


class NoRoomError(DeploymentError):
    """The disk has no room for what is to be installed."""


@dataclass(frozen=True)
class Layout:
    """The folder of an installation, by its real path."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by whoever changes the installation."""
        return self.folder / "lock"

    @property
    def apps(self) -> Path:
        """The folder of the applications."""
        return self.folder / "apps"

    @property
    def documents(self) -> Path:
        """Manifests, indexes and lists of files, by hash."""
        return self.folder / DOCUMENTS

    @property
    def downloads(self) -> Path:
        """Segments on their way."""
        return self.folder / "downloads"

    @property
    def staging(self) -> Path:
        """What is not complete yet, or no longer."""
        return self.folder / "staging"

    def app(self, name: str) -> Path:
        """The folder of an application."""
        return self.apps / name

    def app_names(self) -> tuple[str, ...]:
        """The applications that are installed, sorted; also those that lost one of their files."""
        if not self.apps.is_dir():
            return ()
        found = (entry.name for entry in self.apps.iterdir())
        return tuple(sorted(name for name in found if self._is_installed(self.app(name))))

    @staticmethod
    def _is_installed(folder: Path) -> bool:
        if (folder / CURRENT).is_file():
            return True
        # A first install that was killed has no settings, or no generation. In the moment before
        # its end it has both, and only does not start: that is damage, which a repair mends.
        return (folder / SETTINGS).is_file() and any(
            entry.name.isascii() and entry.name.isdigit() for entry in folder.iterdir()
        )


def named_layout(folder: Path) -> Layout:
    """The installation in `folder`, whether there is one or not."""
    return Layout(resolved(folder))


def opened_layout(folder: Path) -> Layout:
    """The installation in `folder`; NotInstalledError if there is none."""
    layout = named_layout(folder)
    path = layout.folder / MARKER
    try:
        data = parsed_json(path.read_bytes())
    except NotADirectoryError:
        raise NotInstalledError(
            f"`{folder}` is no installation.", [f"`{_file_at(layout.folder)}` is a file"]
        ) from None
    except FileNotFoundError:
        if layout.app_names():
            raise _without_marker(folder, "is missing") from None
        raise NotInstalledError(
            f"`{folder}` is no installation.",
            [f"it has no `{MARKER}`; `venvstacks-deploy install --into {folder}` makes one"],
        ) from None
    except ValueError as e:
        raise _without_marker(folder, f"is not JSON: {e}") from None
    version = data.get("layout_version") if isinstance(data, dict) else None
    if version != LAYOUT_VERSION:
        raise DeploymentError(
            f"`{folder}` cannot be used.",
            [
                f"its layout has the version {version!a}, not {LAYOUT_VERSION}; use the release of "
                "venvstacks-deploy that made it, or a newer one"
            ],
        )
    return layout


def _file_at(folder: Path) -> Path | None:
    """What is no folder in the place of a folder or of one above it."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            return None
        if os.path.lexists(path):
            return path
    return None


def _without_marker(folder: Path, problem: str) -> DamagedInstallationError:
    return DamagedInstallationError(
        f"`{folder}` cannot be used.",
        [
            f"`{MARKER}` {problem}",
            f"write {json.dumps({'layout_version': LAYOUT_VERSION})} into it",
        ],
    )


def made_layout(folder: Path, disk: Disk) -> Layout:
    """The installation in `folder`, a new one if the folder is missing or empty.

    DeploymentError if something else is there.
    """
    layout = named_layout(folder)
    file = _file_at(layout.folder)
    if file is not None:
        raise MisusedError(
            f"`{folder}` cannot become an installation.", [f"`{file}` is a file; name a folder"]
        )
    marker = layout.folder / MARKER
    if not marker.exists():
        ours = {"lock", f"{MARKER}.new", CLIENT}
        others = (
            sorted(
                entry.name
                for entry in layout.folder.iterdir()
                if entry.name not in ours and not entry.name.startswith(INSTALLING)
            )
            if layout.folder.is_dir()
            else []
        )
        if others:
            raise DeploymentError(
                f"`{folder}` cannot become an installation.",
                [f"it has other files, such as `{others[0]}`; name a new or an empty folder"],
            )
        disk.keep_folder(str(layout.folder))
        text = published_json({"layout_version": LAYOUT_VERSION})
        disk.replace(str(marker), text.encode("utf-8"))
    return opened_layout(folder)


@contextmanager
def changing(layout: Layout, disk: Disk, wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Be the only process that changes the installation.

    What processes left that did not come to an end is removed first. `wait` is called if another
    process has to be waited for.
    """
    with Lock(layout.lock) as lock:
        if not lock.try_take():
            if wait is not None:
                wait()
            lock.take()
        if not lock.is_in_place():
            raise NotInstalledError(f"`{layout.folder}` is no installation any more.", [])
        for entry in sorted(layout.staging.iterdir()) if layout.staging.is_dir() else []:
            # A program may still have a file of it open.
            disk.try_to_remove(str(entry))
        for entry in abandoned(layout.folder, _MOMENTS):
            disk.try_to_remove(str(entry))
        yield


@contextmanager
def looking(layout: Layout, disk: Disk, wait: Callable[[], None] | None = None) -> Iterator[bool]:
    """The same for what need not change anything: whether it may.

    Who may not write cannot lock either, and waits for nobody: another process, such as one of
    root, may change the installation meanwhile.
    """
    with ExitStack() as held:
        try:
            held.enter_context(changing(layout, disk, wait))
        except OSError as e:
            if e.errno not in READ_ONLY:
                raise
            may_write = False
        else:
            may_write = True
        yield may_write


def abandoned(folder: Path, seconds: float) -> list[Path]:
    """What installers unpacked so many seconds ago that were killed, and could not remove it."""
    found = []
    for entry in sorted(folder.glob(f"{INSTALLING}*")):
        least = seconds if _is_gone(entry.name[len(INSTALLING) :]) else _A_DAY
        # Another installer may be at its end.
        with suppress(FileNotFoundError):
            if entry.lstat().st_mtime <= time.time() - least:
                found.append(entry)
    return found


def _is_gone(process: str) -> bool:
    """Whether there is no such process on this machine, as far as anybody can tell."""
    if os.name == "nt" or not process.isascii() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
