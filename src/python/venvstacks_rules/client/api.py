"""The client for programs that embed it: one class, for one installation.

Methods are the commands of ``venvstacks-deploy``; see docs/reference/client-api.md.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from venvstacks_rules.client.commands import (
    checking,
    listing,
    repairing,
    starting,
    tidying,
    updating,
)
from venvstacks_rules.client.commands.checking import Verified
from venvstacks_rules.client.commands.events import Report, silent
from venvstacks_rules.client.commands.listing import ListedApp
from venvstacks_rules.client.commands.tidying import Freed
from venvstacks_rules.client.commands.updating import KEPT, Change, Checked, InstallRequest


class Installation:
    """The installation in a folder, which need not be there yet.

    An application may be left out if there is only one. All methods raise VenvstacksError for what
    a user can mend, and OSError for what the disk refuses; what was installed is then as it was.
    Calls for one folder, from any thread or process, wait for each other.
    """

    def __init__(self, folder: Path | str, report: Report = silent) -> None:
        """`report` is called with events: the kind, and the values by name.

        It may be called from several threads, but never from two at once.
        """
        self.folder = Path(folder)
        self._report = report

    def install(
        self,
        repository: str,
        app: str,
        *,
        channel: str = "stable",
        name: str | None = None,
        platform: str | None = None,
        root: str | None = None,
        allow_unsigned: bool = False,
        allow_expired: bool = False,
        version: str | None = None,
        keep: int = KEPT,
        manifest: str | None = None,
    ) -> Change:
        """Install an application, or change where its updates come from.

        `root` is a file with a root, or its pin: ``sha256:...`` or ``ed25519:...``. `name` is that
        of the stack, if it is not that of the application. `manifest` pins a folder of archives:
        ``sha256:...``.
        """
        request = InstallRequest(
            repository,
            app,
            channel=channel,
            name=name,
            platform=platform,
            root=root,
            allow_unsigned=allow_unsigned,
            allow_expired=allow_expired,
            version=version,
            keep=keep,
            manifest=manifest,
        )
        return updating.install(self.folder, request, self._report)

    def check(
        self, app: str | None = None, *, version: str | None = None, allow_expired: bool = False
    ) -> Checked:
        """Ask what an update would install, and install nothing."""
        return updating.check(
            self.folder, app, self._report, version=version, allow_expired=allow_expired
        )

    def update(
        self,
        app: str | None = None,
        *,
        version: str | None = None,
        allow_expired: bool = False,
        keep: int = KEPT,
    ) -> Change:
        """Bring an application to what its channel points at, or to a version of its history."""
        return updating.update(
            self.folder,
            app,
            self._report,
            version=version,
            allow_expired=allow_expired,
            keep=keep,
        )

    def rollback(self, app: str | None = None, *, to: int | None = None) -> int:
        """Start the generation before, or `to`, from now on; return its number."""
        return tidying.rollback(self.folder, app, self._report, number=to)

    def verify(self, app: str | None = None, *, every: bool = False) -> tuple[Verified, ...]:
        """Name the files that are not as they were installed; `every` looks at all generations."""
        return checking.verify(self.folder, app, self._report, every=every)

    def repair(
        self,
        app: str | None = None,
        *,
        every: bool = False,
        remove_extra: bool = False,
        forget_seen: bool = False,
    ) -> tuple[Verified, ...]:
        """Have all files again as they were installed; what could not be repaired."""
        return repairing.repair(
            self.folder,
            app,
            self._report,
            every=every,
            remove_extra=remove_extra,
            forget_seen=forget_seen,
        )

    def gc(self, *, keep: int = 1) -> Freed:
        """Remove all but the last generations, and those that run."""
        return tidying.gc(self.folder, self._report, keep=keep)

    def applications(self) -> tuple[ListedApp, ...]:
        """What is installed, with all generations."""
        return listing.listed(self.folder)

    def uninstall(self, app: str | None = None) -> None:
        """Remove an application; with the last one, the folder."""
        tidying.uninstall(self.folder, app, self._report)

    def start(
        self,
        app: str | None = None,
        arguments: Sequence[str] = (),
        *,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start an application as a process of its own, whose generation stays while it runs."""
        started = starting.prepared(self.folder, app, arguments)
        with started.in_use as lock:
            if os.name == "nt":
                os.set_inheritable(lock.descriptor, True)
            try:
                return subprocess.Popen(
                    started.command,
                    env=dict(started.environment),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    close_fds=os.name != "nt",
                    pass_fds=() if os.name == "nt" else (lock.descriptor,),
                )
            except OSError as e:
                raise starting.not_executed(started, e) from None
