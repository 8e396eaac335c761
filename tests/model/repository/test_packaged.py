from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile_json import changed
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segment_index import IndexedSegment, SegmentIndex
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.packaged import (
    WHOLE,
    PackagedLayer,
    PackagedStack,
    stack_version,
)

A, B = 64 * "a", 64 * "b"


def layer(name: str, below: tuple[str, ...] | None = None, **more: Any) -> dict[str, Any]:
    """The entry of a layer; `below` are frameworks, None for a runtime."""
    found = {
        "layer_name": name,
        "install_target": name,
        "target_platform": "linux_x86_64",
        "runtime_layer": "py",
        "archive_name": f"{name}.tar.zst",
        "archive_size": 300,
        "archive_hashes": {"sha256": A},
        "archive_build": 1,
    }
    if below is not None:
        found["required_layers"] = list(below)
    return {**found, **more}


MANIFEST: dict[str, Any] = {
    "layers": {
        "applications": [layer("app-b", ("framework-y", "framework-x")), layer("app-a", ())],
        # Upper ones first, which no writer does.
        "frameworks": [layer("framework-y", ("framework-x",)), layer("framework-x", ())],
        "runtimes": [layer("py")],
    },
    "segment_indexes": {"app-a.segments.json": f"sha256:{B}"},
}


def read(manifest: Any) -> PackagedStack:
    return PackagedStack.from_json(json.dumps(manifest).encode(), "m")


def test_the_layers_of_an_application() -> None:
    stack = read(MANIFEST)
    assert [one.layer_name for one in stack.needed_by("app-b")] == [
        "py", "framework-x", "framework-y", "app-b",
    ]  # fmt: skip
    runtime, app = stack.needed_by("app-a")
    assert (runtime.kind, app.kind) == ("runtime", "application")
    assert app.metadata == {
        "layer_name": "app-a",
        "install_target": "app-a",
        "target_platform": "linux_x86_64",
        "runtime_layer": "py",
        "required_layers": [],
    }
    assert (app.segments_sha256, runtime.segments_sha256) == (B, None)
    assert (app.archive.sha256, app.archive.size, app.archive_format) == (A, 300, "tar.zst")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("archive-x.tar.zst", "archive-x.segments.json"),
        ("x@1-linux_x86_64-1.tar.xz", "x@1-linux_x86_64-1.segments.json"),
        ("x.tar.gz", "x.segments.json"),
        ("x.zip", "x.segments.json"),
    ],
)
def test_the_name_of_a_segment_index(name: str, expected: str) -> None:
    stack = read({"layers": {"runtimes": [layer("py", archive_name=name)]}})
    assert stack.layers[0].segments_name == expected


@pytest.mark.parametrize("app", ["app-c", "framework-x"])
def test_an_application_that_is_not_there(app: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        read(MANIFEST).needed_by(app)
    assert caught.value.summary == f"The manifest has no application `{app}`."
    assert caught.value.problems == ("its applications are `app-a`, `app-b`",)


def test_everything_that_is_wrong() -> None:
    manifest = copy.deepcopy(MANIFEST)
    manifest["layers"]["runtimes"] = [
        layer(
            "py",
            ("..", "a/b"),
            install_target="../x",
            layer_name="a b",
            archive_name="py.rar",
            archive_hashes={},
            archive_size=-1,
        )
    ]
    manifest["layers"]["frameworks"] = []
    manifest["layers"]["applications"] = [layer("app", (), archive_name="../app.zip")]
    manifest["segment_indexes"] = {"x": "sha256:AB", "y": A, "z": 1}
    with pytest.raises(RepositoryError) as caught:
        read(manifest)
    assert caught.value.summary == "`m` cannot be used."
    assert caught.value.problems == (
        "`segment_indexes.z`: expected a string, got an integer",
        "`segment_indexes['x']`: is not `sha256:` and a hash",
        "`segment_indexes['y']`: is not `sha256:` and a hash",
        "`layers.runtimes[0].install_target`: the path contains `..`: '../x'",
        "`layers.runtimes[0].layer_name`: 'a b': it may have up to 100 ASCII letters, digits, "
        "`.`, `_`, `-`, `@` and `+`, and starts and ends with a letter or a digit",
        "`layers.runtimes[0].required_layers[0]`: is not the name of a layer's folder",
        "`layers.runtimes[0].required_layers[1]`: is not the name of a layer's folder",
        "`layers.runtimes[0].archive_name`: 'py.rar' is not the name of an archive",
        "`layers.runtimes[0].archive_hashes.sha256`: missing",
        "`layers.runtimes[0].archive_size`: expected a size in bytes, got -1",
        "`layers.applications[0].archive_name`: the path contains `..`: '../app.zip'",
    )


@given(changed(json.dumps(MANIFEST)))
def test_hostile_manifests(content: bytes) -> None:
    try:
        stack = PackagedStack.from_json(content)
        for one in stack.layers:
            assert one.segments_name
            if one.kind == "application":
                stack_version(stack.needed_by(one.layer_name))
    except RepositoryError:
        pass


def one_layer(archive_format: str = "tar.zst") -> PackagedLayer:
    entry = layer("py", archive_name=f"py.{archive_format}")
    return read({"layers": {"runtimes": [entry]}}).layers[0]


def file(path: str, sha256: str) -> ArchivedFile:
    return ArchivedFile(path, 5, sha256)


SEGMENTS = (
    IndexedSegment("a.whl", 0, 100, A, 1024, (file("x", A), file("both", A))),
    IndexedSegment("layer", 100, 200, B, 2048, (file("both", B),)),
)


def index(**changes: Any) -> bytes:
    found = SegmentIndex("py", "py.tar.zst", 300, A, "tar.zst", 3, SEGMENTS).to_dict()
    return json.dumps({**found, **changes}).encode()


def test_a_segment_index() -> None:
    assert one_layer().read_segments(index()) == SEGMENTS


@pytest.mark.parametrize(
    "changes",
    [
        {"install_target": "other"},
        {"archive_name": "py-2.tar.zst"},
        {"archive_sha256": B},
        {"archive_format": "tar.xz"},
    ],
)
def test_the_segment_index_of_another_archive(changes: dict[str, Any]) -> None:
    with pytest.raises(RepositoryError) as caught:
        one_layer().read_segments(index(**changes))
    assert caught.value.summary == "`py.segments.json` cannot be used."


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 20000, index(format_version=2)])
def test_what_is_no_segment_index(content: bytes) -> None:
    with pytest.raises(RepositoryError, match=r"^`py\.segments\.json` "):
        one_layer().read_segments(content)


def test_an_archive_as_one_segment() -> None:
    joined = one_layer().joined(SEGMENTS)
    files = (file("x", A), file("both", B))
    assert joined == IndexedSegment(WHOLE, 0, 300, A, 3072, files)
    assert one_layer("zip").joined(SEGMENTS).tar_size is None


def test_versions_tell_layers_apart() -> None:
    stack, other = read(MANIFEST), copy.deepcopy(MANIFEST)
    other["layers"]["applications"][0]["archive_hashes"]["sha256"] = B
    changed_stack = read(other)
    versions = {
        stack_version(one.needed_by(app))
        for one in (stack, changed_stack)
        for app in ("app-a", "app-b")
    }
    # That of `app-a` is the same.
    assert len(versions) == 3
    assert all(len(version) == 16 for version in versions)


@given(st.binary(max_size=50))
def test_bytes_that_are_no_manifest(content: bytes) -> None:
    with pytest.raises(RepositoryError):
        PackagedStack.from_json(content)
