"""The same inputs give the same bytes, whoever builds them, where, and how."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.support.build_root import REPOSITORY, BuildRoot, build_root, with_home
from tests.support.outputs import hashes, native_platform

# MarkupSafe is a binary wheel; it has none for Windows on ARM.
BUILD = """\
venvstacks_runtime(
    name="cpython-3.9",
    python_implementation="cpython@3.9",
    requirements=["packaging"],
    strip_interpreter=["development", "idlelib", "test", "tkinter"],
    platforms=["linux_x86_64", "linux_aarch64", "macosx_arm64", "macosx_x86_64", "win_amd64"],
    archive_format="zip",
)
venvstacks_framework(
    name="markup", runtime=":cpython-3.9", requirements=["markupsafe"], archive_format="tar.xz"
)
venvstacks_framework(
    name="words", runtime=":cpython-3.9", requirements=["humanize"], archive_format="tar.gz"
)
venvstacks_application(
    name="greet", launch_module="greeter", frameworks=[":markup", ":words"],
    requirements=["markupsafe", "humanize", "iniconfig"],
)
"""
MODULE = {
    "greeter/__init__.py": "",
    "greeter/__main__.py": "from greeter.text.words import greeting\nprint(greeting())\n",
    "greeter/text/__init__.py": "",
    "greeter/text/words.py": "def greeting() -> str:\n    return 'Grüße'\n",
    "greeter/text/templates/a.txt": "first",
    "greeter/text/templates/B.txt": "second",
}
LAYERS = (
    ("app-greet", ".tar.zst"),
    ("cpython-3.9", ".zip"),
    ("framework-markup", ".tar.xz"),
    ("framework-words", ".tar.gz"),
)


@contextlib.contextmanager
def builder(folder: Path, name: str, environment: dict[str, str]) -> Iterator[BuildRoot]:
    """A build root with its own copy of the plugin, stores, home and work folder.

    The machine's interpreters are the same for all: they are an input.
    """
    own = folder / "own"
    shutil.copytree(
        REPOSITORY / "src" / "python" / "venvstacks_rules",
        own / "plugin" / "venvstacks_rules",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (own / "home").mkdir()
    everything = {
        **with_home(own / "home"),
        "PANTS_PYTHONPATH": str([str(own / "plugin")]),
        "PANTS_LOCAL_STORE_DIR": str(own / "store"),
        "PANTS_NAMED_CACHES_DIR": str(own / "caches"),
        "PANTS_WORKDIR": str(folder / name / ".pants.d"),
        **environment,
    }
    with build_root(folder / name, environment=everything) as root:
        yield root
    shutil.rmtree(own)


@contextlib.contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def test_archives_are_the_same_bytes_whoever_builds_them(tmp_path: Path) -> None:
    first = {
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "1",
        "PANTS_PROCESS_EXECUTION_LOCAL_PARALLELISM": "1",
    }
    second = {
        "TZ": "Asia/Kathmandu",
        "LANG": "C",
        "LC_ALL": "POSIX",
        "PYTHONHASHSEED": "4242",
        "PANTS_PROCESS_EXECUTION_LOCAL_PARALLELISM": "2",
        # For one command, which takes a daemon longer than none.
        "PANTS_PANTSD": "false",
    }
    with umask(0o022), builder(tmp_path / "one", "checkout", first) as root:
        root.write("stack/BUILD", BUILD)
        for path, text in MODULE.items():
            root.write(f"stack/{path}", text)
        root.succeed("generate-lockfiles")
        root.succeed("--venvstacks-documents", "package", "stack:")
        shutil.copytree(root.path / "dist", tmp_path / "dist")
        shutil.copytree(root.path / "stack" / "requirements", tmp_path / "requirements")
    with umask(0o077), builder(tmp_path / "two ✓", "chéckout 2", second) as root:
        for path, text in reversed(MODULE.items()):
            root.write(f"stack/{path}", text).chmod(0o700)
        root.write("stack/greeter/__pycache__/words.cpython-39.pyc", b"stale")
        root.write("stack/BUILD", BUILD)
        shutil.copytree(tmp_path / "requirements", root.path / "stack" / "requirements")
        root.succeed("--venvstacks-documents", "package", "stack:")
        again = hashes(root.path / "dist")
    folder = f"stack/{native_platform()}"
    assert sorted(again) == sorted(
        f"{folder}/{name}{end}"
        for name, extension in LAYERS
        for end in (extension, ".json", ".segments.json", ".cdx.json", ".provenance.json")
    )
    assert again == hashes(tmp_path / "dist")
