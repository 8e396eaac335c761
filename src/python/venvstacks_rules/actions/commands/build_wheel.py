"""Builds the wheel of a source archive (``build-wheel``).

The interpreter is that of the runtime layer, and the requirements of the build are wheels that the
lockfile pins. The build gets no network where the system can take it away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from venvstacks_rules.actions.files.source_trees import unpack_source, version_variables
from venvstacks_rules.actions.interpreters.archive import InterpreterArchive
from venvstacks_rules.actions.network.repositories import TOP
from venvstacks_rules.actions.wheels.normalized import normalized
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.built_wheels import BuildWheelRequest, BuiltWheel
from venvstacks_rules.model.wording import and_more

# 1980, the oldest time in a zip archive.
_EPOCH = "315532800"
_MOST_LINES = 40
_FEW = 3
# As Git LFS writes them: it keeps the content elsewhere.
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_MOST_POINTER = 1024
_PROGRAMS = "/usr/bin:/bin"


def run(request_text: str) -> BuiltWheel:
    """Build the wheel of a :class:`BuildWheelRequest`; raises WheelError if that fails."""
    request = from_json(BuildWheelRequest, request_text)
    sha256, _ = sha256_of(request.archive)
    if sha256 != request.sha256:
        raise WheelError(
            "A source archive is not the one that the lockfile pins:",
            [f"{request.package}: it has SHA-256 {sha256}, not {request.sha256}"],
        )
    with tempfile.TemporaryDirectory(prefix="build-") as temporary:
        folder = Path(temporary)
        build = _Build(request, folder)
        wheel = build.wheel("first")
        refuse_pointers(request.package, wheel)
        made = normalized(str(wheel), str(Path(request.output_dir, wheel.name)))
        if not request.twice:
            return BuiltWheel(made)
        again = build.wheel("second, of another length")
        other = folder / "again" / again.name
        if normalized(str(again), str(other)) == made:
            return BuiltWheel(made)
        return BuiltWheel(made, _differing(Path(request.output_dir, wheel.name), other))


def refuse_pointers(package: str, wheel: Path) -> None:
    """Raise WheelError for a wheel with files whose content was left in Git LFS."""
    with zipfile.ZipFile(wheel) as opened:
        found = [
            f"`{entry.filename}`"
            for entry in opened.infolist()
            if entry.file_size < _MOST_POINTER and opened.read(entry).startswith(_POINTER)
        ]
    if found:
        raise WheelError(
            "A package cannot be built from source:",
            [
                f"{package}: in place of files, its wheel has pointers of Git LFS, which is not "
                f"fetched: {and_more(found, _FEW)}. Build the wheel where they are fetched, and "
                "put it into a folder of `local_wheels`."
            ],
        )


def _differing(one: Path, other: Path) -> tuple[str, ...]:
    """The files that two wheels do not have in common; RECORD always follows from the others."""
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        before, after = ({i.filename: i.CRC for i in wheel.infolist()} for wheel in (first, second))
    names = sorted(before.keys() | after.keys())
    found = [name for name in names if before.get(name) != after.get(name)]
    return tuple(name for name in found if not name.endswith("/RECORD")) or tuple(found)


class _Build:
    """An environment with all that a build requires."""

    def __init__(self, request: BuildWheelRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        python = _unpacked(Path(request.interpreter), folder / "interpreter", folder)
        environment = folder / "environment"
        self._uv("venv", "--no-project", "--python", str(python), str(environment))
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        self._scripts = environment / scripts
        self._python = self._scripts / ("python.exe" if sys.platform == "win32" else "python")
        wheels = [str(Path(wheel).absolute()) for wheel in request.build_wheels]
        if wheels:
            self._uv("pip", "install", "--python", str(self._python), "--no-deps", *wheels)

    def wheel(self, name: str) -> Path:
        """The wheel, built in a folder of its own."""
        output = self._folder / name / "wheels"
        options = ["--wheel", "--no-build-isolation", "--python", str(self._python)]
        source = Path(self._request.archive)
        if self._request.folder is not None:
            unpack_source(source, self._folder / name)
            source = self._folder / name / TOP / self._request.folder
        self._uv("build", *options, "--out-dir", str(output), str(source))
        (found,) = output.glob("*.whl")
        return found

    def _uv(self, *arguments: str) -> None:
        command = [*_without_network(), find_uv_bin(), *arguments, "--offline", "--no-config"]
        done = subprocess.run(
            [*command, "--no-python-downloads", "--no-index", "--color", "never", "--no-progress"]
            if arguments[0] != "venv"
            else [*command, "--no-python-downloads", "--color", "never", "--no-progress"],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            text = done.stdout.decode("utf-8", "replace").replace(f"{self._folder}/", "").strip()
            lines = text.splitlines()[-_MOST_LINES:]
            raise WheelError(
                f"{self._request.package} cannot be built from source:", ["\n".join(lines)]
            )

    def _environment(self) -> dict[str, str]:
        """Nothing of the machine but its programs, such as compilers."""
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        scripts = [str(self._scripts)] if hasattr(self, "_scripts") else []
        places = [*scripts, "/usr/local/bin", os.defpath] if os.name == "posix" else scripts
        environment = {
            "PATH": os.pathsep.join(places),
            "HOME": str(home),
            "UV_CACHE_DIR": str(self._folder / "cache"),
            "SOURCE_DATE_EPOCH": _EPOCH,
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C.UTF-8",
            "PIP_NO_INDEX": "1",
        }
        # An interpreter names the compiler that it was built with, which few machines have.
        compilers = {"CC": "cc", "CXX": "c++"} if os.name == "posix" else {}
        if compilers:
            # Debug information names the folder of the build, another one each time.
            compilers.update(CFLAGS="-g0", CXXFLAGS="-g0")
        return {**environment, **compilers, **version_variables(self._request.version)}


def _unpacked(archive: Path, folder: Path, spool: Path) -> Path:
    """The interpreter in `archive`, unpacked below `folder`."""
    with InterpreterArchive(archive, spool) as interpreter:
        interpreter.unpack(folder)
    return folder / ("python.exe" if sys.platform == "win32" else "bin/python3")


def _without_network() -> Sequence[str]:
    """What to start a command with so that it has no network, where Linux lets a user do that."""
    unshare = shutil.which("unshare", path=_PROGRAMS)
    if unshare is None:
        return ()
    command = (unshare, "--user", "--map-current-user", "--net")
    tried = subprocess.run(
        [*command, "true"],
        env={"PATH": _PROGRAMS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return command if tried.returncode == 0 else ()
