"""Applications of sealed layers, deployed by `tar` alone; nothing is written after that."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.images import ARCHITECTURES, Layout, machine_files, start_image
from tests.support.shared_roots import shared_root

BUILD = f"""\
venvstacks_runtime(
    name="py", python_implementation="cpython@3.11", platforms=["{NATIVE}", "win_amd64"],
    requirements=["click"], strip_interpreter=["development", "idlelib", "test", "tkinter"], SEALED
)
venvstacks_framework(name="text", runtime=":py", requirements=["rich"], SEALED)
venvstacks_application(
    name="show", frameworks=[":text"], launch_module="show.py", requirements=["rich"],
    console_scripts=["pygmentize"], APPLICATION
)
"""
SHOW = """\
import sys
import click, json, rich.console
rich.console.Console(file=sys.stdout).print(f"{sys.argv[1:]} {rich.__name__} {click.__name__}")
"""
LAYERS = ("py", "framework-text", "app-show")
TRACED = "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,symlink"


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as root:
        root.write("s/show.py", SHOW)
        write(root)
        root.succeed("generate-lockfiles")
        root.succeed("package", "s:")
        yield root


def write(root: BuildRoot, below: str = "sealed=True", application: str = "sealed=True") -> None:
    root.write("s/BUILD", BUILD.replace("SEALED", below).replace("APPLICATION", application))


def unpacked(root: BuildRoot, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in LAYERS:
        archive = root.path / f"dist/s/{NATIVE}/{name}.tar.zst"
        subprocess.run(["tar", "--zstd", "-xf", str(archive), "-C", str(folder)], check=True)
    return folder


def command(folder: Path, *arguments: str) -> list[str]:
    """How the layer config says to start the application."""
    layer = folder / "app-show"
    config = json.loads((layer / "share/venv/metadata/venvstacks_layer.json").read_text())
    return [str(layer / config["python"]), "-m", config["launch_module"], *arguments]


def started(arguments: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    return subprocess.run(
        arguments,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def tree(folder: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


EXPECTED = "['a'] rich click\n"


def test_tar_alone_deploys_and_nothing_is_written(root: BuildRoot, tmp_path: Path) -> None:
    folder = unpacked(root, tmp_path / "a b ü")
    before = tree(folder)
    assert started(command(folder, "a")) == EXPECTED
    script = str(folder / "app-show/bin/pygmentize")
    assert started([script, "-V"]).startswith("Pygments version")
    for name in LAYERS:
        python = str(folder / "py/bin/python")
        assert started([python, str(folder / name / "postinstall.py"), "--no-compile"]) == ""
    assert tree(folder) == before
    # All modules that were imported have byte code that Python took.
    done = subprocess.run(
        [*command(folder)[:1], "-v", *command(folder, "a")[1:]],
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "# wrote" not in done.stderr
    compiled = [line for line in done.stderr.splitlines() if line.startswith("# code object from")]
    assert [line for line in compiled if ".pyc" not in line] == []
    assert len(compiled) > 50
    assert tree(folder) == before


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_system_call_would_write(root: BuildRoot, tmp_path: Path) -> None:
    folder = unpacked(root, tmp_path / "layers")
    log = tmp_path / "log"
    strace = ["strace", "-f", "-e", f"trace={TRACED}", "-o", str(log)]
    assert started([*strace, *command(folder, "a")]) == EXPECTED
    calls = [line for line in log.read_text().splitlines() if str(folder) in line]
    assert calls
    assert [call for call in calls if "O_WRONLY" in call or "O_RDWR" in call] == []
    assert [call for call in calls if "open" not in call.split("(")[0]] == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_chain_takes_few_system_calls(root: BuildRoot, tmp_path: Path) -> None:
    folder = unpacked(root, tmp_path / "layers")
    calls = {}
    for name in ("py", "app-show"):
        log = tmp_path / f"{name}.log"
        python = str(folder / name / "bin/python")
        started(["strace", "-f", "-o", str(log), python, "-s", "-c", "pass"])
        calls[name] = len(log.read_text().splitlines())
    # Two layers below: an environment, a file of paths, a module, and a look into each folder.
    assert 0 < calls["app-show"] - calls["py"] <= 100


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
def test_read_only_mounted_twice_and_moved(root: BuildRoot, tmp_path: Path) -> None:
    folder = unpacked(root, tmp_path / "layers")
    mounts = ["bwrap", "--ro-bind", "/", "/", "--tmpfs", "/mnt", "--dev", "/dev"]
    for place in ("/mnt/one", "/mnt/two and more"):
        mounts += ["--ro-bind", str(folder), place]
    for place in ("/mnt/one", "/mnt/two and more"):
        start = [place + part[len(str(folder)) :] if part.startswith(str(folder)) else part
                 for part in command(folder, "a")]  # fmt: skip
        assert started([*mounts, *start]) == EXPECTED
        where = [*mounts, start[0], "-c", "import rich, os; print(rich.__file__, os.__file__)"]
        found = started(where)
        assert found.count(place) == 2
        assert str(folder) not in found
    moved = folder.rename(tmp_path / "moved")
    assert started(command(moved, "a")) == EXPECTED
    (tmp_path / "linked").symlink_to(moved)
    assert started(command(tmp_path / "linked", "a")) == EXPECTED


@pytest.mark.skipif(not all(map(shutil.which, ("bwrap", "skopeo"))), reason="needs both")
def test_an_image_has_the_bytes_of_the_archives(root: BuildRoot, tmp_path: Path) -> None:
    base = Layout(root.path / "i/base")
    base.name(base.add_image(machine_files(), ARCHITECTURES[platform.machine()]))
    root.write(
        "i/BUILD",
        'files(name="base", sources=["base/**"])\n'
        'venvstacks_image(name="image", application="s:show", base=":base", compression="zstd")\n',
    )
    root.succeed("package", "i:image")
    image = f"oci:{root.path}/dist/i/image.oci:latest"
    # It compares all hashes, and unpacks what is compressed.
    copy = ["skopeo", "copy", "--quiet", "--dest-decompress", image, f"dir:{tmp_path}/copy"]
    subprocess.run(copy, check=True)
    layers = json.loads(started(["skopeo", "inspect", "--raw", image]))["layers"]
    archives = [root.path / f"dist/s/{NATIVE}/{name}.tar.zst" for name in LAYERS]
    hashes = [hashlib.sha256(archive.read_bytes()).hexdigest() for archive in archives]
    assert [layer["digest"] for layer in layers[1:]] == [f"sha256:{found}" for found in hashes]
    config = json.loads(started(["skopeo", "inspect", "--config", image]))
    rootfs = tmp_path / "rootfs"
    rootfs.mkdir()
    for diff_id in config["rootfs"]["diff_ids"]:
        tar = tmp_path / "copy" / diff_id.partition(":")[2]
        subprocess.run(["tar", "-xf", str(tar), "-C", str(rootfs)], check=True)
    assert start_image(rootfs, config["config"], "a") == EXPECTED
    places = "import os, rich, sys; print(rich.__file__, os.__file__, sys.path)"
    python = {**config["config"], "Entrypoint": ["/app-show/bin/python"]}
    assert "//" not in start_image(rootfs, python, "-I", "-c", places)


@pytest.mark.skipif(shutil.which("bsdtar") is None, reason="needs bsdtar")
def test_another_tar(root: BuildRoot, tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    folder.mkdir()
    for name in LAYERS:
        archive = root.path / f"dist/s/{NATIVE}/{name}.tar.zst"
        subprocess.run(["bsdtar", "-xf", str(archive), "-C", str(folder)], check=True)
    assert started(command(folder, "a")) == EXPECTED


def test_goals_that_start_it(root: BuildRoot) -> None:
    assert root.succeed("run", "s:show", "--", "a").stdout == EXPECTED
    root.succeed("test", "s:show")
    root.succeed("venvstacks-export", "s:show")
    (layer,) = root.path.glob("dist/**/app-show/pyvenv.cfg")
    # It stays where it is.
    assert "home = " in layer.read_text()
    assert started([str(layer.parent / "bin/python"), "-m", "show", "a"]) == EXPECTED


def test_an_application_above_that_is_not_sealed(root: BuildRoot, tmp_path: Path) -> None:
    write(root, application="")
    root.succeed("package", "s:")
    folder = unpacked(root, tmp_path / "layers")
    before = tree(folder / "framework-text"), tree(folder / "py")
    post = [str(folder / "py/bin/python"), "-I", str(folder / "app-show/postinstall.py")]
    started(post)
    assert started(command(folder, "a")) == EXPECTED
    assert (tree(folder / "framework-text"), tree(folder / "py")) == before
    assert root.succeed("run", "s:show", "--", "a").stdout == EXPECTED
    write(root)


def test_one_on_a_framework_that_is_not_sealed_is_refused(root: BuildRoot) -> None:
    write(root, below="")
    refused = root.pants("package", "s:show")
    assert refused.code == 1
    assert (
        "s:show: `sealed` is True, but s:text below is not sealed: something would still be "
        "written there. Set `sealed=True` there, too, or remove it here."
    ) in refused.stderr
    write(root)


@pytest.mark.parametrize("byte_code", ["included", "none"])
def test_other_layers_are_not_compiled_at_deployment(
    root: BuildRoot, tmp_path: Path, byte_code: str
) -> None:
    write(root, below=f'byte_code="{byte_code}"', application=f'byte_code="{byte_code}"')
    root.succeed("package", "s:")
    folder = unpacked(root, tmp_path / "layers")
    before = tree(folder)
    for name in LAYERS:
        python = str(folder / "py/bin/python")
        started([python, "-I", "-B", str(folder / name / "postinstall.py")])
    new = sorted(set(tree(folder)) - set(before))
    compiled = [path for path in new if path.endswith(".pyc")]
    # The module that chains the layers is read at every start.
    if byte_code == "none":
        assert len(compiled) == 2
        assert all("_venvstacks_chain_" in path for path in compiled)
    assert [path for path in new if path not in compiled and "__pycache__" not in path] == [
        "app-show/pyvenv.cfg",
        "framework-text/pyvenv.cfg",
    ]
    assert started(command(folder, "a"), {"PYTHONDONTWRITEBYTECODE": "1"}) == EXPECTED


def test_byte_code_is_for_every_platform_the_same(root: BuildRoot) -> None:
    write(root)
    root.succeed("package", "--venvstacks-platforms=['all']", "s:text", "s:show")
    shas: dict[str, dict[str, str]] = {}
    for name in (NATIVE, "win_amd64"):
        index = json.loads(root.read(f"dist/s/{name}/framework-text.segments.json"))
        shas[name] = {
            file["path"].partition("site-packages/")[2]: file["sha256"]
            for segment in index["segments"]
            for file in segment["files"]
            if file["path"].endswith(".pyc") and "_venvstacks_" not in file["path"]
        }
    assert shas[NATIVE] == shas["win_amd64"]
    assert "rich/__pycache__/console.cpython-311.pyc" in shas[NATIVE]
    metadata = json.loads(root.read(f"dist/s/{NATIVE}/framework-text.json"))
    assert (metadata["byte_code"], metadata["sealed"]) == ("included", True)
