"""Archives of each format, read by the programs that people unpack archives with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import BuildRoot
from tests.support.outputs import Tree, native_platform, tree, unpack
from tests.support.shared_roots import shared_root

TAR_FORMATS = ("tar.zst", "tar.xz", "tar.gz")
FORMATS = (*TAR_FORMATS, "zip")
LAYERS = ("app-hello", "cpython-3.9", "framework-text")
Archives = dict[str, dict[str, Path]]
"""By format and layer."""

IN_UTC = {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8"}
"""The times in a zip archive are local ones, and names are written as the locale has them."""

ZIP_PROGRAMS = {
    "unzip": (["-tqq"], ["-q", "-d", "{folder}"]),
    "7zz": (["t", "-bso0", "-bsp0"], ["x", "-snld20", "-bso0", "-bsp0", "-o{folder}"]),
}
"""How they are asked to test an archive, and to unpack it; they take the archive first or last."""

DIST = f"examples.hello/{native_platform()}"

BUILD = """\
venvstacks_runtime(name="cpython-3.9", python_implementation="cpython@3.9")
venvstacks_framework(
    name="default",
    runtime=":cpython-3.9",
)
venvstacks_framework(
    name="smallest",
    runtime=":cpython-3.9",
    archive_format="tar.xz",
    compression_level=6,
)
venvstacks_framework(
    name="quickest",
    runtime=":cpython-3.9",
    archive_format="tar.xz",
    compression_level=0,
)
venvstacks_framework(
    name="common",
    runtime=":cpython-3.9",
    archive_format="tar.gz",
)
"""


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as root:
        # It is unpacked a dozen times, and has files of all kinds.
        root.copy_small_example()
        yield root


@pytest.fixture(scope="module")
def archives(root: BuildRoot, tmp_path_factory: pytest.TempPathFactory) -> Archives:
    """The hello stack in each format: the archive of each layer."""
    found = {}
    for archive_format in FORMATS:
        root.succeed(
            f"--venvstacks-archive-format={archive_format}",
            "--venvstacks-compression-level=1",
            "package",
            "examples/hello:",
        )
        folder = tmp_path_factory.mktemp("archives") / archive_format
        shutil.move(root.path / "dist" / DIST, folder)
        found[archive_format] = {name: folder / f"{name}.{archive_format}" for name in LAYERS}
        names = [f"{name}.{end}" for name in LAYERS for end in ("json", "segments.json")]
        names += [path.name for path in found[archive_format].values()]
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    return found


@pytest.fixture(scope="module")
def expected(archives: Archives, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The tree that Python's tarfile makes of the default format."""
    folder = tmp_path_factory.mktemp("expected")
    for archive in archives["tar.zst"].values():
        unpack(archive, folder)
    found = tree(folder)
    shutil.rmtree(folder)
    assert {name for name in found if "/" not in name} == set(LAYERS)
    assert found["app-hello/bin/python3"] == ("link", 0, 0, "python")
    assert found["app-hello/postinstall.py"][:2] == ("file", 0o644)
    assert found["cpython-3.9/bin/python3.9"][:2] == ("file", 0o755)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder to unpack in; these are large, and pytest would keep them."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("archive_format", TAR_FORMATS)
def test_gnu_tar_reads_archives(
    archive_format: str,
    archives: Archives,
    expected: Tree,
    folder: Path,
) -> None:
    needed = {"tar.zst": "zstd", "tar.xz": "xz", "tar.gz": "gzip"}[archive_format]
    gnu_tar = next((name for name in ("gtar", "tar") if _is_gnu_tar(name)), None)
    if gnu_tar is None or shutil.which(needed) is None:
        pytest.skip(f"GNU tar and {needed} are not both on PATH")
    for archive in archives[archive_format].values():
        subprocess.run([gnu_tar, "-xf", archive, "-C", folder], check=True)
    assert tree(folder) == expected


@pytest.mark.parametrize("archive_format", FORMATS)
def test_bsdtar_reads_archives(
    archive_format: str,
    archives: Archives,
    expected: Tree,
    folder: Path,
) -> None:
    if shutil.which("bsdtar") is None:
        pytest.skip("bsdtar (libarchive) is not on PATH")
    for archive in archives[archive_format].values():
        subprocess.run(["bsdtar", "-xf", archive, "-C", folder], check=True, env=IN_UTC)
    assert tree(folder) == expected


@pytest.mark.parametrize("archive_format", ["tar.xz", "tar.gz"])
def test_tarfile_reads_archives(
    archive_format: str,
    archives: Archives,
    expected: Tree,
    folder: Path,
) -> None:
    for archive in archives[archive_format].values():
        unpack(archive, folder)
    assert tree(folder) == expected


@pytest.mark.parametrize("program", ZIP_PROGRAMS)
def test_zip_programs_read_archives(
    program: str, archives: Archives, expected: Tree, folder: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on PATH")
    for archive in archives["zip"].values():
        for arguments in ZIP_PROGRAMS[program]:
            given = [argument.format(folder=folder) for argument in arguments]
            at = given.index("-d") if "-d" in given else len(given)
            command = [program, *given[:at], str(archive), *given[at:]]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=IN_UTC)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert tree(folder) == expected


def test_zipfile_reads_archives(archives: Archives, expected: Tree) -> None:
    names: list[str] = []
    for archive in archives["zip"].values():
        with zipfile.ZipFile(archive) as opened:
            assert opened.testzip() is None
            names += opened.namelist()
    assert sorted(names) == sorted(n for n, entry in expected.items() if entry[0] != "folder")


