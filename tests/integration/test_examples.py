"""The examples, packaged: every file as the formats describe it, and what is built again when."""

from __future__ import annotations

import itertools
import json
import os
import posixpath
import re
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli
from packaging.markers import Marker

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot
from tests.support.published_layers import (
    PublishedLayer,
    deploy,
    module_hash,
    record_hash,
    record_rows,
    requirements_hash,
    run_deployed,
    segment_entries,
    sha256,
)
from tests.support.shared_roots import shared_root
from tests.support.simple_index import package_wheel, simple_index
from venvstacks_rules.model.contents.segments import LARGE_FILE
from venvstacks_rules.model.wording import size_text

SITE = "lib/python3.9/site-packages"
CONFIG = "share/venv/metadata/venvstacks_layer.json"
RUNTIME = "cpython-3.9"


@dataclass(frozen=True)
class Example:
    """A layer of the examples, and what its BUILD file says of it."""

    folder: str
    install_target: str
    frameworks: tuple[str, ...] = ()
    """All below, in import order."""
    launch_module: str | None = None

    @property
    def lower(self) -> tuple[str, ...]:
        return () if self.install_target == RUNTIME else (*self.frameworks, RUNTIME)

    @property
    def requirements(self) -> str:
        return f"examples/{self.folder}/requirements/{self.install_target}"

    @property
    def lock_stem(self) -> str:
        return f"pylock.{self.install_target.replace('.', '_')}"

    def published(self, root: BuildRoot) -> PublishedLayer:
        folder = root.path / "dist" / f"examples.{self.folder}" / NATIVE
        return PublishedLayer(folder, self.install_target)


EXAMPLES = (
    Example("hello", RUNTIME),
    Example("hello", "framework-text"),
    Example("hello", "app-hello", ("framework-text",), "hello.py"),
    Example("sklearn", RUNTIME),
    Example("sklearn", "framework-sklearn"),
    Example("sklearn", "framework-http"),
    Example("sklearn", "app-classify", ("framework-sklearn",), "classify.py"),
    Example("sklearn", "app-report", ("framework-sklearn", "framework-http"), "report"),
)
HELLO, SKLEARN = EXAMPLES[:3], EXAMPLES[3:]
# No layer has shared libraries that others can be linked to: numpy and scikit-learn have copies
# under names of their own, and find these themselves.
OFFER_LIBRARIES: set[tuple[str, str]] = set()

each_layer = pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda e: f"{e.folder}-{e.install_target}"
)


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    alias = '\n[cli.alias]\npack = "package examples/::"\n'
    with shared_root(config=alias) as made:
        made.copy_example("hello")
        made.copy_example("sklearn")
        made.succeed("package", "examples/::")
        yield made


@pytest.fixture(scope="module")
def python_version(root: BuildRoot) -> str:
    """X.Y.Z of the interpreter captured, from its own header."""
    header = HELLO[0].published(root).entries()[f"{RUNTIME}/include/python3.9/patchlevel.h"]
    found = re.search(r'#define PY_VERSION\s+"([0-9.]+)"', header.content.decode())
    assert found is not None
    return found[1]


def test_the_files(root: BuildRoot) -> None:
    dist = root.path / "dist"
    assert {str(f.relative_to(dist)) for f in dist.rglob("*") if f.is_file()} == {
        f"examples.{example.folder}/{NATIVE}/{example.install_target}.{suffix}"
        for example in EXAMPLES
        for suffix in ("tar.zst", "json", "segments.json")
    }


@each_layer
def test_metadata(root: BuildRoot, python_version: str, example: Example) -> None:
    published = example.published(root)
    archive = published.archive.read_bytes()
    locked = json.loads(root.read(f"{example.requirements}/{example.lock_stem}.meta.json"))
    pylock = root.path / example.requirements / f"{example.lock_stem}.toml"
    expected = {
        "layer_name": example.install_target,
        "install_target": example.install_target,
        "requirements_hash": requirements_hash(pylock),
        "lock_version": 1,
        "locked_at": locked["locked_at"].replace("Z", "+00:00"),
        "archive_name": f"{example.install_target}.tar.zst",
        "archive_size": len(archive),
        "archive_hashes": {"sha256": sha256(archive)},
        "archive_build": 1,
        "target_platform": NATIVE,
        "runtime_layer": RUNTIME,
        "python_implementation": f"cpython@{python_version}",
        "bound_to_implementation": not example.lower,
    }
    if example.lower:
        expected["required_layers"] = list(example.frameworks)
    if example.launch_module is not None:
        module = root.path / "examples" / example.folder / example.launch_module
        expected["app_launch_module"] = module.stem
        expected["app_launch_module_hash"] = module_hash(module)
    assert published.metadata == expected
    assert locked["requirements_hash"] == expected["requirements_hash"]


