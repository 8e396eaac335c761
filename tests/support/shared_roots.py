"""Build roots that one test file after the other uses, with the daemon of the first."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.build_root import BuildRoot

_STAYS = (".gitignore", ".pants.d", ".pids", "pants.toml")
"""What is Pants' own, or does not change."""

_MOST_MEMORY = 1_000_000
"""Of a daemon that is handed on, in kB. Most of it is held for what is not asked for again."""

_idle: dict[str, list[BuildRoot]] = {}


@contextlib.contextmanager
def shared_root(*, config: str = "") -> Iterator[BuildRoot]:
    """An empty build root whose daemon may run already: a daemon takes 14 s of processor time.

    For tests that leave `pants.toml` and the environment as they are, and that do not count what
    Pants does for the first time. The others take a `build_root`.
    """
    roots = _idle.setdefault(config, [])
    root = roots.pop() if roots else _made(config)
    settings = root.read("pants.toml")
    try:
        yield root
    finally:
        assert root.read("pants.toml") == settings, "use `build_root` to change pants.toml"
        if any(_memory(pid) > _MOST_MEMORY for pid in root.daemons()):
            root.stop()
        _clear(root.path)
        roots.append(root)


@atexit.register
def _stop() -> None:
    """Stop the daemons, and remove the folders."""
    for roots in _idle.values():
        for root in roots:
            root.stop()
            shutil.rmtree(root.path.parent, ignore_errors=True)
    _idle.clear()


def _made(config: str) -> BuildRoot:
    folder = Path(tempfile.mkdtemp(prefix="shared-root-"))
    return BuildRoot.create(folder / "root", config=config)


def _memory(pid: int) -> int:
    """What a process holds, in kB; 0 if it is gone."""
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name in _STAYS:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
