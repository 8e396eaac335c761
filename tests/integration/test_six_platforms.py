"""All layers of a stack for six platforms, its interpreters fetched as lockfiles pin them.

What runs here is what a machine of the target runs after unpacking: post-installation.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.metadata
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from tests.support.build_root import BuildRoot, Finished
from tests.support.http_server import serve
from tests.support.pbs_archives import PLATFORMS, archive, mirror_path, pinned
from tests.support.shared_roots import shared_root
from tests.support.simple_index import package_wheel
from tests.support.wheels import Member, decompressed, members

VERSION = "3.13.5"
CONFIG = "share/venv/metadata/venvstacks_layer.json"
WINDOWS = ("win_amd64", "win_arm64")

# Of tbb, the wheel for Windows has its libraries in `Library/bin`, and nothing in site-packages.
BUILD = f"""\
venvstacks_runtime(name="py", python_implementation="cpython@{VERSION}")
venvstacks_framework(
    name="words", runtime=":py", requirements=["our-words"], local_wheels=["wheels"]
)
venvstacks_framework(
    name="numeric", runtime=":py", platforms=["linux_x86_64", "win_amd64"],
    requirements=["numpy==2.3.4", "tbb==2021.13.1; sys_platform == 'win32'"],
)
venvstacks_application(
    name="tell", launch_module="tell.py", frameworks=[":numeric"], requirements=["numpy"]
)
venvstacks_manifest(name="stack", layers=[":tell"])
venvstacks_application(name="say", launch_module="say.py", runtime=":py")
venvstacks_image(name="image", application=":say")
"""
LOCKFILE = "s/requirements/py/pylock.py.toml"


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    table = pinned(VERSION)
    ours = {name: archive(name, VERSION) for name in PLATFORMS}
    served = {f"/pbs{mirror_path(table[name][0])}": content for name, content in ours.items()}
    with serve(served) as server:
        options = {
            "PANTS_VENVSTACKS_PYTHON_PROVIDER": "pbs",
            "PANTS_VENVSTACKS_PYTHON_MIRROR": f"{server.url}/pbs",
        }
        with shared_root(environment=options) as made:
            made.write("s/BUILD", BUILD)
            # Bytes that no earlier run has left in a cache.
            new = {"our_words/new.txt": str(time.time_ns()).encode()}
            for name, content in package_wheel("our_words", files=new).items():
                made.write(f"s/wheels/{name}", content)
            made.write("s/say.py", "print('said')\n")
            made.write("s/tell.py", "import numpy\nprint(numpy.__version__)\n")
            made.succeed("generate-lockfiles")
            lock = made.read(LOCKFILE)
            for name, content in ours.items():
                lock = lock.replace(table[name][1], hashlib.sha256(content).hexdigest())
            made.write(LOCKFILE, lock)
            yield made


@pytest.fixture(scope="module")
def packaged(root: BuildRoot) -> Finished:
    """The layers that are for all platforms."""
    return root.succeed("--venvstacks-platforms=all", "package", "s:py", "s:words")


@pytest.fixture(scope="module")
def windows(root: BuildRoot) -> Path:
    """The folder of a stack's archives for Windows."""
    root.succeed("--venvstacks-platforms=['win_amd64']", "package", "s:stack")
    return root.path / "dist/s/win_amd64"


def entries(root: BuildRoot, platform: str, name: str) -> dict[str, Member]:
    """The entries of an archive, by path in the layer."""
    path = root.path / "dist/s" / platform / name
    found = (
        _zip_members(path.with_name(f"{name}.zip"))
        if platform in WINDOWS
        else members(decompressed(path.with_name(f"{name}.tar.zst")))
    )
    assert {member.name.partition("/")[0] for member in found} == {name}
    return {member.name.partition("/")[2]: member for member in found}


def _zip_members(path: Path) -> list[Member]:
    with zipfile.ZipFile(path) as read:
        assert read.testzip() is None
        return [
            Member(info.filename, read.read(info), info.external_attr >> 16 & 0o777, "")
            for info in read.infolist()
        ]


