"""A stack as published by venvstacks 0.8.0 and by us, from the same lockfiles, file by file."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.interpreter_archives import HEADER, file, tar
from tests.support.outputs import tree, unpack
from tests.support.shared_roots import shared_root

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "peer_stack"
DIST = "first/stack/linux_x86_64"
TAGGED = "tagged/stack/linux_x86_64"
BUILD = """\
file(name="interpreter", source="interpreter.tar")
venvstacks_stack(
    name="stack",
    overrides={
        "cpython-3.11": {"python_archives": {"linux_x86_64": ":interpreter"}},
    },
)
"""
# Nothing is run, so this is an interpreter.
INTERPRETER = (
    file("python/bin/python3.11", "ELF", 0o755),
    file("python/include/python3.11/patchlevel.h", HEADER.replace("3.11.13", "3.11.7")),
)
OF_THE_INTERPRETER = ("bin/python", "bin/python3", "bin/python3.11", "include/python3.11/")
# A copy that `auditwheel` made for one package: the peer offers it to all, and so it has wrappers
# where we have links.
GRAFTED = {"framework-maps@2": {"share/venv/dynlib/libspatialindex-e5350069.so"}}

pytestmark = pytest.mark.skipif(
    NATIVE != "linux_x86_64", reason="the peer built its vectors on linux_x86_64"
)


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    config = 'archive_format = "tar.xz"\ncompression_level = 0\n'
    with shared_root(config=config) as made:
        shutil.copytree(VECTORS / "stack", made.path / "stack")
        made.write("stack/BUILD", BUILD)
        made.write("stack/interpreter.tar", tar(INTERPRETER))
        provider = "--venvstacks-python-provider=archive"
        made.succeed(provider, "package", "stack:stack")
        (made.path / "dist").rename(made.path / "first")
        made.succeed(provider, "--venvstacks-tag-outputs", "package", "::")
        (made.path / "dist").rename(made.path / "tagged")
        yield made


def metadata(folder: Path) -> dict[str, Any]:
    """What lies in ``__venvstacks__``, by path, without what depends on the archives' bytes."""
    found = {}
    for path in sorted(folder.rglob("__venvstacks__/**/*.json")):
        data = json.loads(path.read_text())
        # Both lay the files out alike.
        assert path.read_text() == json.dumps(data, indent=2, sort_keys=True) + "\n"
        entries = [data]
        if "layers" in data:
            # The only key beside those of the peer.
            data.pop("segment_indexes", None)
            entries = [entry for entries in data["layers"].values() for entry in entries]
        for entry in entries:
            assert entry.pop("archive_size") > 0
            assert len(entry.pop("archive_hashes").pop("sha256")) == 64
        found[path.relative_to(folder).as_posix()] = data
    return found


def test_metadata_is_that_of_the_peer(root: BuildRoot) -> None:
    expected = metadata(VECTORS / "published")
    assert len(expected) == 7
    assert metadata(root.path / DIST) == expected


def test_tagged_metadata_is_that_of_the_peer(root: BuildRoot) -> None:
    expected = metadata(VECTORS / "tagged")
    assert len(expected) == 7
    assert metadata(root.path / TAGGED) == expected


@pytest.mark.parametrize(("folder", "tag"), [(DIST, ""), (TAGGED, "-linux_x86_64-1")])
def test_archives_are_where_the_manifest_says(root: BuildRoot, folder: str, tag: str) -> None:
    (path,) = (root.path / folder / "__venvstacks__").glob("venvstacks*.json")
    manifest = json.loads(path.read_text())
    entries = [e for entries in manifest["layers"].values() for e in entries]
    expected, hashes = {"__venvstacks__"}, {}
    for entry in entries:
        stem = entry["archive_name"].removesuffix(".tar.xz")
        assert stem == entry["install_target"] + tag
        assert (path.parents[1] / entry["archive_name"]).stat().st_size == entry["archive_size"]
        beside = json.loads((path.parents[1] / f"{stem}.json").read_text())
        assert beside == entry
        expected |= {f"{stem}{end}" for end in (".tar.xz", ".json", ".segments.json")}
        segments = path.parents[1] / f"{stem}.segments.json"
        hashes[segments.name] = f"sha256:{hashlib.sha256(segments.read_bytes()).hexdigest()}"
    assert manifest["segment_indexes"] == hashes
    assert {file.name for file in path.parents[1].iterdir()} == expected


def files(archive: Path, folder: Path) -> dict[str, str]:
    """The content of each file, as in the peer's ``trees.json``."""
    unpack(archive, folder)
    found = {}
    for path, (kind, _mode, _time, content) in tree(folder).items():
        name = path.partition("/")[2]
        of_interpreter = "cpython" in archive.name and name.startswith(OF_THE_INTERPRETER)
        if kind != "folder" and not of_interpreter:
            found[name] = content if kind == "file" else f"-> {content}"
    return found


@pytest.mark.parametrize("install_target", sorted(json.loads((VECTORS / "trees.json").read_text())))
def test_files_are_those_of_the_peer(root: BuildRoot, install_target: str, tmp_path: Path) -> None:
    peers: dict[str, str] = json.loads((VECTORS / "trees.json").read_text())[install_target]
    ours = files(root.path / DIST / f"{install_target}.tar.xz", tmp_path)
    differing = {name for name in peers if ours.get(name) != peers[name]}
    differing |= ours.keys() - peers.keys()
    expected = {
        name
        for name in peers
        # Who installed a package, on whose request, and the RECORD of both.
        if name.endswith((".dist-info/INSTALLER", ".dist-info/REQUESTED", ".dist-info/RECORD"))
    }
    expected.add("postinstall.py")
    expected |= {name for name in ours if "venvstacks_chain" in name}
    expected |= GRAFTED.get(install_target, set())
    assert GRAFTED.get(install_target, set()).isdisjoint(ours)
    if not install_target.startswith("cpython"):
        expected |= {"bin/python", "bin/python_"}
        assert ours["bin/python"] == peers["bin/python_"]
        assert "bin/python_" not in ours
    assert differing == expected
