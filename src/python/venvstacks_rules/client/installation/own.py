"""The generation that the client itself runs from, if it is an installed application."""

from __future__ import annotations

import os
from pathlib import Path

from venvstacks_rules.client.installation.generations import LAYERS, LOCK
from venvstacks_rules.local.files.locks import Lock


def held_generation(module: str) -> Lock | None:
    """Keep the generation that has the file `module` while this process runs; None without one.

    `run` does so for what it starts. But a client is also started by its own command, to update
    itself as well: without its generation it could import nothing more.
    """
    folder, name = os.path.split(os.path.dirname(os.path.abspath(module)))
    while name:
        if name == LAYERS:
            try:
                lock = Lock(Path(folder) / LOCK, create=False)
            except OSError:
                return None
            lock.share()
            return lock
        folder, name = os.path.split(folder)
    return None
