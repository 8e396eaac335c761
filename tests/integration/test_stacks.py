"""Stacks as they are published, and deployed with no more knowledge than the manifest gives."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.client_repository import called
from tests.support.shared_roots import shared_root

LAYER_CONFIG = "share/venv/metadata/venvstacks_layer.json"
MANIFEST = '\nvenvstacks_manifest(name="stack", layers=[":cpython-3.9", ":text", ":hello"])\n'
VERSIONED = '    name="text",\n    versioned=True,\n'
PUBLISHED = f"examples.hello/{NATIVE}"
DIST = f"dist/{PUBLISHED}"


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.copy_small_example()
        build = made.read("examples/hello/BUILD")
        assert '    name="text",\n' in build
        versioned = build.replace('    name="text",\n', VERSIONED)
        made.write("examples/hello/BUILD", versioned + MANIFEST)
        # The example's lock is version 1, of a layer that is not versioned.
        made.succeed("generate-lockfiles", "--resolve=examples/hello:text")
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder to unpack in; these are large, and pytest would keep them."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def deploy(published: Path, destination: Path) -> list[Mapping[str, Any]]:
    """Deploy a published stack as the manual of venvstacks says; the applications' metadata."""
    manifest = json.loads((published / "__venvstacks__/venvstacks.json").read_text())["layers"]
    layers = [*manifest["runtimes"], *manifest["frameworks"], *manifest["applications"]]
    for layer in layers:
        archive = published / layer["archive_name"]
        subprocess.run(["tar", "-xf", archive, "-C", destination], check=True)
    for layer in layers:
        path = destination / layer["install_target"]
        base_python = read_config(path)["base_python"]
        subprocess.run([path / base_python, path / "postinstall.py"], check=True)
    return list(manifest["applications"])


def read_config(layer: Path) -> Mapping[str, Any]:
    config: dict[str, Any] = json.loads((layer / LAYER_CONFIG).read_text())
    return config


def start(layer: Path, *arguments: str) -> str:
    """What an application prints that is started as the manual of venvstacks says."""
    config = read_config(layer)
    done = subprocess.run(
        [layer / config["python"], "-m", config["launch_module"], *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
        cwd="/",
    )
    return done.stdout


@pytest.mark.parametrize(("options", "needed"), [
    ([], "zstd"),
    (["--venvstacks-archive-format=tar.xz", "--venvstacks-compression-level=0"], "xz"),
])  # fmt: skip
def test_a_published_stack_deploys_by_its_manifest(
    root: BuildRoot, options: list[str], needed: str, folder: Path
) -> None:
    if not _is_gnu_tar() or shutil.which(needed) is None:
        pytest.skip(f"GNU tar and {needed} are not both on PATH")
    done = root.succeed(*options, "package", "examples/hello:stack")
    published = folder / "published"
    shutil.move(root.path / DIST, published)
    indexes = [json.loads(path.read_text()) for path in published.glob("*.segments.json")]
    assert {name: sum(counts) for name, counts in done.segments.items()} == {
        index["archive_name"]: len(index["segments"]) for index in indexes
    }
    layers = folder / "layers"
    layers.mkdir()
    (application,) = deploy(published, layers)
    assert application["app_launch_module"] == "hello"
    output = start(layers / application["install_target"], "manifest")
    assert output.splitlines()[0] == "Hello, manifest!"


@pytest.mark.slow
def test_the_client_installs_what_was_packaged(root: BuildRoot, folder: Path) -> None:
    root.succeed("package", "examples/hello:stack")
    published = root.path / "dist" / PUBLISHED
    manifest = (published / "__venvstacks__/venvstacks.json").read_bytes()
    done = called(
        *("install", "--from", published, "--app", "app-hello", "--into", folder / "apps"),
        *("--manifest", f"sha256:{hashlib.sha256(manifest).hexdigest()}"),
    )
    assert (done.returncode, done.stderr.count("note")) == (0, 0), done
    assert called("verify", "--into", folder / "apps").returncode == 0
    ran = called("run", "--into", folder / "apps", "app-hello", "--", "client")
    assert ran.stdout.splitlines()[0] == "Hello, client!"


def _is_gnu_tar() -> bool:
    done = subprocess.run(["tar", "--version"], capture_output=True, text=True, check=False)
    return "GNU tar" in done.stdout


def test_a_new_version_of_a_layer_reaches_those_above(root: BuildRoot) -> None:
    # A version that no earlier run has left segments of in a cache.
    version = 2 + secrets.randbelow(10**9)
    path = "examples/hello/requirements/framework-text/pylock.framework-text.meta.json"
    root.write(path, json.dumps({**json.loads(root.read(path)), "lock_version": version}))
    root.succeed("package", "examples/hello:")
    assert required_layers(root) == [f"framework-text@{version}"]
    build = root.read("examples/hello/BUILD")
    changed = build.replace('requirements=["rich"],', 'requirements=["rich", "iniconfig"],')
    assert changed != build
    root.write("examples/hello/BUILD", changed)
    root.succeed("generate-lockfiles", "--resolve=examples/hello:text")
    done = root.succeed("package", "examples/hello:")
    made = [text.split(" (")[0] for text in done.work]
    # The prefix of the versioned layer's own files is another one; above, only names changed.
    assert made == [
        "Assembled app-hello.tar.zst",
        f"Assembled framework-text@{version + 1}.tar.zst",
        "Compressed 5 wheels for framework-text",
    ]
    assert required_layers(root) == [f"framework-text@{version + 1}"]
    metadata = json.loads(root.read(f"{DIST}/__venvstacks__/env_metadata/framework-text.json"))
    assert metadata["lock_version"] == version + 1
    assert metadata["install_target"] == f"framework-text@{version + 1}"
    assert metadata["archive_name"] == f"framework-text@{version + 1}.tar.zst"
    # The names in the deployed config are right if the application finds its framework.
    done = root.succeed("run", "examples/hello:hello", "--", "versions")
    assert done.stdout.splitlines()[0] == "Hello, versions!"


def required_layers(root: BuildRoot) -> list[str]:
    metadata = json.loads(root.read(f"{DIST}/__venvstacks__/env_metadata/app-hello.json"))
    assert metadata["lock_version"] == 1
    found: list[str] = metadata["required_layers"]
    return found


def test_versions_of_a_layer_that_is_not_versioned_are_not_published(root: BuildRoot) -> None:
    path = "examples/hello/requirements/app-hello/pylock.app-hello.meta.json"
    text = root.read(path)
    root.write(path, json.dumps({**json.loads(text), "lock_version": 5}))
    try:
        root.succeed("package", "examples/hello:hello")
    finally:
        root.write(path, text)
    metadata = json.loads(root.read(f"{DIST}/app-hello.json"))
    assert metadata["lock_version"] == 1
    assert metadata["install_target"] == "app-hello"


def test_a_stack_of_layers_for_other_platforms_is_skipped_with_a_note(root: BuildRoot) -> None:
    root.write(
        "foreign/BUILD",
        'venvstacks_runtime(\n    name="py", python_implementation="cpython@3.9", platforms=[]\n)\n'
        'venvstacks_manifest(name="stack", layers=[":py"])\n',
    )
    done = root.succeed("package", "foreign:stack")
    notes = [line.partition("[INFO] ")[2] for line in done.stderr.splitlines() if "foreign" in line]
    assert notes[-2:] == [
        f"foreign:stack is packaged without foreign:py for {NATIVE}: it has no platforms.",
        f"foreign:stack is not packaged for {NATIVE}: it has no layers to build there.",
    ]
    assert not (root.path / "dist/foreign").exists()
