"""The files of an interpreter as they lie in a runtime layer.

The archive has python-build-standalone's ``install_only`` layout. A layer leaves out byte code,
bundled installers (pip, setuptools, wheel), scripts that are not the interpreter, static libraries,
the marker of externally managed environments, and customisation modules of the machine. Hard links
become relative symbolic links, and on Windows all links become copies.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from pathlib import Path, PurePosixPath

from venvstacks_rules.actions.files.sinks import FileSink
from venvstacks_rules.actions.interpreters.archive import (
    InterpreterArchive,
    SpooledFile,
    resolved,
    with_folders,
)
from venvstacks_rules.actions.interpreters.names import Selection
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.contents.inputs import InterpreterFile
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.stripping import Stripping
from venvstacks_rules.model.errors import InterpreterError, first_problems
from venvstacks_rules.model.platforms.python_versions import (
    is_release_of,
    language_version,
    short_version,
)

_HEADERS = {
    "posix": re.compile(r"include/python(3\.\d+)(t?)/patchlevel\.h"),
    "nt": re.compile(r"include/patchlevel\.h"),
}
_SHOWN_HEADERS = {
    "posix": "python/include/python3.Y/patchlevel.h",
    "nt": "python/include/patchlevel.h",
}
_PY_VERSION = re.compile(r'^[ \t]*#[ \t]*define[ \t]+PY_VERSION[ \t]+"(3\.\d+\.\d+)', re.MULTILINE)
# Real headers have less than two thousand bytes.
_MAX_HEADER = 64 * 1024

# Installers in the site-packages of interpreter archives.
_INSTALLERS = (
    "pip",
    "setuptools",
    "wheel",
    "pkg_resources",
    "_distutils_hack",
    "distutils-precedence.pth",
    "pip-*.dist-info",
    "setuptools-*.dist-info",
    "wheel-*.dist-info",
    "sitecustomize.py",
)


def write_interpreter(
    interpreter: InterpreterFile,
    sink: FileSink,
    spool: Path,
    *,
    os_name: str,
    case_sensitive: bool,
) -> str:
    """Write the files of the interpreter into `sink`; return its version X.Y.Z from its headers.

    `os_name` is ``posix`` or ``nt``, the system of the archive; `case_sensitive` says whether all
    its file systems distinguish names that differ by case only. A temporary file goes to the folder
    `spool`. Raises InterpreterError for an archive that is wrong, damaged or hostile.
    """
    path = Path(interpreter.archive)
    _check_announced(interpreter, path)
    with InterpreterArchive(path, spool) as archive:
        version = _python_version(interpreter, os_name, archive)
        layout = LayerLayout(version, os_name)
        selected = _selected(archive, layout, Stripping(interpreter.strip, layout))
        if not case_sensitive:
            selected.merge_spellings()
        if os_name == "nt":
            selected.copy_links()
            selected.check_windows_names()
        _refuse(path.name, selected.problems)
        if os_name == "nt":
            _check_windows_interpreter(path.name, layout, selected)
        else:
            _complete_interpreter(path.name, version, selected.files, selected.links)
        _write(sink, selected, layout)
    return version


def _check_announced(interpreter: InterpreterFile, path: Path) -> None:
    sha256, size = sha256_of(path)
    problems = []
    if interpreter.size is not None and size != interpreter.size:
        problems.append(f"size: expected {interpreter.size} bytes, got {size}")
    if interpreter.sha256 is not None and sha256 != interpreter.sha256:
        problems.append(f"sha256: expected {interpreter.sha256}, got {sha256}")
    if problems:
        raise InterpreterError(
            f"the interpreter archive `{path.name}` is not the one that the lockfile pins; "
            "fetch it again, or renew the lockfile with `./pants generate-lockfiles`",
            problems,
        )


def _python_version(interpreter: InterpreterFile, os_name: str, archive: InterpreterArchive) -> str:
    """X.Y.Z of the headers; raises InterpreterError if it does not fit the declared version."""
    name = posixpath.basename(interpreter.archive)
    versions = []
    for path in sorted(archive.files):
        folder = _HEADERS[os_name].fullmatch(path)
        if folder is None or archive.files[path].size > _MAX_HEADER:
            continue
        text = b"".join(archive.content(archive.files[path])).decode("utf-8", "replace")
        match = _PY_VERSION.search(text)
        if match is None:
            continue
        # The header is the same for the free-threaded build.
        if os_name == "nt":
            library = f"python{language_version(match[1]).replace('.', '')}t.dll"
            versions.append(match[1] + ("t" if library in archive.files else ""))
        elif short_version(match[1]) == folder[1]:
            versions.append(match[1] + folder[2])
    if len(versions) != 1:
        raise InterpreterError(
            f"the interpreter archive `{name}` does not state its Python version",
            [
                (
                    f"expected one file `{_SHOWN_HEADERS[os_name]}` that defines "
                    f"PY_VERSION, as in python-build-standalone's archives, found {len(versions)}"
                )
            ],
        )
    version = versions[0]
    if not is_release_of(version, interpreter.python_version):
        raise InterpreterError(
            f"the interpreter archive `{name}` contains another Python version",
            [
                (
                    f"the runtime declares {interpreter.python_version}, the archive contains "
                    f"{version}; change `python_implementation`, or the archive"
                )
            ],
        )
    return version


def _selected(archive: InterpreterArchive, layout: LayerLayout, stripping: Stripping) -> Selection:
    """The files and links to keep; links to left out files are left out, too."""

    def stays(path: str) -> bool:
        return not _is_left_out(path, layout) and not stripping.leaves_out(path)

    files = {path: file for path, file in archive.files.items() if stays(path)}
    links = {path: target for path, target in archive.links.items() if stays(path)}
    # The packages of the runtime go there, so a link to the empty folder is right.
    existing = with_folders([*files, str(layout.site_packages)])
    kept = {p: t for p, t in links.items() if resolved(p, existing, links) is not None}
    return Selection(archive, files, kept)


def _is_left_out(path: str, layout: LayerLayout) -> bool:
    name = posixpath.basename(path)
    return (
        path.startswith(".")
        or "__pycache__" in path.split("/")
        or name.endswith((".pyc", ".a"))
        or name in {"EXTERNALLY-MANAGED", "pyvenv.cfg"}
        # It would hide the one that post-installation writes.
        or path == f"{layout.stdlib}/sitecustomize.py"
        or (layout.is_in_scripts(PurePosixPath(path)) and not _is_interpreter(name, layout))
        or _is_installer(path, f"{layout.site_packages}/")
    )


def _is_interpreter(name: str, layout: LayerLayout) -> bool:
    # On Windows the interpreter is not among the scripts.
    return (
        layout.os_name == "posix"
        and name.startswith("python")
        and not fnmatch.fnmatchcase(name, "python*-config")
    )


def _is_installer(path: str, site_packages: str) -> bool:
    if not path.startswith(site_packages):
        return False
    top, _, _ = path[len(site_packages) :].partition("/")
    return any(fnmatch.fnmatchcase(top, pattern) for pattern in _INSTALLERS)


def _refuse(archive_name: str, problems: list[str]) -> None:
    if problems:
        raise InterpreterError(
            f"the interpreter archive `{archive_name}` cannot be unpacked on its platform",
            first_problems(problems),
        )


def _check_windows_interpreter(archive_name: str, layout: LayerLayout, selected: Selection) -> None:
    """Refuse an archive without the interpreter, or the launchers for the layers above."""
    needed = (layout.base_python, *layout.launchers.values())
    missing = [str(path) for path in needed if str(path) not in selected.files]
    if missing:
        raise InterpreterError(
            f"the interpreter archive `{archive_name}` has no interpreter for Windows",
            [f"expected a file `python/{path}`" for path in missing],
        )


def _complete_interpreter(
    archive_name: str, version: str, files: dict[str, SpooledFile], links: dict[str, str]
) -> None:
    """Complete ``bin/python``, ``bin/python3`` and ``bin/python3.Y``; one must be a binary."""
    versions = (short_version(version), language_version(version), "3", "")
    names = [f"bin/python{written}" for written in dict.fromkeys(versions)]
    binary = next((name for name in names if name in files), None)
    if binary is None or not files[binary].executable:
        raise InterpreterError(
            f"the interpreter archive `{archive_name}` has no interpreter",
            [f"expected an executable file `python/{names[0]}`"],
        )
    for name in names:
        if name not in files and name not in links:
            links[name] = binary


def _write(sink: FileSink, selected: Selection, layout: LayerLayout) -> None:
    files = selected.files
    windows = layout.os_name == "nt"
    for path in sorted({*files, *selected.links}):
        target = selected.links.get(path)
        if target is None:
            file = files[path]
            # Otherwise a hard link to a member that is kept.
            if windows or file.path == path or files.get(file.path) != file:
                content = selected.archive.content(file)
                # Windows decides by the suffix.
                executable = file.executable and not windows
                sink.add_file(path, content, file.size, executable=executable)
                continue
            target = file.path
        sink.add_link(path, posixpath.relpath(target, posixpath.dirname(path) or "."))
