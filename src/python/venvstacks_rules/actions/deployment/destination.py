"""The folder that layers are deployed or exported to, while one process changes it.

In the folder:

    <install_target>/       a layer
    .venvstacks/lock        held by the process that changes the layers
    .venvstacks/staging/    what it works on
    .venvstacks/old/        what it replaces, if the file system cannot exchange folders

The process can be killed at any moment: each layer is then as it was or as it will be.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from venvstacks_rules.actions.deployment import swap
from venvstacks_rules.actions.deployment.durable import flush, flush_names
from venvstacks_rules.actions.deployment.folders import os_errors, remove, staging_folder
from venvstacks_rules.local.files.locks import locked
from venvstacks_rules.model.values import dataclass

_STATE, _STAGING, _OLD = ".venvstacks", "staging", "old"


@dataclass(frozen=True)
class Destination:
    """A folder of layers, locked by this process."""

    folder: Path
    """The real path: it is written to files, and must not depend on the links that lead to it."""

    def staging(self) -> AbstractContextManager[Path]:
        """A new folder on the same file system; it is removed when the block ends."""
        return staging_folder(self.folder / _STATE / _STAGING)

    def take(self, staged: Iterable[Path]) -> None:
        """Move each staged layer to its place, where it replaces the one of the same name.

        After a loss of power, each layer is as it was or as it will be, too.
        """
        flush(self.folder / _STATE / _STAGING)
        for layer in staged:
            swap.take_place(layer, self.folder / layer.name, self.folder / _STATE / _OLD)
        flush_names(self.folder)


@contextmanager
def destination(path: str, summary: str) -> Iterator[Destination]:
    """The folder `path`, created if it is missing, locked for this process.

    What a killed process left is cleared up first. Raises a DeploymentError with `summary` for
    an OSError.
    """
    folder = Path(os.path.realpath(path))
    state = folder / _STATE
    with os_errors(summary):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(state / "lock"):
            swap.put_back(state / _OLD, folder)
            remove(state / _STAGING)
            try:
                yield Destination(folder)
            finally:
                swap.put_back(state / _OLD, folder)
