"""Build roots that one test file after the other uses, with the daemon of the first."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.build_root import BuildRoot

_STAYS = (".gitignore", ".pants.d", ".pids", "pants.toml")
"""What is the daemon's own, or what it ends for when it changes."""

_MOST_MEMORY = 2_000_000
"""Of a daemon that is handed on, in kB. Most of it is held for what is not asked for again."""

_idle: list[Path] = []


@contextlib.contextmanager
def shared_root(
    *, config: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[BuildRoot]:
    """An empty build root whose daemon may run already: a daemon takes 14 s of processor time.

    Each user has settings and an environment of its own, without those for which Pants starts anew:
    most of `[GLOBAL]`, as the backends, the level of the log, and the folders of caches and
    outputs (`--pants-distdir`). `pants.toml` stays as it is; see `BuildRoot.configure`. Who needs
    other ones, or counts what Pants does for the first time, takes a `build_root`.
    """
    path = _idle.pop() if _idle else _made()
    settings = {"PANTS_CONFIG_FILES": str(path.with_name("settings.toml"))}
    root = BuildRoot(path, {**settings, **(environment or {})}, keeps_daemon=True)
    root.configure(config)
    text = root.read("pants.toml")
    try:
        yield root
    finally:
        assert root.read("pants.toml") == text, "the daemon ends when `pants.toml` changes"
        if any(_memory(pid) > _MOST_MEMORY for pid in root.daemons()):
            root.stop()
        _clear(path)
        _idle.append(path)


@atexit.register
def _stop() -> None:
    """Stop the daemons, and remove the folders."""
    for path in _idle:
        BuildRoot(path).stop()
        shutil.rmtree(path.parent, ignore_errors=True)
    _idle.clear()


def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="shared-root-"))
    root = BuildRoot.create(folder / "root")
    # The example of a monorepo needs it, and nobody minds.
    one, more = '"venvstacks_rules"]', '"pants.backend.shell", "venvstacks_rules"]'
    root.write("pants.toml", root.read("pants.toml").replace(one, more))
    return root.path


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
