"""Layer archives made by hand, with ``tarfile``, from the Python that runs the tests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import os
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import zstandard

from venvstacks_rules.actions import postinstall
from venvstacks_rules.model.contents.chain import chain_files
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.wrapper import python_wrapper
from venvstacks_rules.model.requests.deploy import DeployedArchive

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
FULL_VERSION = ".".join(str(part) for part in sys.version_info[:3])
SITE = f"lib/python{VERSION}/site-packages"
RUNTIME = f"cpython-{VERSION}"
CONFIG = "share/venv/metadata/venvstacks_layer.json"
POSTINSTALL = Path(postinstall.__file__).read_text(encoding="utf-8")

# The whole library would make every test slow: all of it is compiled wherever it is deployed.
_LEFT_OUT = {"site-packages", "test", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip",
             "distutils", "pydoc_data", "__pycache__"}  # fmt: skip
# And what a small program does not need.
_LARGE = {"asyncio", "curses", "dbm", "email", "html", "http", "multiprocessing", "sqlite3",
          "unittest", "venv", "wsgiref", "xml", "xmlrpc"}  # fmt: skip
_LARGE_FILES = re.compile(
    r"(cp|iso|koi|mac_|big|euc|gb|hz|johab|kz|ptcp|shift|tis|_codecs_|_decimal|_pydecimal|_ssl|_test"
    r"|pyexpat|turtle|pydoc|doctest|mailbox|imaplib|smtp|nntplib|ftplib|optparse|cgi|aifc|pdb"
    r"|statistics|tarfile|ipaddress|telnetlib|poplib|sunau|wave|webbrowser|this)"
)


class Tar:
    """A tar stream in the making; paths are complete, with the top-level folder."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        # Closed by `bytes`.
        self._tar = tarfile.open(  # noqa: SIM115
            fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT
        )

    def add(
        self,
        name: str,
        content: bytes | str = b"",
        *,
        kind: bytes = tarfile.REGTYPE,
        link: str = "",
        mode: int = 0o644,
    ) -> Tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = kind, link, mode
        data = content.encode() if isinstance(content, str) else content
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def symlink(self, name: str, target: str) -> Tar:
        return self.add(name, kind=tarfile.SYMTYPE, link=target)

    def bytes(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


def write_archive(folder: Path, install_target: str, tar: Tar, suffix: str = "tar.zst",
                  pieces: int = 3) -> DeployedArchive:  # fmt: skip
    """Compress `tar` in several frames and describe it."""
    data = tar.bytes()
    step = len(data) // pieces + 1
    parts = [data[start : start + step] for start in range(0, len(data), step)]
    packed = b"".join(_compress(part, suffix) for part in parts)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{install_target}-{hashlib.sha256(packed).hexdigest()[:8]}.{suffix}"
    path.write_bytes(packed)
    return announced(path, install_target)


def _compress(part: bytes, suffix: str) -> bytes:
    if suffix == "tar.zst":
        return zstandard.ZstdCompressor(3).compress(part)
    if suffix == "tar.xz":
        return lzma.compress(part, preset=1)
    return gzip.compress(part, 1, mtime=0)


def announced(path: Path, install_target: str) -> DeployedArchive:
    data = path.read_bytes()
    return DeployedArchive(str(path), install_target, hashlib.sha256(data).hexdigest(), len(data))


def config(lower: tuple[str, ...] = (), launch: str | None = None) -> str:
    """The deployed configuration; `lower` in import order, the runtime's last."""
    return _config(lower, launch).to_json()


def _config(lower: tuple[str, ...], launch: str | None) -> LayerConfig:
    own = f"bin/python{VERSION}"
    return LayerConfig(
        python="bin/python" if lower else own,
        py_version=FULL_VERSION,
        base_python=f"../{lower[-1]}/{own}" if lower else own,
        site_dir=SITE,
        pylib_dirs=tuple(f"../{name}/{SITE}" for name in lower),
        launch_module=launch,
    )


def layer(install_target: str, files: dict[str, str], lower: tuple[str, ...],
          launch: str | None = None, library_dirs: tuple[str, ...] = ()) -> Tar:  # fmt: skip
    """A framework or an application; `files` are relative to its site-packages.

    With `library_dirs`, its Python is a wrapper.
    """
    tar = Tar().add(install_target, kind=tarfile.DIRTYPE, mode=0o755)
    base = f"../../{lower[-1]}/bin/python{VERSION}"
    if not library_dirs:
        tar.symlink(f"{install_target}/bin/python", base)
    else:
        wrapper = python_wrapper(system="linux", dynlib_dirs=library_dirs)
        tar.add(f"{install_target}/bin/python", wrapper, mode=0o755)
        tar.symlink(f"{install_target}/bin/python_", base)
    tar.symlink(f"{install_target}/bin/python3", "python")
    for path, text in files.items():
        tar.add(f"{install_target}/{SITE}/{path}", text)
    data = _config(lower, launch)
    tar.add(f"{install_target}/{CONFIG}", data.to_json())
    chained = chain_files(data, install_target, system="linux", library_dirs=library_dirs)
    for file in chained:
        tar.add(f"{install_target}/{file.path}", file.text or "")
    return tar.add(f"{install_target}/postinstall.py", POSTINSTALL)


def runtime(
    install_target: str = RUNTIME, extra: dict[str, str] | None = None, *, large: bool = False
) -> Tar:
    """A runtime layer of the running interpreter, with a part of its library, or most of it."""
    tar = Tar()
    base = Path(sys.base_prefix)
    executable = base / "bin" / f"python{VERSION}"
    tar.add(f"{install_target}/bin/python{VERSION}", executable.read_bytes(), mode=0o755)
    for library in sorted((base / "lib").glob(f"libpython{VERSION}*.so*")):
        if not library.is_symlink():
            tar.add(f"{install_target}/lib/{library.name}", library.read_bytes(), mode=0o755)
    stdlib = base / "lib" / f"python{VERSION}"
    left_out = _LEFT_OUT if large else _LEFT_OUT | _LARGE
    for folder, names, files in os.walk(stdlib):
        # A static library of 30 MB lies in `config-...`.
        names[:] = sorted(name for name in set(names) - left_out if name[:7] != "config-")
        for name in sorted(files):
            if _LARGE_FILES.match(name) and not large:
                continue
            path = Path(folder, name)
            tar.add(f"{install_target}/{path.relative_to(base).as_posix()}", path.read_bytes())
    for name, text in (extra or {}).items():
        tar.add(f"{install_target}/{SITE}/{name}", text)
    tar.add(f"{install_target}/{SITE}/README.txt", "")
    tar.add(f"{install_target}/{CONFIG}", config())
    return tar.add(f"{install_target}/postinstall.py", POSTINSTALL)


APP_SOURCE = """\
import json, os, signal, sys
import lower_package, upper_package
def main():
    what = sys.argv[1] if len(sys.argv) > 1 else "show"
    if what == "show":
        print(json.dumps({"prefix": sys.prefix, "executable": sys.executable,
            "base_prefix": sys.base_prefix, "path": sys.path, "args": sys.argv[1:],
            "values": [lower_package.VALUE, upper_package.VALUE],
            "cached": upper_package.__cached__, "file": upper_package.__file__,
            "code_file": upper_package.where.__code__.co_filename,
            "cwd": os.getcwd(), "environment": dict(os.environ)}))
    elif what == "exit":
        sys.exit(int(sys.argv[2]))
    elif what == "echo":
        sys.stdout.write(sys.stdin.read().upper())
    elif what == "sleep":
        print("ready", flush=True)
        signal.pause()
if __name__ == "__main__":
    main()
"""
PACKAGE = "VALUE = {!r}\ndef where():\n    pass\n"


def chain(folder: Path, *, upper: str = "upper", app: str = APP_SOURCE,
          library_dirs: tuple[str, ...] = (),
          large: bool = False) -> tuple[DeployedArchive, ...]:  # fmt: skip
    """A runtime, two frameworks and an application, in deployment order."""
    names = (RUNTIME, "framework-lower", "framework-upper", "app-show")
    lower = {"lower_package/__init__.py": PACKAGE.format("lower"), "template.py": "{{ no python"}
    tars = (
        runtime(large=large),
        layer(names[1], lower, names[:1]),
        layer(names[2], {"upper_package.py": PACKAGE.format(upper)}, (names[1], names[0])),
        layer(
            names[3], {"show_app.py": app}, (names[2], names[1], names[0]), "show_app", library_dirs
        ),
    )
    suffixes = ("tar.zst", "tar.xz", "tar.gz", "tar.zst")
    return tuple(
        write_archive(folder, name, tar, suffix) for name, tar, suffix in zip(names, tars, suffixes)
    )


# A runtime whose interpreter is a link to the one that runs the tests: enough to post-install.
RT = "rt"


def small_runtime(extra: str = "") -> Tar:
    text = config()
    python = json.loads(text)["python"]
    script = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    tar = Tar().add(f"{RT}/{python}", script, mode=0o755)
    tar.add(f"{RT}/{SITE}/extra.py", f"x = {extra!r}").add(f"{RT}/{CONFIG}", text)
    return tar.add(f"{RT}/postinstall.py", "")


def tree(folder: Path) -> dict[str, Any]:
    """Everything below `folder` by name, with contents."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found
