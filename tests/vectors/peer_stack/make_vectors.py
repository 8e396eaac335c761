"""Publishes the stack beside this file with venvstacks 0.8.0, and keeps what that wrote.

    make_vectors.py PYTHON INTERPRETER

PYTHON is the interpreter of an environment (3.12) with ``venvstacks==0.8.0 pdm==2.25.9
pbs-installer==2025.8.27 hishel==0.1.5 httpx==0.28.1 unearth==0.17.5 uv==0.8.18``. INTERPRETER is an
archive of the CPython that the stack names, in python-build-standalone's ``install_only`` layout,
for linux_x86_64; of its contents, nothing is kept.

Written are the lockfiles, in ``stack/requirements``; the metadata of ``publish``, in ``published``,
and with ``--tag-outputs``, in ``tagged``; and in ``trees.json`` the files of each archive, without
those of the interpreter: their SHA-256, or where a link points.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
STACK = HERE / "stack"
RUNTIME_SITE = "/lib/python3.11/site-packages/"

# The peer downloads interpreters through two functions of pbs_installer; these copy the archive.
_RUN_PEER = """
import os, shutil, sys
import pbs_installer
from pbs_installer import PythonVersion
archive = os.environ["PEER_INTERPRETER"]
version = PythonVersion("cpython", *map(int, os.environ["PEER_PYTHON_VERSION"].split(".")))
pbs_installer.get_download_link = lambda *_, **__: (version, ("file://" + archive, None))
pbs_installer.download = lambda _, to, *__: os.path.basename(shutil.copy(archive, to))
from venvstacks.cli import main
sys.exit(main())
"""


class Peer:
    """The peer's command line on a copy of the stack."""

    def __init__(self, python: str, interpreter: str, stack: Path) -> None:
        self._python = python
        self._interpreter = str(Path(interpreter).resolve())
        self._stack = stack

    def run(self, *arguments: str) -> None:
        """One command."""
        text = (self._stack / "venvstacks.toml").read_text()
        version = re.findall(r'"cpython@(.*)"', text)[0]
        subprocess.run(
            [self._python, "-c", _RUN_PEER, *arguments, "venvstacks.toml"],
            cwd=self._stack,
            env={
                **os.environ,
                "PEER_INTERPRETER": self._interpreter,
                "PEER_PYTHON_VERSION": version,
            },
            check=True,
        )


def main(argv: list[str]) -> int:
    """Write all vectors."""
    python, interpreter = argv
    with tempfile.TemporaryDirectory() as folder:
        stack = Path(folder, "stack")
        ignored = shutil.ignore_patterns("requirements", "__pycache__")
        shutil.copytree(STACK, stack, ignore=ignored)
        peer = Peer(python, interpreter, stack)
        _lock_twice(peer, stack / "venvstacks.toml")
        peer.run("build", "--no-lock")
        peer.run("publish", "--output-dir", "../published")
        peer.run("publish", "--output-dir", "../tagged", "--tag-outputs")
        shutil.rmtree(STACK / "requirements", ignore_errors=True)
        shutil.copytree(stack / "requirements", STACK / "requirements")
        for name in ("published", "tagged"):
            shutil.rmtree(HERE / name, ignore_errors=True)
            metadata = "__venvstacks__"
            shutil.copytree(Path(folder, name, metadata), HERE / name / metadata)
        trees = {
            path.name.removesuffix(".tar.xz"): _tree(path)
            for path in sorted(Path(folder, "published").glob("*.tar.xz"))
        }
    text = json.dumps(trees, indent=1, sort_keys=True)
    (HERE / "trees.json").write_text(f"{text}\n")
    return 0


def _lock_twice(peer: Peer, spec: Path) -> None:
    """Lock an earlier state of a versioned framework first, so that its version is 2."""
    text = spec.read_text()
    spec.write_text(text.replace('requirements = ["rtree"]', "requirements = []"))
    peer.run("lock")
    spec.write_text(text)
    peer.run("lock")


def _tree(archive: Path) -> dict[str, str]:
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            top, _, path = member.name.partition("/")
            of_interpreter = top.startswith("cpython") and (
                path.startswith(("bin/", "include/", "lib/", "share/"))
                and not path.startswith("share/venv/")
                and RUNTIME_SITE not in f"/{path}"
            )
            if of_interpreter or path == "lib/python3.11/site-packages/README.txt":
                continue
            if member.issym():
                found[path] = f"-> {member.linkname}"
            elif member.isfile():
                content = tar.extractfile(member)
                assert content is not None
                found[path] = hashlib.sha256(content.read()).hexdigest()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
