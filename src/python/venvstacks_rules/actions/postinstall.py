"""Makes an unpacked layer ready to run; lies at the top of every layer.

Run it with the interpreter of the runtime layer, in the place where the layer is to stay, the
runtime first:

    <runtime>/bin/python -I <layer>/postinstall.py      (Windows: <runtime>/python.exe)

It reads ``share/venv/metadata/venvstacks_layer.json``; writes ``pyvenv.cfg`` into a layer that is
chained to others; compiles the layer's library to byte code that is validated by the hash of its
source (PEP 552), since all files of a layer carry the same time. Into a layer for Windows it copies
the launchers that the runtime carries for virtual environments: they start the runtime's
interpreter. Running it again changes nothing and is quick.

After the deployment folder has been moved or renamed, run it again for every layer, with
``--no-compile`` if you like: ``pyvenv.cfg`` can hold an absolute path only. Nothing else depends on
the place.

Standard library only, for Python 3.8 and newer.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # Before anything else is imported: modules of the caller's environment, or beside this file,
    # could take the place of those of the standard library.
    _again = [sys.executable, "-I", "-S", "-B", *sys.argv]
    if os.name != "nt":
        os.execv(sys.executable, _again)
    # Windows has no such call, and splits one text into arguments.
    _quoted = [f'"{text}\\"' if text.endswith("\\") else f'"{text}"' for text in _again]
    sys.exit(os.spawnv(os.P_WAIT, sys.executable, _quoted))

import argparse
import contextlib
import errno
import heapq
import importlib.util
import io
import json
import marshal
import re
import subprocess
import warnings

LAYER_CONFIG = os.path.join("share", "venv", "metadata", "venvstacks_layer.json")

# PEP 552: the first bit says "validated by hash", the second "compare it with the source".
_CHECKED, _UNCHECKED = 0b11, 0b01

# Starting another interpreter is not worth it for less than this.
_MIN_FILES_PER_PROCESS = 100

# The modules that chain layers are imported at every start. Their names have the hash of their
# text, so Python need not compare it with their byte code.
_CHAIN = "_venvstacks_chain_"

# In the runtime; what the launchers are called there depends on the version.
_LAUNCHERS = os.path.join("Lib", "venv", "scripts", "nt")
_VERSION = re.compile(r"3\.(\d+)(?:\.\d+)?(?:[a-z]+\d+)?(t?)")
_LAUNCHERS_RENAMED_IN = 13


_PROGRAM = """\
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({function}())
"""
_COMMAND = re.compile(r"\w[\w.+-]*", re.ASCII)
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")

# In the header of a PE file.
_ARM64 = b"\x64\xaa"


class PostinstallError(Exception):
    """The layer cannot be made ready; the text says why."""


def main(argv: list[str]) -> int:
    """Make the layer ready that this file lies in; `argv` is without the program's name."""
    parser = argparse.ArgumentParser(description="Make an unpacked layer ready to run.")
    parser.add_argument("--no-compile", action="store_true", help="write no byte code")
    parser.add_argument("--no-config", action="store_true", help="write nothing but byte code")
    parser.add_argument(
        "--deployed-in",
        metavar="FOLDER",
        help="the folder that will hold the layers (default: the one that holds this layer)",
    )
    parser.add_argument(
        "--unchecked-hash",
        action="store_true",
        help="byte code that is trusted without a look at its source: for files that never change",
    )
    parser.add_argument("--compile-listed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    layer = os.path.dirname(os.path.abspath(__file__))
    flags = _UNCHECKED if options.unchecked_hash else _CHECKED
    # What is written is for everyone who may read the layer.
    os.umask(0o022)
    warnings.simplefilter("ignore")
    try:
        if options.compile_listed:
            names = sys.stdin.buffer.read().split(b"\0")
            print(compile_files(layer, [os.fsdecode(name) for name in names if name], flags))
            return 0
        if not options.no_config:
            configure(layer, options.deployed_in or os.path.dirname(layer))
        if not options.no_compile:
            compile_library(layer, flags)
    except (PostinstallError, OSError) as e:
        print(f"error: {layer}: {e}", file=sys.stderr)
        return 1
    return 0


# --------------------------------------------------------------------------- configuration
def configure(layer: str, deployed_in: str) -> None:
    """Write ``pyvenv.cfg``, if `layer` is chained to others.

    On Windows, the layer's ``python.exe`` as well. What a layer is for is told by its
    configuration, not by the system that this runs on.

    `deployed_in` is the folder in which the layer and its siblings will run.
    """
    config = read_config(layer)
    make_programs(layer, config)
    if config["base_python"] == config["python"]:
        return
    place = os.path.join(os.path.abspath(deployed_in), os.path.basename(layer))
    if "\n" in place or "\r" in place:
        raise PostinstallError("a line break in the path cannot be written to pyvenv.cfg")
    base_python = os.path.normpath(os.path.join(place, config["base_python"]))
    lines = (
        f"home = {os.path.dirname(base_python)}",
        "include-system-site-packages = false",
        # Like `venv`, which does not tell builds apart here.
        f"version = {config['py_version'].rstrip('t')}",
        f"executable = {base_python}",
    )
    if _is_for_windows(config):
        # Before anything else: where the runtime is not what it should be, nothing is written.
        copy_launchers(layer, config)
    _write_text(os.path.join(layer, "pyvenv.cfg"), "".join(f"{line}\n" for line in lines))
    # This one is compiled even if the library is not.
    site_dir = os.path.join(layer, config["site_dir"])
    names = os.listdir(site_dir) if os.path.isdir(site_dir) else []
    modules = [name for name in names if name.startswith(_CHAIN) and name.endswith(".py")]
    compile_files(layer, [os.path.join(config["site_dir"], name) for name in modules], _UNCHECKED)


def _is_for_windows(config: dict) -> bool:  # type: ignore[type-arg]
    return bool(config["base_python"].lower().endswith(".exe"))


def copy_launchers(layer: str, config: dict) -> None:  # type: ignore[type-arg]
    """Make the layer's ``python.exe`` and ``pythonw.exe``, from the runtime beside the layer.

    They start the interpreter of the folder that ``pyvenv.cfg`` names, so that a patch release of
    the runtime does not concern them.
    """
    runtime = os.path.dirname(os.path.normpath(os.path.join(layer, config["base_python"])))
    names = launcher_names(config["py_version"])
    sources = [os.path.join(runtime, _LAUNCHERS, name) for name in names]
    missing = [source for source in sources if not os.path.isfile(source)]
    if missing:
        raise PostinstallError(
            f"the runtime lacks launchers of Python {config['py_version']}: deploy all of it "
            f"first; missing: {', '.join(missing)}"
        )
    python = os.path.join(layer, config["python"])
    folder, name = os.path.split(os.path.normpath(python))
    os.makedirs(folder, exist_ok=True)
    for source, target in zip(sources, (name, "pythonw.exe")):
        with open(source, "rb") as stream:
            _write_bytes(os.path.join(folder, target), stream.read())


def make_programs(layer: str, config: dict) -> None:  # type: ignore[type-arg]
    """On Windows, make a program of each console script of the layer.

    A program is a launcher, the line that names the interpreter, and a zip archive with the script,
    as installers make it. The launcher is that of the pip that every CPython carries for
    ``ensurepip``; it finds the interpreter from where it is itself.
    """
    scripts = config["console_scripts"]
    if not scripts or not _is_for_windows(config):
        return
    # Most layers have no such programs.
    import zipfile

    launcher = _console_launcher(os.path.normpath(os.path.join(layer, config["base_python"])))
    folder = os.path.join(layer, "Scripts")
    os.makedirs(folder, exist_ok=True)
    python = os.path.relpath(os.path.join(layer, config["python"]), folder).replace("/", "\\")
    for name, target in sorted(scripts.items()):
        module, _, function = target.partition(":")
        program = _PROGRAM.format(module=module, first=function.split(".")[0], function=function)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(zipfile.ZipInfo("__main__.py", (1980, 1, 2, 0, 0, 0)), program)
        line = f"#!<launcher_dir>\\{python}\n".encode()
        _write_bytes(os.path.join(folder, f"{name}.exe"), launcher + line + stream.getvalue())


def _console_launcher(python: str) -> bytes:
    """The launcher for programs on the console, for the machine of the interpreter `python`."""
    folder = os.path.join(os.path.dirname(python), "Lib", "ensurepip", "_bundled")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    wheels = sorted(name for name in names if name.startswith("pip-") and name.endswith(".whl"))
    if not wheels or not os.path.isfile(python):
        raise PostinstallError(
            "the runtime lacks the launcher of console scripts: deploy all of it first; missing: "
            f"{os.path.join(folder, 'pip-*.whl')}"
        )
    with open(python, "rb") as stream:
        head = stream.read(4096)
    at = int.from_bytes(head[0x3C:0x40], "little") + 4
    suffix = "-arm" if head[at : at + 2] == _ARM64 else ""
    import zipfile

    with zipfile.ZipFile(os.path.join(folder, wheels[-1])) as archive:
        return archive.read(f"pip/_vendor/distlib/t64{suffix}.exe")


def launcher_names(py_version: str) -> tuple[str, str]:
    """What CPython's ``venv`` expects its two launchers to be called, with and without console."""
    match = _VERSION.fullmatch(py_version)
    if match is None:
        raise PostinstallError(f"{LAYER_CONFIG}: py_version: `{py_version}` is no version 3.Y.Z")
    if match[2]:
        return "venvlaunchert.exe", "venvwlaunchert.exe"
    if int(match[1]) >= _LAUNCHERS_RENAMED_IN:
        return "venvlauncher.exe", "venvwlauncher.exe"
    return "python.exe", "pythonw.exe"


def read_config(layer: str) -> dict:  # type: ignore[type-arg]
    """The layer's configuration; PostinstallError names everything that is wrong with it."""
    path = os.path.join(layer, LAYER_CONFIG)
    try:
        with open(path, encoding="utf-8") as stream:
            config = json.load(stream)
    except (OSError, ValueError) as e:
        raise PostinstallError(f"cannot read {LAYER_CONFIG}: {e}") from None
    if not isinstance(config, dict):
        raise PostinstallError(f"{LAYER_CONFIG}: not a JSON object")
    problems = []
    for key in ("python", "py_version", "base_python", "site_dir"):
        if not isinstance(config.get(key), str):
            problems.append(f"{key}: expected a string")
        elif key != "py_version":
            problems += _path_problems(key, config[key])
    for key in ("pylib_dirs", "dynlib_dirs"):
        values = config.setdefault(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            problems.append(f"{key}: expected a list of strings")
        else:
            for value in values:
                problems += _path_problems(key, value)
    problems += _script_problems(config.setdefault("console_scripts", {}))
    if problems:
        raise PostinstallError(f"{LAYER_CONFIG}: {'; '.join(problems)}")
    return config


def _script_problems(scripts: object) -> list[str]:
    if isinstance(scripts, dict) and all(
        _COMMAND.fullmatch(name) and isinstance(target, str) and _TARGET.fullmatch(target)
        for name, target in scripts.items()
    ):
        return []
    return ["console_scripts: expected names of commands with `MODULE:FUNCTION`"]


def _path_problems(key: str, value: str) -> list[str]:
    # One step up is the deployment folder. `~` stands for any name that the layer's folder has.
    place = os.path.normpath(os.path.join("~", value)).split(os.sep)
    if os.path.isabs(value) or place[0] == ".." or place == ["."]:
        return [f"{key}: `{value}` leaves the folder that holds the layers"]
    if key == "site_dir" and place[0] != "~":
        return [f"{key}: `{value}` leaves the layer"]
    return []


def _write_text(path: str, text: str) -> None:
    _write_bytes(path, text.encode("utf-8", "surrogateescape"))


def _write_bytes(path: str, data: bytes) -> None:
    try:
        with open(path, "rb") as stream:
            if stream.read() == data:
                return
    except FileNotFoundError:
        pass
    _write(path, data)


def _write(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


# ------------------------------------------------------------------------------- byte code
def compile_library(layer: str, flags: int) -> None:
    """Compile all of the layer's ``lib`` (``Lib`` on Windows) to byte code, on all processors.

    Sources that do not compile are passed over without a word: packages ship templates and files
    for other versions of Python. A place that cannot be written to is no error either: Python
    runs without byte code.
    """
    files = python_files(layer, "lib" if "lib" in os.listdir(layer) else "Lib")
    processes = min(_processors(), 1 + len(files) // _MIN_FILES_PER_PROCESS)
    own, *others = distribute(files, processes)
    started = []
    for share in others:
        process = _start_process(flags)
        started.append((share, process))
        if process is not None:
            _send(process, share)
    unwritten = compile_files(layer, own, flags)
    for share, process in started:
        reply = b""
        if process is not None:
            assert process.stdout is not None
            reply = process.stdout.read().strip()
            process.stdout.close()
            process.wait()
        # Where other processes cannot be started, or died, the work is done here.
        done = process is not None and process.returncode == 0 and reply.isdigit()
        unwritten += int(reply) if done else compile_files(layer, share, flags)
    if unwritten:
        print(f"note: {layer}: no leave to write the byte code of {unwritten} files",
              file=sys.stderr)  # fmt: skip


def _start_process(flags: int) -> subprocess.Popen | None:  # type: ignore[type-arg]
    command = [sys.executable, "-I", "-S", "-B", os.path.abspath(__file__), "--compile-listed"]
    if flags == _UNCHECKED:
        command.append("--unchecked-hash")
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError):
        return None


def _send(process: subprocess.Popen, share: list[str]) -> None:  # type: ignore[type-arg]
    assert process.stdin is not None
    try:
        # The other side reads everything before it answers, so this cannot wait for ever.
        process.stdin.write(b"\0".join(os.fsencode(path) for path in share))
        process.stdin.close()
    except OSError:
        pass


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def python_files(layer: str, folder: str) -> list[tuple[int, str]]:
    """The sizes and paths, relative to `layer`, of the Python sources below `folder`."""
    found = []
    folders = [folder]
    while folders:
        current = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(layer, current)))
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            continue
        for entry in entries:
            path = os.path.join(current, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    folders.append(path)
            elif entry.name.endswith(".py") and entry.is_file():
                found.append((entry.stat().st_size, path))
    return found


def distribute(files: list[tuple[int, str]], shares: int) -> list[list[str]]:
    """Split `files` into `shares` lists of about the same total size."""
    result: list[list[str]] = [[] for _ in range(shares)]
    loads = [(0, number) for number in range(shares)]
    for size, path in sorted(files, key=lambda file: (-file[0], file[1])):
        load, number = heapq.heappop(loads)
        result[number].append(path)
        # Every file costs something, however small it is.
        heapq.heappush(loads, (load + size + 500, number))
    return result


def compile_files(layer: str, paths: list[str], flags: int) -> int:
    """Compile the files at `paths`, relative to `layer`; the number that could not be written."""
    unwritten = 0
    for path in paths:
        try:
            _compile_file(layer, path, flags)
        except OSError as e:
            if e.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            unwritten += 1
    return unwritten


def _compile_file(layer: str, path: str, flags: int) -> None:
    with open(os.path.join(layer, path), "rb") as stream:
        source = stream.read()
    folder, name = os.path.split(os.path.join(layer, path))
    folder = os.path.join(folder, "__pycache__")
    # In the layer even where sys.pycache_prefix says otherwise.
    target = os.path.join(folder, f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")
    flags = _UNCHECKED if name.startswith(_CHAIN) else flags
    header = importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little")
    header += importlib.util.source_hash(source)
    if _is_byte_code(target, header):
        return
    os.makedirs(folder, exist_ok=True)
    # The name in tracebacks is replaced at import by where the source is then.
    shown = f"{os.path.basename(layer)}/{path}".replace(os.sep, "/")
    try:
        code = compile(source, shown, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return
    _write(target, header + marshal.dumps(code))


def _is_byte_code(path: str, header: bytes) -> bool:
    """Whether a file has this header, and a whole body."""
    try:
        with open(path, "rb") as stream:
            content = stream.read()
        if not content.startswith(header):
            return False
        marshal.loads(content[len(header) :])  # noqa: S302 - as an import of the module does
    except (FileNotFoundError, EOFError, TypeError, ValueError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
