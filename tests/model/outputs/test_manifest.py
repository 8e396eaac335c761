from __future__ import annotations

from typing import Any

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.model.outputs.manifest import stack_manifest
from venvstacks_rules.model.outputs.metadata import LayerMetadata, ModuleHash
from venvstacks_rules.model.outputs.names import (
    ArchiveNames,
    archive_names,
    env_metadata_path,
    manifest_path,
)

RUNTIME: dict[str, Any] = {
    "layer_name": "cpython-3.11",
    "install_target": "cpython-3.11@3",
    "requirements_hash": "sha256:" + "a" * 64,
    "lock_version": 3,
    "locked_at": "2026-01-02T03:04:05+00:00",
    "target_platform": "linux_x86_64",
    "runtime_layer": "cpython-3.11@3",
    "python_implementation": "cpython@3.11.13",
    "bound_to_implementation": True,
}


def test_a_runtime_requires_no_layers() -> None:
    assert LayerMetadata(**RUNTIME).to_dict() == RUNTIME


def test_what_is_exported_is_of_no_archive_and_for_no_platform() -> None:
    # As local-export of venvstacks 0.8 writes it.
    expected = {key: value for key, value in RUNTIME.items() if key != "target_platform"}
    assert LayerMetadata(**RUNTIME).to_export_dict() == expected


def test_a_framework_lists_what_it_requires_even_if_that_is_nothing() -> None:
    metadata = LayerMetadata(**RUNTIME, required_layers=())
    assert metadata.to_dict() == {**RUNTIME, "required_layers": []}


def test_an_application_tells_its_modules() -> None:
    launch: dict[str, Any] = {
        "app_launch_module": "demo",
        "app_launch_module_hash": "sha256:" + "b" * 64,
    }
    metadata = LayerMetadata(**RUNTIME, **launch, required_layers=("framework-a", "framework-b@2"))
    expected = {**RUNTIME, **launch, "required_layers": ["framework-a", "framework-b@2"]}
    assert metadata.to_dict() == expected
    support = (ModuleHash("util", "sha256/" + "c" * 64), ModuleHash("a", "sha256:" + "d" * 64))
    metadata = LayerMetadata(**RUNTIME, **launch, required_layers=(), app_support_modules=support)
    assert metadata.to_dict()["app_support_modules"] == [
        {"name": "util", "hash": "sha256/" + "c" * 64},
        {"name": "a", "hash": "sha256:" + "d" * 64},
    ]


def test_names_of_files() -> None:
    plain = archive_names("app-x@2", extension=".tar.xz", platform="linux_aarch64", tagged=False)
    assert plain == ArchiveNames("app-x@2.tar.xz", "app-x@2.json", "app-x@2.segments.json")
    tagged = archive_names("app-x@2", extension=".tar.xz", platform="linux_aarch64", tagged=True)
    assert tagged == ArchiveNames(
        "app-x@2-linux_aarch64-1.tar.xz",
        "app-x@2-linux_aarch64-1.json",
        "app-x@2-linux_aarch64-1.segments.json",
    )


def test_paths_of_manifests() -> None:
    plain: dict[str, Any] = {"platform": "linux_aarch64", "tagged": False}
    assert manifest_path(**plain) == "__venvstacks__/venvstacks.json"
    assert env_metadata_path("app-x", **plain) == "__venvstacks__/env_metadata/app-x.json"
    tagged = {**plain, "tagged": True}
    assert manifest_path(**tagged) == "__venvstacks__/venvstacks-linux_aarch64.json"
    assert env_metadata_path("app-x", **tagged) == (
        "__venvstacks__/env_metadata/app-x-linux_aarch64.json"
    )


def test_a_manifest_keeps_the_order_of_each_kind() -> None:
    layers = [
        (LayerKind.APPLICATION, {"layer_name": "app-z"}),
        (LayerKind.RUNTIME, {"layer_name": "py"}),
        (LayerKind.APPLICATION, {"layer_name": "app-a"}),
    ]
    assert stack_manifest(layers) == {
        "layers": {
            "runtimes": [{"layer_name": "py"}],
            "frameworks": [],
            "applications": [{"layer_name": "app-z"}, {"layer_name": "app-a"}],
        }
    }


def test_a_manifest_has_the_hashes_of_segment_indexes() -> None:
    assert stack_manifest([], {"py.segments.json": "ab12"}) == {
        "layers": {"runtimes": [], "frameworks": [], "applications": []},
        "segment_indexes": {"py.segments.json": "sha256:ab12"},
    }


def test_what_is_left_out() -> None:
    chosen = (
        ChosenFiles("a", "a-1-py3-none-any.whl", ()),
        ChosenFiles("b", "b-1-py3-none-any.whl", ("*.a", "tests"), 2, 30, (("x", "tests"),)),
    )
    metadata = LayerMetadata(**RUNTIME, chosen_files=chosen, stripped_interpreter=("test",))
    assert metadata.to_dict() == {
        **RUNTIME,
        "excluded_files": {"b": {"globs": ["*.a", "tests"], "files": 2, "size": 30}},
        "stripped_interpreter": ["test"],
    }
    assert "excluded_files" not in LayerMetadata(**RUNTIME, chosen_files=chosen[:1]).to_dict()