@each_layer
def test_segments_cover_the_archive_and_stand_alone(root: BuildRoot, example: Example) -> None:
    published = example.published(root)
    archive = published.archive.read_bytes()
    assert {k: v for k, v in published.index.items() if k != "segments"} == {
        "format_version": 1,
        "install_target": example.install_target,
        "archive_name": published.archive.name,
        "archive_size": len(archive),
        "archive_sha256": sha256(archive),
        "archive_format": "tar.zst",
        "compression_level": 9,
    }
    offset = 0
    listed: list[str] = []
    for segment, packed in published.segments():
        assert segment["offset"] == offset
        assert segment["sha256"] == sha256(packed)
        offset += segment["size"]
        tar_size, entries = segment_entries(packed)
        assert segment["tar_size"] == tar_size
        files: list[dict[str, object]] = []
        for entry in entries:
            path = posixpath.relpath(entry.info.name, example.install_target)
            listed.append(entry.info.name)
            if entry.info.issym():
                files.append({"path": path, "link_target": entry.info.linkname})
                continue
            file: dict[str, object] = {
                "path": path,
                "size": entry.info.size,
                "sha256": sha256(entry.content),
            }
            files.append({**file, "executable": True} if entry.info.mode & 0o100 else file)
        assert segment["files"] == files
    assert offset == len(archive)
    assert listed == list(published.entries())


@each_layer
def test_a_segment_for_each_locked_wheel(root: BuildRoot, example: Example) -> None:
    lock = tomli.loads(root.read(f"{example.requirements}/{example.lock_stem}.toml"))
    locked = {
        package["name"]: {wheel["url"].rsplit("/", 1)[1] for wheel in package["wheels"]}
        for package in lock["packages"]
        # The tests run on the examples' Python, and on the platform that was packaged for.
        if "wheels" in package and Marker(package.get("marker", "os_name != ''")).evaluate()
    }
    segments = [segment for segment, _ in example.published(root).segments()]
    # A large file has a segment of its own, after that of the others of its wheel.
    sources = [source for source, _ in itertools.groupby(each["source"] for each in segments)]
    assert all(
        len(segment["files"]) == 1 and segment["files"][0]["size"] >= LARGE_FILE
        for before, segment in zip(segments, segments[1:])
        if before["source"] == segment["source"]
    )
    assert all(
        file["size"] < LARGE_FILE
        for segment in segments
        for file in segment["files"]
        if len(segment["files"]) > 1 and "size" in file
    )
    if not example.lower:
        assert sources.pop(0) == "interpreter"
    assert sources.pop() == "layer"
    found = {source.split("-")[0].lower().replace("_", "-"): source for source in sources}
    assert len(found) == len(sources)
    assert set(found) == set(locked)
    assert all(source in locked[name] for name, source in found.items())


@each_layer
def test_archive(root: BuildRoot, python_version: str, example: Example) -> None:
    top = example.install_target
    entries = example.published(root).entries()
    for name, entry in entries.items():
        info = entry.info
        assert name.startswith(f"{top}/")
        assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")
        assert info.mtime == 315619200
        assert info.issym() or (info.isfile() and stat.S_IMODE(info.mode) in {0o644, 0o755})
        parts = name.split("/")[1:]
        assert not parts[0].startswith("."), name
        assert "__pycache__" not in parts, name
        assert not name.endswith((".pyc", "/pyvenv.cfg")), name
    own = {"python", "python3", "python3.9"}
    has_wrapper = any((example.folder, lower) in OFFER_LIBRARIES for lower in example.lower)
    scripts = {name.split("/")[2] for name in entries if name.startswith(f"{top}/bin/")}
    assert scripts == own | ({"python_"} if has_wrapper else set())
    assert (f"{top}/lib64" in entries) == bool(example.lower and NATIVE.startswith("linux"))
    offers = any(name.startswith(f"{top}/share/venv/dynlib/") for name in entries)
    assert offers == ((example.folder, top) in OFFER_LIBRARIES)
    expected = {
        "python": "bin/python",
        "py_version": python_version,
        "base_python": f"../{RUNTIME}/bin/python" if example.lower else "bin/python",
        "site_dir": SITE,
        "pylib_dirs": [f"../{lower}/{SITE}" for lower in example.lower],
        "dynlib_dirs": [f"../{lower}/share/venv/dynlib" for lower in example.lower],
    }
    if example.launch_module is not None:
        expected["launch_module"] = Path(example.launch_module).stem
        source = root.path / "examples" / example.folder / example.launch_module
        files = sorted(source.rglob("*.py")) if source.is_dir() else [source]
        for file in files:
            name = f"{top}/{SITE}/{file.relative_to(source.parent)}"
            assert entries[name].content == file.read_bytes()
    assert json.loads(entries[f"{top}/{CONFIG}"].content) == expected


