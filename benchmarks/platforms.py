"""The stack of examples/sklearn for every platform, compared with this machine's alone."""

from __future__ import annotations

import io
import shutil
import sys
import tarfile
from pathlib import Path

from benchmarks.ours import Ours
from benchmarks.stack import LAYERS_ABOVE, PYTHON

PLATFORMS = (
    "linux_x86_64",
    "linux_aarch64",
    "macosx_arm64",
    "macosx_x86_64",
    "win_amd64",
    "win_arm64",
)

_BUILD = """\
{files}

venvstacks_runtime(
    name="cpython",
    python_implementation="cpython@{version}",
    python_archives={archives},
    requirements=["numpy"],
)
"""
# Built first, so that the tool is there and the machine was looked at.
_WARM_UP = """\
venvstacks_runtime(
    name="bare",
    python_implementation="cpython@{version}",
    python_archives={{"linux_x86_64": "//:linux_x86_64"}},
    platforms=["linux_x86_64"],
)
venvstacks_framework(name="empty", runtime=":bare")
"""


def write_stack(folder: Path, sources: Path, *, archive: Path, version: str) -> None:
    """Write the stack into `folder`.

    The interpreter of this machine stands for those of the other platforms, which weigh about as
    much: in its own layout for Linux and macOS, in that of Windows for Windows.
    """
    folder.mkdir(parents=True)
    files = "\n".join(f'file(name="{x}", source="{x}.tar.gz")' for x in PLATFORMS)
    archives = {name: f":{name}" for name in PLATFORMS}
    text = _BUILD.format(version=version, files=files, archives=archives)
    text += LAYERS_ABOVE.format(framework='"scikit-learn"')
    (folder / "BUILD").write_text(text)
    (folder / "warm").mkdir()
    (folder / "warm/BUILD").write_text(_WARM_UP.format(version=version))
    shutil.copy(sources / "classify.py", folder)
    shutil.copytree(sources / "report", folder / "report")
    for name in PLATFORMS:
        _repack(archive, folder / f"{name}.tar.gz", windows=name.startswith("win_"))


def _repack(archive: Path, output: Path, *, windows: bool) -> None:
    """The interpreter in the layout of a platform, with a file that makes it another one."""
    with tarfile.open(archive) as source, tarfile.open(output, "w:gz", compresslevel=6) as out:
        for member in source:
            moved = _in_windows_layout(member) if windows else member
            if moved is not None:
                out.addfile(moved, source.extractfile(member) if member.isfile() else None)
        mark = tarfile.TarInfo(f"python/{'Lib' if windows else f'lib/python{PYTHON}'}/_mark.py")
        text = f"# {output.name}\n".encode()
        mark.size = len(text)
        out.addfile(mark, io.BytesIO(text))
        if windows:
            for name in ("python.exe", "pythonw.exe"):
                out.addfile(tarfile.TarInfo(f"python/Lib/venv/scripts/nt/{name}"))


_WINDOWS_PLACES = {
    f"python/bin/python{PYTHON}": "python/python.exe",
    f"python/include/python{PYTHON}": "python/include",
    f"python/lib/python{PYTHON}": "python/Lib",
    "python/lib": "python/DLLs",
}


def _in_windows_layout(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    places = (old for old in _WINDOWS_PLACES if f"{member.name}/".startswith(f"{old}/"))
    place = next(places, None)
    if place is None or not member.isfile():
        return None
    moved = tarfile.TarInfo(_WINDOWS_PLACES[place] + member.name[len(place) :])
    moved.size = member.size
    return moved


class EveryPlatform:
    """Runs of `package` with all wheels fetched, and nothing else remembered."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours

    def fetch(self) -> None:
        """Fetch the wheels of all platforms, by building everything once."""
        self._ours.pants(*_options(PLATFORMS), "package", "::")

    def package(self, *platforms: str) -> float:
        """Build all layers for the platforms, none of whose segments is in a cache; seconds."""
        ours = self._ours
        ours.stop()
        shutil.rmtree(ours.stack / "dist", ignore_errors=True)
        # What a process has made is forgotten; what was fetched lies in the store.
        ours.pants("--no-local-cache", "package", "warm:empty")
        return ours.pants("--no-local-cache", *_options(platforms), "package", "//:").seconds


def _options(platforms: tuple[str, ...]) -> list[str]:
    return [f"--venvstacks-platforms={list(platforms)}"]


def measure(
    root: Path, folder: Path, archive: Path, version: str, runs: int
) -> list[tuple[float, float]]:
    """Seconds for all platforms and for one, alternating, `runs` times."""
    stack = folder / "platforms/stack"
    write_stack(stack, root / "examples/sklearn", archive=archive, version=version)
    ours = Ours(root, stack.parent, stack)
    ours.set_up("warm:bare", "warm:empty")
    every = EveryPlatform(ours)
    found = []
    try:
        every.fetch()
        for _ in range(runs):
            native = every.package(PLATFORMS[0])
            found.append((every.package(*PLATFORMS), native))
            line = f"  {len(PLATFORMS)} platforms: {found[-1][0]:.2f}, one: {native:.2f}"
            print(line, file=sys.stderr, flush=True)
    finally:
        ours.stop()
    return found
