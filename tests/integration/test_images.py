"""Images of two applications: packaged, unpacked, started; pushed to a registry."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_root import BuildRoot, build_root
from tests.support.images import ARCHITECTURES, Layout, machine_files, start_image
from tests.support.registries import ServedRegistry, serve_registry

PROGRAMS = ("bwrap", "docker-registry", "skopeo", "umoci")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason=f"needs {PROGRAMS}"),
]

BUILD = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.11", strip_interpreter=["test"])
venvstacks_framework(name="text", runtime=":py", requirements=["rich"])
[
    venvstacks_application(name=name, frameworks=[":text"], launch_module=f"{name}.py")
    for name in ("one", "two")
]
venvstacks_image(
    name="image", application=":one", base="BASE", cmd=["default"], env={"GREETING": "good day"},
    exposed_ports=["8000"], image_labels={"org.opencontainers.image.title": "One"},
    image_tags=["1.0", "latest"], registries=["REGISTRY"], repository="team/one", workdir="/tmp",
)
venvstacks_image(name="second", application=":two", base="BASE", registries=["REGISTRY"])
files(name="base", sources=["base/**"])
"""
ONE = """\
import os, sys
import rich
print(rich.__name__, sys.argv[1:], os.environ["GREETING"], os.environ["PATH"], os.getcwd())
print(rich.__cached__, os.listdir(os.path.dirname(rich.__cached__)) != [])
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRegistry]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as served:
        yield served


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, served: ServedRegistry) -> Iterator[BuildRoot]:
    folder = tmp_path_factory.mktemp("images") / "root"
    with build_root(folder, environment=served.environment) as root:
        root.write("s/one.py", ONE)
        root.write("s/two.py", "print('two')\n")
        base = Layout(root.path / "s/base")
        files = {**machine_files(), "tmp/empty": b""}
        config = {"Env": ["PATH=/nowhere"], "Cmd": ["/bin/sh"], "User": "0"}
        base.name(base.add_image(files, ARCHITECTURES[platform.machine()], config))
        write(root, served, ":base")
        root.succeed("generate-lockfiles")
        root.succeed("package", "s:image", "s:second")
        yield root


def write(root: BuildRoot, served: ServedRegistry, base: str) -> None:
    root.write("s/BUILD", BUILD.replace("BASE", base).replace("REGISTRY", served.host))


def skopeo(*arguments: str) -> Any:
    done = subprocess.run(["skopeo", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout


def layers(image: str, *options: str) -> list[str]:
    return [layer["digest"] for layer in skopeo("inspect", *options, "--raw", image)["layers"]]


def test_umoci_unpacks_what_starts_without_a_step(root: BuildRoot, tmp_path: Path) -> None:
    image = f"{root.path}/dist/s/image.oci:1.0"
    unpack = ["umoci", "unpack", "--rootless", "--image", image, str(tmp_path / "bundle")]
    subprocess.run(unpack, check=True)
    config = skopeo("inspect", "--config", f"oci:{image}")["config"]
    assert config["Labels"] == {"org.opencontainers.image.title": "One"}
    assert config["ExposedPorts"] == {"8000/tcp": {}}
    assert config["User"] == "0"
    process = json.loads((tmp_path / "bundle/config.json").read_text())["process"]
    assert process["args"] == [*config["Entrypoint"], "default"]
    cached = (
        "/framework-text/lib/python3.11/site-packages/rich/__pycache__/__init__.cpython-311.pyc"
    )
    expected = "rich {} good day /nowhere /tmp\n" + f"{cached} True\n"
    rootfs = tmp_path / "bundle/rootfs"
    assert start_image(rootfs, config) == expected.format("['default']")
    assert start_image(rootfs, config, "a", "b c") == expected.format("['a', 'b c']")


def test_the_same_bytes_without_a_cache(root: BuildRoot, tmp_path: Path) -> None:
    before = (root.path / "dist/s/image.oci/index.json").read_bytes()
    store = f"--local-store-dir={tmp_path / 'store'}"
    root.succeed("--no-pantsd", store, "package", "s:image")
    assert (root.path / "dist/s/image.oci/index.json").read_bytes() == before


def test_a_registry_has_shared_layers_once(
    root: BuildRoot, served: ServedRegistry, tmp_path: Path
) -> None:
    said = root.succeed("publish", "s:image").stdout
    # Base, runtime, framework, application, configuration.
    assert "5 blobs sent (" in said
    assert served.uploads() == ["team/one"] * 5
    said = root.succeed("publish", "s:second").stdout
    assert "2 blobs sent (" in said
    assert served.uploads() == ["team/one"] * 5 + ["second"] * 2
    assert served.mounts() == [("second", "team/one")] * 3
    before = len(served.uploads())
    assert "the registry has all of it" in root.succeed("publish", "s:second").stdout
    assert len(served.uploads()) == before
    login = ["--tls-verify=false", "--authfile", str(served.folder / "config.json")]
    remote, local = f"docker://{served.host}", f"oci:{root.path}/dist/s"
    one, two = layers(f"{remote}/team/one:1.0", *login), layers(f"{remote}/second:latest", *login)
    assert one == layers(f"{local}/image.oci:1.0")
    assert two == layers(f"{local}/second.oci:latest")
    assert one[:3] == two[:3]
    source = ["--src-tls-verify=false", "--src-authfile", str(served.folder / "config.json")]
    skopeo("copy", "--quiet", *source, f"{remote}/team/one:latest", f"oci:{tmp_path}/pulled:x")
    pulled = skopeo("inspect", f"oci:{tmp_path}/pulled:x")
    assert pulled["Digest"] == skopeo("inspect", f"{local}/image.oci:1.0")["Digest"]
    # Nobody sees the password.
    assert not any(secret in said for secret in served.secrets)


def test_a_base_of_the_registry(root: BuildRoot, served: ServedRegistry) -> None:
    login = ["--dest-tls-verify=false", "--dest-authfile", str(served.folder / "config.json")]
    source, remote = f"oci:{root.path}/s/base", f"{served.host}/team/base"
    skopeo("copy", "--quiet", *login, source, f"docker://{remote}:1")
    before = skopeo("inspect", f"oci:{root.path}/dist/s/image.oci:1.0")["Digest"]
    digest = skopeo("inspect", source)["Digest"]
    write(root, served, f"{remote}:1@{digest}")
    root.succeed("package", "s:image")
    assert skopeo("inspect", f"oci:{root.path}/dist/s/image.oci:1.0")["Digest"] == before
    write(root, served, f"{remote}:1")
    refused = root.pants("package", "s:image")
    assert refused.code == 1
    assert f"write '{remote}:1@sha256:...'." in refused.stderr
    write(root, served, ":base")