@pytest.mark.parametrize("stack", [HELLO, SKLEARN], ids=["hello", "sklearn"])
def test_links_lead_to_files_of_the_stack(root: BuildRoot, stack: tuple[Example, ...]) -> None:
    links, names = {}, set()
    for example in stack:
        for name, entry in example.published(root).entries().items():
            names |= {name, "/".join(name.split("/")[:2])}
            if entry.info.issym():
                links[name] = entry.info.linkname
    assert links
    for name, target in links.items():
        assert not target.startswith("/")
        assert posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) in names, name


@each_layer
def test_records_list_what_is_in_the_archive(root: BuildRoot, example: Example) -> None:
    entries = example.published(root).entries()
    site = f"{example.install_target}/{SITE}"
    of_wheels: dict[str, set[str]] = {}
    for segment, _ in example.published(root).segments():
        if segment["source"] not in {"interpreter", "layer"}:
            paths = {f["path"][len(SITE) + 1 :] for f in segment["files"]}
            of_wheels.setdefault(segment["source"], set()).update(paths)
    for files in of_wheels.values():
        (record,) = (path for path in files if path.endswith(".dist-info/RECORD"))
        rows = record_rows(entries[f"{site}/{record}"].content)
        assert set(rows) == files
        assert rows.pop(record) == ("", "")
        for path, row in rows.items():
            content = entries[f"{site}/{path}"].content
            assert row == (record_hash(content), str(len(content))), path
        installer = f"{posixpath.dirname(record)}/INSTALLER"
        assert entries[f"{site}/{installer}"].content == b"venvstacks-rules\n"