def test_layers_run_and_are_tested_from_zip_archives(root: BuildRoot) -> None:
    option = "--venvstacks-archive-format=zip"
    done = root.succeed(option, "run", "examples/hello:hello", "--", "zip")
    assert done.stdout.splitlines()[0] == "Hello, zip!"
    done = root.succeed(option, "test", "examples/hello:hello")
    assert "✓ examples/hello:hello succeeded" in done.stderr


@pytest.mark.parametrize("archive_format", ["tar.xz", "zip"])
def test_unpacked_archives_deploy_and_run(
    archive_format: str, archives: Archives, folder: Path
) -> None:
    for archive in archives[archive_format].values():
        if archive_format == "zip":
            subprocess.run(["unzip", "-q", archive, "-d", folder], check=True)
        else:
            unpack(archive, folder)
    python = folder / "cpython-3.9" / "bin" / "python3.9"
    for name in ("cpython-3.9", "framework-text", "app-hello"):
        subprocess.run([python, "-I", folder / name / "postinstall.py"], check=True)
    config = folder / "app-hello" / "share" / "venv" / "metadata" / "venvstacks_layer.json"
    launch_module = json.loads(config.read_text())["launch_module"]
    done = subprocess.run(
        [folder / "app-hello" / "bin" / "python", "-m", launch_module, "tar"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
        cwd="/",
    )
    assert done.stdout.splitlines()[0] == "Hello, tar!"


@pytest.mark.parametrize("archive_format", FORMATS)
def test_metadata_tells_size_and_hash_of_the_archive(
    archive_format: str, archives: Archives
) -> None:
    for name, archive in archives[archive_format].items():
        metadata = json.loads((archive.parent / f"{name}.json").read_text())
        assert metadata["archive_name"] == archive.name
        assert metadata["archive_size"] == archive.stat().st_size
        assert metadata["archive_hashes"] == {"sha256": _sha256sum(archive)}


def test_fields_override_options(root: BuildRoot) -> None:
    root.write("fields/BUILD", BUILD)
    root.succeed("generate-lockfiles", *_resolves("fields", BUILD))
    root.succeed(
        "--venvstacks-archive-format=tar.gz", "--venvstacks-compression-level=1", "package",
        "fields:default",
    )  # fmt: skip
    root.succeed("package", "fields:smallest", "fields:quickest", "fields:common")
    folder = root.path / "dist" / "fields" / native_platform()
    assert sorted(path.name for path in folder.glob("*.tar.*")) == [
        "framework-common.tar.gz",
        "framework-default.tar.gz",
        "framework-quickest.tar.xz",
        "framework-smallest.tar.xz",
    ]
    # The size of the dictionary is what an xz file says of its level.
    assert _xz_dictionary(folder / "framework-smallest.tar.xz") == "8.0 MiB"
    assert _xz_dictionary(folder / "framework-quickest.tar.xz") == "256.0 KiB"


def test_a_level_of_the_option_reaches_the_archive(root: BuildRoot, archives: Archives) -> None:
    quickest = archives["tar.gz"]["app-hello"].stat().st_size
    root.succeed(
        "--venvstacks-archive-format=tar.gz",
        "--venvstacks-compression-level=9",
        "package",
        "examples/hello:hello",
    )
    assert (root.path / "dist" / DIST / "app-hello.tar.gz").stat().st_size < quickest * 0.95


@pytest.mark.parametrize(
    ("archive_format", "level", "message"),
    [
        (
            "tar.zst",
            20,
            "20 is not a compression level of `tar.zst`: use 1 to 19 (the default is 9)",
        ),
        ("tar.xz", 9, "9 is not a compression level of `tar.xz`: use 0 to 6 (the default is 5)"),
        ("tar.gz", 0, "0 is not a compression level of `tar.gz`: use 1 to 9 (the default is 6)"),
    ],
)
def test_a_wrong_level_of_the_option_is_one_message(
    root: BuildRoot, archive_format: str, level: int, message: str
) -> None:
    done = root.pants(
        f"--venvstacks-archive-format={archive_format}",
        f"--venvstacks-compression-level={level}",
        "package",
        "examples/hello:cpython-3.9",
    )
    assert done.code == 1
    assert done.error == (
        "DefinitionError: Invalid compression of a layer:\n"
        f"  * examples/hello:cpython-3.9: `[venvstacks].compression_level`: {message}"
    )


def test_a_wrong_level_of_a_field_is_one_message(root: BuildRoot) -> None:
    root.write("wrong/BUILD", BUILD.replace("compression_level=6", "compression_level=7"))
    root.succeed("generate-lockfiles", *_resolves("wrong", BUILD))
    done = root.pants("package", "wrong:smallest")
    assert done.code == 1
    assert done.error == (
        "DefinitionError: Invalid compression of a layer:\n"
        "  * wrong:smallest: `compression_level`: 7 is not a compression level of `tar.xz`: "
        "use 0 to 6 (the default is 5)"
    )


def _resolves(folder: str, build: str) -> list[str]:
    names = [line.split('"')[1] for line in build.splitlines() if 'name="' in line]
    return [f"--resolve={folder}:{name}" for name in names]


def _is_gnu_tar(name: str) -> bool:
    if shutil.which(name) is None:
        return False
    done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
    return "GNU tar" in done.stdout


def _sha256sum(path: Path) -> str:
    openssl = ["openssl", "dgst", "-sha256", "-r", str(path)]
    done = subprocess.run(openssl, capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def _xz_dictionary(path: Path) -> str:
    """The largest dictionary that the filters of an xz file name."""
    data = path.read_bytes()
    filter_flags = data.index(b"\x21\x01", 12, 64)
    bits = data[filter_flags + 2]
    size = (2 | (bits & 1)) << (bits // 2 + 11)
    return f"{size / 2**20} MiB" if size >= 2**20 else f"{size / 2**10} KiB"
