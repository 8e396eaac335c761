"""Wheels whose RECORD is wrong are packaged; the user is told, once in a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import BuildRoot, build_root
from tests.support.wheels import FILE_NAME, decompressed, members, wheel_bytes

REMARK = (
    f"`{FILE_NAME}`: its RECORD is wrong (`extra.py` is not listed), and that of the layer is "
    "right."
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[BuildRoot]:
    # No wheel was unpacked here before.
    alone = {"PANTS_NAMED_CACHES_DIR": str(tmp_path / "caches")}
    config = 'uv_config = "uv.toml"\n'
    with build_root(tmp_path / "root", config=config, environment=alone) as root:
        root.write("uv.toml", "no-index = true\n")
        root.write(
            "s/BUILD",
            'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'
            'venvstacks_framework(name="one", runtime=":py", local_wheels=["wheels"], '
            'requirements=["demo"])\n'
            'venvstacks_manifest(name="all", layers=[":one"])\n',
        )
        wheel = wheel_bytes({"demo.py": b""}, unlisted={"extra.py": b"1\n"})
        root.write(f"s/wheels/{FILE_NAME}", wheel)
        yield root


@pytest.mark.slow
def test_the_user_is_told_once(root: BuildRoot) -> None:
    root.succeed("generate-lockfiles")
    for _ in range(2):
        done = root.succeed("package", "s:one", "s:all")
        assert done.stderr.count(REMARK) == 1
    for archive in root.path.glob("dist/**/framework-one.tar.zst"):
        found = {m.name.split("site-packages/")[-1]: m for m in members(decompressed(archive))}
        assert found["extra.py"].content == b"1\n"
        assert b"\nextra.py,sha256=" in found["demo-1.0.dist-info/RECORD"].content
    exported = root.succeed("venvstacks-export", "s:one")
    assert exported.stderr.count(f"Warning: {REMARK}") == 1
    # What the cache has is not unpacked again.
    assert REMARK not in root.succeed("venvstacks-export", "s:one").stderr
