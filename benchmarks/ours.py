"""This tool: Pants in a build root of its own, with its daemon running."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Timing, stop_daemons, timed

_PANTS_TOML = """\
[GLOBAL]
pants_version = "2.17.1"
pythonpath = ["{root}/src/python"]
backend_packages = ["pants.backend.python", "venvstacks_rules"]
local_store_dir = "{store}"
named_caches_dir = "{caches}"

[anonymous-telemetry]
enabled = false

[python]
interpreter_constraints = ["CPython>=3.9,<3.15"]

[python-infer]
use_rust_parser = true

[venvstacks]
python_provider = "archive"
"""


class Ours:
    """Our commands on one stack."""

    def __init__(self, root: Path, folder: Path, stack: Path) -> None:
        self._root = root
        self._folder = folder
        self.stack = stack
        self._store = folder / "store"
        self._caches = folder / "caches"
        self._set_up_store = folder / "store-with-the-tool-only"

    def set_up(self, *others: str) -> None:
        """Make the tool's environment, lock the stack, and remember a store without wheels.

        `others` are the addresses of more layers than those of the example.
        """
        (self.stack / "pants.toml").write_text(
            _PANTS_TOML.format(root=self._root, store=self._store, caches=self._caches)
        )
        resolves = [*self._resolves(), *(f"--resolve={address}" for address in others)]
        self.pants("generate-lockfiles", *resolves)
        self.stop()
        shutil.copytree(self._store, self._set_up_store, symlinks=True)

    def relock(self) -> Timing:
        """Lock all layers."""
        return self.pants("generate-lockfiles", *self._resolves())

    def _resolves(self) -> list[str]:
        names = ("cpython", "sklearn", "http", "classify", "report")
        return [f"--resolve=//:{name}" for name in names]

    def lock(self) -> Timing:
        """Lock what the change to the scikit-learn framework reaches."""
        return self.pants("generate-lockfiles", "--resolve=//:sklearn")

    def forget_builds(self) -> None:
        """Drop all wheels, segments and layers; the tool stays, and a new daemon runs."""
        self.stop()
        shutil.rmtree(self._store)
        shutil.copytree(self._set_up_store, self._store, symlinks=True)
        shutil.rmtree(self.stack / "dist", ignore_errors=True)
        self.start()

    def start(self) -> None:
        """Start the daemon, and have it look for interpreters, as it does once after a start."""
        self.pants("list", "::")

    def pants(self, *arguments: str, env: Mapping[str, str] | None = None) -> Timing:
        """One run of Pants."""
        return timed([str(self._root / "pants"), *arguments], cwd=self.stack, env=env)

    def package(self, archive_format: str = "tar.zst", level: int | None = None) -> Timing:
        """Package all layers."""
        options = [f"--venvstacks-archive-format={archive_format}"]
        if level is not None:
            options.append(f"--venvstacks-compression-level={level}")
        return self.pants(*options, "package", "::")

    def stop(self) -> None:
        """Stop the daemon."""
        stop_daemons(self.stack)
        shutil.rmtree(self.stack / ".pids", ignore_errors=True)

    def archives(self) -> list[Path]:
        """The archives, lower layers first."""
        found = (self.stack / "dist").rglob("*.tar.*")
        kinds = ("framework-", "app-")

        def rank(path: Path) -> tuple[int, str]:
            starts = [path.name.startswith(kind) for kind in kinds]
            return (1 + starts.index(True) if any(starts) else 0), path.name

        return sorted(found, key=rank)

    def deploy(self, destination: Path) -> float:
        """Deploy all archives with the action; seconds."""
        shutil.rmtree(destination, ignore_errors=True)
        request = self._folder / "deploy.json"
        archives = []
        for archive in self.archives():
            metadata = json.loads(
                archive.with_name(f"{archive.name.split('.tar.')[0]}.json").read_text()
            )
            archives.append(
                {
                    "archive": str(archive),
                    "install_target": metadata["install_target"],
                    "sha256": metadata["archive_hashes"]["sha256"],
                    "size": metadata["archive_size"],
                }
            )
        request.write_text(json.dumps({"archives": archives, "destination": str(destination)}))
        module = ["-m", "venvstacks_rules.actions", "deploy-layers"]
        command = [sys.executable, *module, "--request", str(request)]
        return timed(command, cwd=self._folder).seconds