def config_of(files: dict[str, Member]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(files[CONFIG].content)
    return data


OWN = [CONFIG, "postinstall.py"]


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64"])
def test_interpreters_for_linux(root: BuildRoot, platform: str) -> None:
    files = entries(root, platform, "py")
    assert {path: file.link or oct(file.mode) for path, file in files.items()} == {
        "bin/python": "python3.13",
        "bin/python3": "python3.13",
        "bin/python3.13": "0o755",
        "include/python3.13/patchlevel.h": "0o644",
        "lib/libpython3.13.so": "libpython3.13.so.1.0",
        "lib/libpython3.13.so.1.0": "0o755",
        "lib/pkgconfig/python3.pc": "0o644",
        "lib/python3.13/os.py": "0o644",
        # Case counts there, and a hard link is a link.
        "share/terminfo/E/eterm": "0o644",
        "share/terminfo/e/eterm": "0o644",
        "share/terminfo/e/eterm-old": "eterm",
        "share/man/man1/python3.1": "python3.13.1",
        "share/man/man1/python3.13.1": "0o644",
        **dict.fromkeys(OWN, "0o644"),
    }
    assert files["bin/python3.13"].content.decode() == f"interpreter for {platform}"
    assert config_of(files)["py_version"] == VERSION


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize("platform", ["macosx_arm64", "macosx_x86_64"])
def test_interpreters_for_macos(root: BuildRoot, platform: str) -> None:
    files = entries(root, platform, "py")
    assert [path for path in files if path.startswith(("lib/lib", "share/terminfo"))] == [
        "lib/libpython3.13.dylib",
        "share/terminfo/E/eterm",
        "share/terminfo/E/eterm-old",
    ]
    # The content that it shared a place with is the other spelling's.
    assert files["share/terminfo/E/eterm-old"].content == b"eterm"
    assert files["bin/python3"].link == "python3.13"
    assert len({path.casefold() for path in files}) == len(files)
    assert config_of(files)["python"] == "bin/python"


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize("platform", WINDOWS)
def test_interpreters_for_windows(root: BuildRoot, platform: str) -> None:
    files = entries(root, platform, "py")
    assert sorted(files) == sorted(
        [
            "DLLs/_ssl.pyd",
            "Lib/os.py",
            "Lib/venv/scripts/nt/venvlauncher.exe",
            "Lib/venv/scripts/nt/venvwlauncher.exe",
            "include/Python.h",
            "include/patchlevel.h",
            "libs/python313.lib",
            "python.exe",
            "python3.dll",
            "python313.dll",
            "pythonw.exe",
            "tcl/tcl8.6/init.tcl",
            "vcruntime140.dll",
            "vcruntime140_1.dll",
            *OWN,
        ]
    )
    assert {file.mode for file in files.values()} == {0o644}
    assert files["python.exe"].content.decode() == f"MZ interpreter for {platform}"
    assert config_of(files) == {
        "python": "python.exe",
        "py_version": VERSION,
        "base_python": "python.exe",
        "site_dir": "Lib/site-packages",
        "pylib_dirs": [],
        "dynlib_dirs": [],
    }


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_metadata_of_each_platform(root: BuildRoot, packaged: Finished, platform: str) -> None:
    assert packaged.code == 0
    for name, bound in (("py", True), ("framework-words", False)):
        metadata = json.loads(root.read(f"dist/s/{platform}/{name}.json"))
        assert metadata["target_platform"] == platform
        assert metadata["python_implementation"] == f"cpython@{VERSION}"
        assert metadata["runtime_layer"] == "py"
        # Unlike the layers of `venvstacks`, those for Windows hold nothing of the interpreter.
        assert metadata["bound_to_implementation"] is bound


def test_a_wheel_for_any_platform_is_read_once_for_each_layout(packaged: Finished) -> None:
    read = [text for text in packaged.work if text.startswith("Compressed our_words ")]
    assert len(read) == 2


def unpacked(windows: Path, folder: Path) -> Path:
    """The layers of the stack for Windows, side by side."""
    for archive_path in sorted(windows.glob("*.zip")):
        with zipfile.ZipFile(archive_path) as read:
            read.extractall(folder)
    return folder


def test_every_path_is_one_that_windows_has(root: BuildRoot, windows: Path) -> None:
    assert windows.is_dir()
    for name in ("py", "framework-numeric", "app-tell"):
        files = entries(root, "win_amd64", name)
        assert len({path.casefold() for path in files}) == len(files)
        for path in files:
            assert not PureWindowsPath(path).is_reserved()
            assert not set(path) & set('<>:"|?*\\')
            assert not path.startswith(("Scripts/", "bin/", "lib/"))
        index = json.loads(root.read(f"dist/s/win_amd64/{name}.segments.json"))
        listed = [file for segment in index["segments"] for file in segment["files"]]
        assert {file["path"] for file in listed} == set(files)
        assert not any("link_target" in file or file.get("executable") for file in listed)


def test_records_are_those_of_what_is_installed(windows: Path, tmp_path: Path) -> None:
    layer = unpacked(windows, tmp_path) / "framework-numeric"
    recorded = set()
    names = set()
    for distribution in importlib.metadata.distributions(path=[str(layer / "Lib/site-packages")]):
        names.add(distribution.metadata["Name"])
        for entry in distribution.files or ():
            place = Path(str(entry.locate())).resolve()
            recorded.add(place.relative_to(layer.resolve()).as_posix())
            if entry.hash is not None:
                digest = hashlib.sha256(place.read_bytes()).digest()
                assert entry.hash.value == base64.urlsafe_b64encode(digest).decode().rstrip("=")
                assert entry.size == place.stat().st_size
    assert names == {"numpy", "tbb"}
    there = {path.relative_to(layer).as_posix() for path in layer.rglob("*") if path.is_file()}
    chain = {name for name in there if "venvstacks_chain" in name}
    assert len(chain) == 2
    assert there - recorded == {*OWN, *chain}
    assert recorded <= there
    assert "Library/bin/tbb12.dll" in there
    libraries = [path for path in there if path.startswith("Lib/site-packages/numpy.libs/")]
    assert len([path for path in libraries if path.endswith(".dll")]) >= 1


def test_post_installation_of_layers_for_windows(windows: Path, tmp_path: Path) -> None:
    folder = unpacked(windows, tmp_path)
    config = json.loads((folder / "app-tell" / CONFIG).read_text())
    assert config == {
        "python": "Scripts/python.exe",
        "py_version": VERSION,
        "base_python": "../py/python.exe",
        "site_dir": "Lib/site-packages",
        "pylib_dirs": ["../framework-numeric/Lib/site-packages", "../py/Lib/site-packages"],
        "dynlib_dirs": ["../framework-numeric/Library/bin", "../py/Library/bin"],
        "launch_module": "tell",
    }
    for name in ("py", "framework-numeric", "app-tell"):
        command = [sys.executable, "-I", str(folder / name / "postinstall.py")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (folder / "py/pyvenv.cfg").exists()
    assert not (folder / "py/Scripts").exists()
    layer = folder / "app-tell"
    assert (layer / "pyvenv.cfg").read_text().splitlines() == [
        f"home = {folder}/py",
        "include-system-site-packages = false",
        f"version = {VERSION}",
        f"executable = {folder}/py/python.exe",
    ]
    assert {path.name: path.read_text() for path in (layer / "Scripts").iterdir()} == {
        "python.exe": "MZ venvlauncher.exe for win_amd64",
        "pythonw.exe": "MZ venvwlauncher.exe for win_amd64",
    }
    # What Windows' Python has and this one has not; with what the launcher finds by `pyvenv.cfg`.
    code = "import os, site, sys; os.add_dll_directory = print; site.addsitedir(sys.argv[1]); "
    code += "print(*sys.path[-2:], sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, str(layer / "Lib/site-packages")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [
        str(folder / "framework-numeric/Library/bin"),
        str(layer / "Lib/site-packages"),
        # The runtime of this test has no packages.
        str(folder / "framework-numeric/Lib/site-packages"),
    ], done.stderr


def test_one_image_for_both_architectures(root: BuildRoot) -> None:
    options = ("--venvstacks-platforms=all", "--venvstacks-byte-code=none")
    said = root.succeed(*options, "package", "s:image").stderr
    blobs = root.path / "dist/s/image.oci/blobs/sha256"
    (named,) = json.loads(root.read("dist/s/image.oci/index.json"))["manifests"]
    assert named["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert f"  {named['digest']}\n  linux/amd64: 2 layers, " in said

    def read(descriptor: dict[str, Any]) -> Any:
        content = (blobs / descriptor["digest"].partition(":")[2]).read_bytes()
        assert descriptor["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert descriptor["size"] == len(content)
        return content

    index = json.loads(read(named))
    found = {}
    for each in index["manifests"]:
        manifest = json.loads(read(each))
        config = json.loads(read(manifest["config"]))
        layers = [gzip.decompress(read(layer)) for layer in manifest["layers"]]
        hashes = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        assert config["rootfs"]["diff_ids"] == hashes
        assert config["config"]["Entrypoint"] == ["/app-say/bin/python", "-P", "-m", "say"]
        found[each["platform"]["architecture"]] = config["architecture"], layers
    assert {name: architecture for name, (architecture, _) in found.items()} == {
        "amd64": "amd64",
        "arm64": "arm64",
    }
    for architecture, platform in (("amd64", "linux_x86_64"), ("arm64", "linux_aarch64")):
        runtime, application = found[architecture][1]
        assert f"interpreter for {platform}".encode() in runtime
        assert b"print('said')" in application
    # The application is the same.
    assert found["amd64"][1][1] == found["arm64"][1][1]