def test_deployed_layers_run_without_the_build_root_and_from_another_path(
    root: BuildRoot, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "archives"
    shutil.move(str(root.path / "dist"), str(elsewhere))
    hello = [
        PublishedLayer(elsewhere / f"examples.hello/{NATIVE}", e.install_target) for e in HELLO
    ]
    other = [
        PublishedLayer(elsewhere / f"examples.sklearn/{NATIVE}", e.install_target) for e in SKLEARN
    ]
    first, second = tmp_path / "one" / "hello", tmp_path / "two" / "sklearn"
    assert deploy(hello, first, tmp_path)["installed"] == [e.install_target for e in HELLO]
    assert deploy(other, second, tmp_path)["installed"] == [e.install_target for e in SKLEARN]
    assert "Hello, Ann and Bob!" in run_deployed(first, "app-hello", "Ann", "Bob")
    assert run_deployed(second, "app-classify").startswith("accuracy 0.974 on 38 flowers")
    assert run_deployed(second, "app-report").startswith("{'cluster 0': ")

    moved = tmp_path / "moved away"
    first.rename(moved)
    assert deploy(hello, moved, tmp_path) == {
        "installed": [],
        "kept": [e.install_target for e in HELLO],
        "repaired": [],
    }
    assert "Hello, Ann!" in run_deployed(moved, "app-hello", "Ann")


def test_the_readme_has_the_sizes_of_archives(root: BuildRoot) -> None:
    root.succeed("package", "examples/::")
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    # The interpreter is that of this machine.
    archives = [e.published(root).archive for e in EXAMPLES if e.install_target != RUNTIME]
    sizes = {archive.name: size_text(archive.stat().st_size) for archive in archives}
    table = r"^    (\S+\.tar\.zst) +([\d.]+ [kM]?B)  segments: 0 reused"
    written = dict(re.findall(table, readme, re.MULTILINE))
    assert {name: written.get(name) for name in sizes} == sizes


def test_packaging_again_builds_nothing(root: BuildRoot) -> None:
    root.succeed("package", "examples/::")
    before = {e: e.published(root).archive.read_bytes() for e in EXAMPLES}
    # By an alias: what was packaged is said whatever the goal is called.
    again = root.succeed("pack")
    assert again.work == []
    assert f"[INFO] Packaged {len(EXAMPLES)} layers:\n" in again.stderr
    assert len(re.findall(r"\.tar\.zst .* reused, 0 built\n", again.stderr)) == len(EXAMPLES)
    # One line for a layer, and five beside: the heading, two folders, the sum, the next command.
    assert len(again.stderr.splitlines()) == len(EXAMPLES) + 5
    assert {e: e.published(root).archive.read_bytes() for e in EXAMPLES} == before
    assert root.succeed("--stats-log", "pack").counters["local_execution_requests"] == 0


def test_an_edited_launch_module_rebuilds_its_application_only(root: BuildRoot) -> None:
    root.succeed("package", "examples/hello:")
    before = {e: e.published(root) for e in HELLO}
    archives = {e: layer.archive.read_bytes() for e, layer in before.items()}
    segments = {e: layer.index["segments"] for e, layer in before.items()}
    source = root.read("examples/hello/hello.py")
    # Bytes that no earlier run has left in a cache.
    root.write("examples/hello/hello.py", f"{source}\n# {time.time_ns()}\n")
    done = root.succeed("package", "examples/hello:")
    (work,) = done.work
    assert re.fullmatch(r"Assembled app-hello\.tar\.zst \(\d+\.\d kB\)", work)
    assert done.segments["app-hello.tar.zst"] == (1, 1)
    changed = [e for e, layer in before.items() if layer.archive.read_bytes() != archives[e]]
    assert changed == [HELLO[2]]
    humanize, layer = before[HELLO[2]].index["segments"]
    assert humanize == segments[HELLO[2]][0]
    assert layer["sha256"] != segments[HELLO[2]][1]["sha256"]
    root.write("examples/hello/hello.py", source)


@pytest.mark.parametrize(("module", "owner"), [("humanize", None), ("rich", "framework-text")])
def test_a_module_that_would_hide_a_package_is_refused(
    root: BuildRoot, module: str, owner: str | None
) -> None:
    build = root.read("examples/hello/BUILD")
    root.write("examples/hello/BUILD", build.replace("hello.py", f"{module}.py"))
    root.write(f"examples/hello/{module}.py", "")
    done = root.pants("package", "examples/hello:hello")
    if owner is None:
        owner = HELLO[2].published(root).index["segments"][0]["source"]
    assert done.error == (
        "DefinitionError: A module of the repository clashes with a package:\n"
        f"  * examples/hello:hello: '{module}.py' would be imported as `{module}`, like a module "
        f"of {owner}. Rename it, or, if it is part of a package, write `launch_module` as it is "
        f"imported, 'package.{module}'."
    )
    assert done.code == 1
    root.write("examples/hello/BUILD", build)


def test_a_changed_wheel_is_compressed_alone(root: BuildRoot) -> None:
    # Bytes that no earlier run has left in a cache, and that make large wheels.
    large = {name: {f"{name}/data": os.urandom(2_200_000)} for name in ("first", "second")}
    other = package_wheel("second", "2.0", files={"second/data": os.urandom(2_200_000)})
    root.write(
        "local/BUILD",
        'venvstacks_runtime(name="cpython-3.9", python_implementation="cpython@3.9")\n'
        'venvstacks_framework(name="data", runtime=":cpython-3.9", '
        'requirements=["first", "second"])\n'
        'venvstacks_framework(name="above", frameworks=[":data"])\n',
    )
    with simple_index(*(package_wheel(n, files=f) for n, f in large.items())) as index:
        root.write("local.toml", index.uv_config)
        config = "--venvstacks-uv-config=local.toml"
        root.succeed(config, "generate-lockfiles", "--resolve=local:cpython-3.9")
        built = root.succeed(config, "package", "local:")
        # Each wheel has two, one for its large file, and the layer itself has one.
        assert built.segments["framework-data.tar.zst"] == (0, 5)
        assert [line for line in built.work if "for framework-data" in line] == [
            "Compressed first 1.0 for framework-data (2.2 MB)",
            "Compressed second 1.0 for framework-data (2.2 MB)",
        ]
        index.wheels.update(other)
        build = root.read("local/BUILD").replace('"second"', '"second>1"')
        root.write("local/BUILD", build)
        root.succeed(config, "generate-lockfiles", "--resolve=local:data")
        rebuilt = root.succeed(config, "package", "local:")
    assert rebuilt.segments["framework-data.tar.zst"] == (2, 3)
    assert rebuilt.segments["framework-above.tar.zst"] == (1, 0)
    # What lies above depends on the interface of the layer only.
    assert rebuilt.work == [
        "Assembled framework-data.tar.zst (4.4 MB)",
        "Compressed second 2.0 for framework-data (2.2 MB)",
    ]
