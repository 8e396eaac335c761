"""Makes the segment of a runtime's interpreter (verb ``interpreter-segment``).

The archive has python-build-standalone's ``install_only`` layout. Left out of the segment: byte
code, the packages that installers bring along (pip, setuptools, wheel), scripts that are not the
interpreter, static libraries, the marker of externally managed environments, and customisation
modules of the machine. Hard links become relative symbolic links.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from pathlib import Path

from venvstacks_rules.actions._interpreter_archive import (
    InterpreterArchive,
    SpooledFile,
    leads_somewhere,
    with_folders,
)
from venvstacks_rules.actions._segment_writer import SegmentWriter
from venvstacks_rules.actions._streams import sha256_of
from venvstacks_rules.model.action_io import (
    InterpreterSegment,
    InterpreterSegmentRequest,
    from_json,
)
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.layout import LayerLayout, short_version

_HEADER = re.compile(r"include/python(3\.\d+)/patchlevel\.h")
_PY_VERSION = re.compile(r'^\s*#\s*define\s+PY_VERSION\s+"(3\.\d+\.\d+)', re.MULTILINE)

# Installers that interpreter archives bring along, in site-packages.
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


def run(request_text: str) -> InterpreterSegment:
    """Write the segment; InterpreterError for an archive that is wrong, damaged or hostile."""
    request = from_json(InterpreterSegmentRequest, request_text)
    path = Path(request.archive)
    _check_announced(request, path)
    with InterpreterArchive(path, Path.cwd()) as archive:
        version = _python_version(request, archive)
        files, links = _selected(archive, LayerLayout(version))
        _complete_interpreter(path.name, version, files, links)
        with SegmentWriter(
            Path(request.output),
            source="interpreter",
            install_target=request.install_target,
            compression=request.compression,
        ) as writer:
            _write(writer, archive, files, links)
    return InterpreterSegment(writer.segment(), version)


def _check_announced(request: InterpreterSegmentRequest, path: Path) -> None:
    sha256, size = sha256_of(path)
    problems = []
    if request.size is not None and size != request.size:
        problems.append(f"size: expected {request.size} bytes, got {size}")
    if request.sha256 is not None and sha256 != request.sha256:
        problems.append(f"sha256: expected {request.sha256}, got {sha256}")
    if problems:
        raise InterpreterError(
            f"the interpreter archive `{path.name}` is not the one that the lockfile pins; "
            "fetch it again, or renew the lockfile with `./pants generate-lockfiles`",
            problems,
        )


def _python_version(request: InterpreterSegmentRequest, archive: InterpreterArchive) -> str:
    """X.Y.Z of the headers, which has to fit the request."""
    name = posixpath.basename(request.archive)
    headers = [path for path in sorted(archive.files) if _HEADER.fullmatch(path)]
    versions = []
    for path in headers:
        text = b"".join(archive.content(archive.files[path])).decode("utf-8", "replace")
        match = _PY_VERSION.search(text)
        if match is not None and path == f"include/python{short_version(match[1])}/patchlevel.h":
            versions.append(match[1])
    if len(versions) != 1:
        raise InterpreterError(
            f"the interpreter archive `{name}` does not say its Python version",
            [
                (
                    "expected one file `python/include/python3.Y/patchlevel.h` that defines "
                    f"PY_VERSION, as in python-build-standalone's archives, found {len(versions)}"
                )
            ],
        )
    version = versions[0]
    if version != request.python_version and not version.startswith(f"{request.python_version}."):
        raise InterpreterError(
            f"the interpreter archive `{name}` holds another Python version",
            [
                (
                    f"the runtime declares {request.python_version}, the archive holds {version}; "
                    "change `python_implementation`, or the archive"
                )
            ],
        )
    return version


def _selected(
    archive: InterpreterArchive, layout: LayerLayout
) -> tuple[dict[str, SpooledFile], dict[str, str]]:
    """The files and links to keep; a link to something that is left out goes as well."""
    files = {path: f for path, f in archive.files.items() if not _is_left_out(path, layout)}
    links = {path: t for path, t in archive.links.items() if not _is_left_out(path, layout)}
    # Packages of the runtime come to lie there, so a link to the folder is right when it is empty.
    existing = with_folders([*files, str(layout.site_packages)])
    kept = {path: t for path, t in links.items() if leads_somewhere(path, existing, links)}
    return files, kept


def _is_left_out(path: str, layout: LayerLayout) -> bool:
    name = posixpath.basename(path)
    return (
        path.startswith(".")
        or "__pycache__" in path.split("/")
        or name.endswith((".pyc", ".a"))
        or name in {"EXTERNALLY-MANAGED", "pyvenv.cfg"}
        # The one of the machine would hide the one that post-installation writes.
        or path == f"{layout.stdlib}/sitecustomize.py"
        or (path.startswith(f"{layout.scripts}/") and not _is_interpreter(name))
        or _is_installer(path, f"{layout.site_packages}/")
    )


def _is_interpreter(name: str) -> bool:
    return name.startswith("python") and not fnmatch.fnmatchcase(name, "python*-config")


def _is_installer(path: str, site_packages: str) -> bool:
    if not path.startswith(site_packages):
        return False
    top, _, _ = path[len(site_packages) :].partition("/")
    return any(fnmatch.fnmatchcase(top, pattern) for pattern in _INSTALLERS)


def _complete_interpreter(
    archive_name: str, version: str, files: dict[str, SpooledFile], links: dict[str, str]
) -> None:
    """Make sure of ``bin/python``, ``bin/python3`` and ``bin/python3.Y``, and of one binary."""
    names = [f"bin/python{short_version(version)}", "bin/python3", "bin/python"]
    binary = next((name for name in names if name in files), None)
    if binary is None or not files[binary].executable:
        raise InterpreterError(
            f"the interpreter archive `{archive_name}` has no interpreter",
            [f"expected an executable file `python/{names[0]}`"],
        )
    for name in names:
        if name not in files and name not in links:
            links[name] = binary


def _write(
    writer: SegmentWriter,
    archive: InterpreterArchive,
    files: dict[str, SpooledFile],
    links: dict[str, str],
) -> None:
    for path in sorted({*files, *links}):
        target = links.get(path)
        if target is None:
            file = files[path]
            # A hard link, unless the member that it shares its content with is left out.
            if file.path == path or files.get(file.path) != file:
                writer.add_file(path, archive.content(file), file.size, executable=file.executable)
                continue
            target = file.path
        writer.add_link(path, posixpath.relpath(target, posixpath.dirname(path) or "."))
