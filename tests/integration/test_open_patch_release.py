"""A runtime that names X.Y: its lock names the release, and all layers are built for that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
from pbs_installer import _versions

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.http_server import serve
from tests.support.pbs_archives import PLATFORMS, archive, mirror_path, pinned
from tests.support.shared_roots import shared_root

LOCKFILE = "s/requirements/py/pylock.py.toml"
NEWEST = max(
    release.micro
    for release, archives in _versions.PYTHON_VERSIONS.items()
    if release[:3] == ("cpython", 3, 12) and not release.freethreaded
    if PLATFORMS[NATIVE] in archives
)


@pytest.fixture
def root() -> Iterator[BuildRoot]:
    version = f"3.12.{NEWEST}"
    url, sha256 = pinned(version)[NATIVE]
    content = archive(NATIVE, version)
    with serve({f"/pbs{mirror_path(url)}": content}) as server:
        options = {
            "PANTS_VENVSTACKS_PYTHON_PROVIDER": "pbs",
            "PANTS_VENVSTACKS_PYTHON_MIRROR": f"{server.url}/pbs",
        }
        with shared_root(environment=options) as made:
            made.write(
                "s/BUILD",
                'venvstacks_runtime(name="py", python_implementation="cpython@3.12", '
                f'platforms=["{NATIVE}"])\n'
                'venvstacks_framework(name="low", runtime=":py")\n',
            )
            made.succeed("generate-lockfiles")
            assert f'python_version = "{version}"' in made.read(LOCKFILE)
            ours = hashlib.sha256(content).hexdigest()
            made.write(LOCKFILE, made.read(LOCKFILE).replace(sha256, ours))
            yield made


def test_all_layers_are_for_the_release_in_the_lock(root: BuildRoot) -> None:
    root.succeed("package", "s:py", "s:low")
    for name in ("py", "framework-low"):
        (metadata,) = root.path.glob(f"dist/**/{name}.json")
        data = json.loads(metadata.read_text())
        assert data["python_implementation"] == f"cpython@3.12.{NEWEST}"
    # A lock that names no release, as another tool may write it.
    lines = root.read(LOCKFILE).splitlines(keepends=True)
    root.write(LOCKFILE, "".join(line for line in lines if "python_version =" not in line))
    done = root.pants("package", "s:low")
    assert done.code == 1
    assert "    - it names no release of CPython 3.12" in done.error
