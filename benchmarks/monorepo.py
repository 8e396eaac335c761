"""A generated monorepo of many small layers: what Pants with this plugin takes to see a change.

One runtime, frameworks of two kinds (shared ones with first-party code, and small ones on them,
each with a small package), and applications. Beside the applications are `pex_binary` targets of
the same files, for comparison.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import daemons, stop_daemons, timed

_PANTS_TOML = """\
[GLOBAL]
pants_version = "2.17.1"
pythonpath = ["{root}/src/python"]
backend_packages = ["pants.backend.python", "venvstacks_rules"]
local_store_dir = "{folder}/store"
named_caches_dir = "{folder}/caches"

[anonymous-telemetry]
enabled = false

[source]
root_patterns = ["/src"]

[python]
interpreter_constraints = ["CPython==3.9.*"]

[python-bootstrap]
search_path = ["<PYENV>", "<PATH>"]

[venvstacks]
python_provider = "local"
"""
_PACKAGES = ("idna", "certifi", "six", "packaging", "humanize", "colorama", "toolz")
_SHARED = 20


@dataclass(frozen=True)
class Size:
    """How many layers a monorepo has."""

    layers: int

    @property
    def applications(self) -> int:
        """A third of all."""
        return self.layers // 3

    @property
    def frameworks(self) -> int:
        """The others, without the runtime."""
        return self.layers - 1 - self.applications


class Monorepo:
    """A monorepo on the disk, in which Pants runs."""

    def __init__(self, root: Path, folder: Path, size: Size) -> None:
        self._root = root
        self._folder = folder
        self.place = folder / "repo"
        self.size = size
        self._edits = 0

    def write(self) -> None:
        """Write all files."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._file("pants.toml", _PANTS_TOML.format(root=self._root, folder=self._folder))
        self._file(".gitignore", "/.pants.d/\n/.pids/\n/dist/\n")
        for number in range(_SHARED):
            self._file(f"src/lib{number}/BUILD", "python_sources()\n")
            for module in range(5):
                self._file(f"src/lib{number}/m{module}.py", f"VALUE = {module}\n")
        build = ['venvstacks_runtime(name="py", python_implementation="cpython@3.9")']
        for number in range(self.size.frameworks):
            below = 'runtime=":py"' if number < _SHARED else f'frameworks=[":fw{number % _SHARED}"]'
            code = f'dependencies=["src/lib{number}"]' if number < _SHARED else ""
            build.append(
                f'venvstacks_framework(name="fw{number}", {below}, '
                f'requirements=["{_PACKAGES[number % len(_PACKAGES)]}"], {code})'
            )
        self._file("stacks/BUILD", "\n".join(build) + "\n")
        for number in range(self.size.applications):
            self._application(number)

    def _application(self, number: int) -> None:
        # On one of the small frameworks, and so on the shared one below it.
        small = _SHARED + number % max(1, self.size.frameworks - _SHARED)
        framework = min(small, self.size.frameworks - 1)
        library = framework % _SHARED
        folder = f"src/app{number}"
        self._file(
            f"{folder}/BUILD",
            "python_sources()\n"
            f'pex_binary(name="pex", entry_point="main.py")\n'
            f'venvstacks_application(name="tool{number}", frameworks=["stacks:fw{framework}"], '
            f'launch_module="app{number}.main")\n',
        )
        self._file(f"{folder}/helper.py", "HELP = 1\n")
        self._file(
            f"{folder}/main.py",
            f"import sys\n\nfrom lib{library} import m0, m1\n"
            f"from app{number}.helper import HELP\n\n"
            'if __name__ == "__main__":\n'
            "    print(m0.VALUE + m1.VALUE + HELP, sys.version_info[0])\n",
        )

    def _file(self, path: str, text: str) -> None:
        file = self.place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def release(self, url: str, version: str) -> None:
        """Write a release of all applications."""
        self._file(
            "release/BUILD",
            f"venvstacks_release(name='release', layers={_applications(self)}, "
            f"version='{version}', channel='stable', repositories=['{url}'])\n",
        )

    def edit(self, path: str) -> None:
        """Append a line to a file."""
        self._edits += 1
        with (self.place / path).open("a") as file:
            file.write(f"# Edit {self._edits}\n")

    def pants(self, *arguments: str) -> float:
        """Seconds of one run of Pants."""
        return timed([str(self._root / "pants"), *arguments], cwd=self.place).seconds

    def lock(self) -> float:
        """Seconds to lock all layers."""
        layers = [f"stacks:fw{number}" for number in range(self.size.frameworks)]
        layers += [f"src/app{n}:tool{n}" for n in range(self.size.applications)]
        return self.pants(
            "generate-lockfiles", *(f"--resolve={layer}" for layer in ("stacks:py", *layers))
        )

    def daemon_megabytes(self) -> float:
        """The peak of the daemon's memory."""
        for pid in daemons(self.place):
            status = Path(f"/proc/{pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            if found is not None:
                return int(found[1]) / 1000
        return 0.0

    def stop(self) -> None:
        """Stop the daemon."""
        stop_daemons(self.place)


Rows = dict[str, list[float]]
"""Seconds, or megabytes, by what was measured."""

APPLICATION = "src/app0:tool0"


def measure(root: Path, folder: Path, layers: int, runs: int) -> Rows:
    """The figures of a monorepo with so many layers."""
    repo = Monorepo(root, folder, Size(layers))
    repo.write()
    rows: Rows = {}

    def add(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)
        print(f"  {layers} layers, {name}: {value:.2f}", file=sys.stderr, flush=True)

    try:
        add("lock all layers", repo.lock())
        add("package ::, nothing built", repo.pants("package", "stacks::", *_applications(repo)))
        for _ in range(runs):
            everything = ("stacks::", *_applications(repo))
            add("package ::, nothing changed", repo.pants("package", *everything))
            repo.edit("src/lib0/m0.py")
            add("package ::, one library file edited", repo.pants("package", *everything))
            add("check ::", repo.pants("check", *everything))
            repo.edit("src/app0/main.py")
            add("check ::, one file edited", repo.pants("check", *everything))
            add("list ::, nothing changed", repo.pants("list", "::"))
            repo.pants("run", APPLICATION)
            add("run, nothing changed", repo.pants("run", APPLICATION))
            repo.edit("src/app0/main.py")
            add("run, one file edited", repo.pants("run", APPLICATION))
            repo.edit("src/lib0/m1.py")
            add("run, a file of a framework edited", repo.pants("run", APPLICATION))
            lock = ("generate-lockfiles", f"--resolve={APPLICATION}")
            add("lock one application", repo.pants(*lock))
            repo.pants("package", "src/app0:pex")
            repo.edit("src/app0/main.py")
            add("package one pex_binary, one file edited", repo.pants("package", "src/app0:pex"))
            repo.edit("src/app0/main.py")
            add("package one application, one file edited", repo.pants("package", APPLICATION))
        add("memory of the daemon, MB", repo.daemon_megabytes())
    finally:
        repo.stop()
    return rows


RELEASE = "release:release"


def measure_release(root: Path, folder: Path, layers: int, runs: int) -> Rows:
    """The figures of a release of all layers, to a folder."""
    repo = Monorepo(root, folder, Size(layers))
    repo.write()
    rows: Rows = {}

    def add(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)
        print(f"  release of {layers} layers, {name}: {value:.2f}", file=sys.stderr, flush=True)

    def publish(name: str) -> None:
        add(name, repo.pants("publish", RELEASE))

    try:
        repo.lock()
        repo.release((folder / "nowhere").as_uri(), "0")
        add("build all layers", repo.pants("package", RELEASE))
        for run in range(runs):
            url = (folder / f"repository{run}").as_uri()
            repo.release(url, f"{run}.0")
            publish("first publish")
            publish("nothing changed")
            repo.edit("src/app0/main.py")
            repo.release(url, f"{run}.1")
            publish("one file of an application edited")
            repo.edit("src/lib0/m0.py")
            repo.release(url, f"{run}.2")
            publish("one file of a library edited")
            add("list, nothing changed", repo.pants("list", RELEASE))
        add("memory of the daemon, MB", repo.daemon_megabytes())
    finally:
        repo.stop()
    return rows


def _applications(repo: Monorepo) -> list[str]:
    return [f"src/app{n}:tool{n}" for n in range(repo.size.applications)]
