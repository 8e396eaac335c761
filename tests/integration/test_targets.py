"""The targets as Pants' own goals show them, and the fields that say how a layer is packaged."""

from __future__ import annotations

import gzip
import json
import lzma
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.shared_roots import shared_root

# Beside the layers of examples/sklearn, whose names these are as well.
EDGES = {
    "sklearn": {"cpython-3.9"},
    "http": {"cpython-3.9"},
    "classify": {"sklearn"},
    "report": {"sklearn", "http"},
}
STACK = "examples/sklearn"

OPTIONS_STACK = """
venvstacks_runtime(name="py", python_implementation="cpython@3.9", requirements=[])
venvstacks_framework(name="xz", runtime=":py", archive_format="tar.xz", compression_level=0)
venvstacks_framework(name="gz", runtime=":py", archive_format="tar.gz", compression_level=9)
venvstacks_framework(name="placed", runtime=":py", output_path="somewhere/else")
venvstacks_framework(name="high", runtime=":py", compression_level=99)
venvstacks_framework(name="zero", runtime=":py", archive_format="tar.gz", compression_level=0)
venvstacks_framework(
    name="foreign", runtime=":py", platforms=["win_amd64"]
)
venvstacks_framework(name="disabled", runtime=":py", platforms=[])
"""


def git(root: BuildRoot, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=root.path, check=True, capture_output=True)


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.copy_example("sklearn")
        git(made, "init", "--quiet")
        git(made, "add", ".")
        git(made, "commit", "--quiet", "--message", "All of it")
        yield made


def listed(root: BuildRoot, *arguments: str) -> set[str]:
    """The names of the layers that a goal lists."""
    lines = root.succeed(*arguments).stdout.splitlines()
    assert all(line.startswith(f"{STACK}:") for line in lines), lines
    return {line.partition(":")[2] for line in lines}


@pytest.mark.parametrize("name", sorted(EDGES))
def test_dependencies(root: BuildRoot, name: str) -> None:
    assert listed(root, "dependencies", f"{STACK}:{name}") == EDGES[name]


def test_transitive_dependencies(root: BuildRoot) -> None:
    found = listed(root, "dependencies", "--transitive", f"{STACK}:report")
    assert found == {"sklearn", "http", "cpython-3.9"}


def test_dependents(root: BuildRoot) -> None:
    assert listed(root, "dependents", f"{STACK}:sklearn") == {"classify", "report"}
    found = listed(root, "dependents", "--transitive", f"{STACK}:cpython-3.9")
    assert found == set(EDGES)


def test_paths(root: BuildRoot) -> None:
    done = root.succeed("paths", f"--from={STACK}:report", f"--to={STACK}:cpython-3.9")
    assert sorted(json.loads(done.stdout)) == [
        [f"{STACK}:report", f"{STACK}:{name}", f"{STACK}:cpython-3.9"]
        for name in ("http", "sklearn")
    ]


def test_peek(root: BuildRoot) -> None:
    (report,) = json.loads(root.succeed("peek", f"{STACK}:report").stdout)
    assert report["target_type"] == "venvstacks_application"
    assert report["frameworks"] == [":sklearn", ":http"]
    assert report["requirements"] == ["scikit-learn", "httpx", "rich"]
    assert sorted(report["dependencies"]) == [f"{STACK}:http", f"{STACK}:sklearn"]
    assert report["sources"] == [
        f"{STACK}/report/__init__.py",
        f"{STACK}/report/__main__.py",
        f"{STACK}/report/summary.py",
        f"{STACK}/requirements/app-report/pylock.app-report.toml",
    ]


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("report/summary.py", {"report"}),
        ("classify.py", {"classify"}),
        ("requirements/app-classify/pylock.app-classify.toml", {"classify"}),
        ("requirements/framework-http/pylock.framework-http.toml", {"http", "report"}),
        (
            "requirements/framework-sklearn/pylock.framework-sklearn.toml",
            {"sklearn", "classify", "report"},
        ),
        ("requirements/cpython-3.9/pylock.cpython-3_9.toml", {"cpython-3.9", *EDGES}),
        ("BUILD", {"cpython-3.9", *EDGES}),
    ],
)
def test_a_changed_file_reaches_exactly_the_layers_above(
    root: BuildRoot, path: str, reached: set[str]
) -> None:
    root.write(f"{STACK}/{path}", root.read(f"{STACK}/{path}") + "\n# changed\n")
    try:
        changed = ("--changed-since=HEAD", "--changed-dependents=transitive", "list")
        assert listed(root, *changed) == reached
    finally:
        git(root, "checkout", "--quiet", "--", ".")
    assert listed(root, *changed) == set()


@pytest.mark.parametrize(
    ("topic", "texts"),
    [
        (
            "venvstacks_runtime",
            [
                "A runtime layer: a CPython interpreter, and packages, if any, that all layers "
                "above share.",
                "python_implementation",
                "The interpreter: `cpython@X.Y.Z`, for example `cpython@3.11.13`. A `t`",
                "python_archives",
            ],
        ),
        ("venvstacks_framework", ["A framework layer: large packages that several", "frameworks"]),
        ("venvstacks_application", ["An application layer: the code to launch", "launch_module"]),
        (
            "venvstacks",
            [
                "Layered Python environments: how layers are locked, built and run.",
                "--venvstacks-python-provider=<PythonProvider>",
                "PANTS_VENVSTACKS_ARCHIVE_FORMAT",
                "Where the interpreters of runtime layers come from.",
                "python_mirror",
                "compression_level",
                "uv_config",
            ],
        ),
    ],
)
def test_help(root: BuildRoot, topic: str, texts: list[str]) -> None:
    shown = " ".join(root.succeed("help-advanced", topic).stdout.split())
    assert [text for text in texts if text not in shown] == []


@pytest.fixture(scope="module")
def options(root: BuildRoot) -> BuildRoot:
    """The build root with a stack of empty layers, locked."""
    root.write("empty/BUILD", OPTIONS_STACK)
    root.write("empty/requirements/.gitignore", "*\n")
    # With all above it; the disabled one has nothing to lock, and is in nobody's way.
    root.succeed("generate-lockfiles", "--resolve=empty:py")
    assert not (root.path / "empty/requirements/framework-disabled").exists()
    return root


def test_formats_levels_and_output_path(options: BuildRoot) -> None:
    names = ("xz", "gz", "placed")
    options.succeed("package", *(f"empty:{name}" for name in names))
    dist = options.path / "dist"
    folder = dist / "empty" / NATIVE
    assert {str(f.relative_to(dist)) for f in dist.rglob("*") if f.is_file()} == {
        f"{where}/framework-{name}.{suffix}"
        for where, name, extension in (
            (f"empty/{NATIVE}", "xz", "tar.xz"),
            (f"empty/{NATIVE}", "gz", "tar.gz"),
            ("somewhere/else", "placed", "tar.zst"),
        )
        for suffix in (extension, "json", "segments.json")
    }
    assert b"framework-xz/bin/python" in lzma.decompress(
        (folder / "framework-xz.tar.xz").read_bytes()
    )
    assert b"framework-gz/bin/python" in gzip.decompress(
        (folder / "framework-gz.tar.gz").read_bytes()
    )
    levels = {}
    for index in dist.rglob("*.segments.json"):
        data = json.loads(index.read_text())
        levels[data["archive_name"]] = data["compression_level"]
    assert levels == {
        "framework-xz.tar.xz": 0,
        "framework-gz.tar.gz": 9,
        "framework-placed.tar.zst": 9,
    }


def test_the_options_hold_where_no_field_is_set(options: BuildRoot) -> None:
    arguments = ("--venvstacks-archive-format=tar.gz", "--venvstacks-compression-level=1")
    options.succeed(*arguments, "package", "empty:placed", "empty:xz")
    folder = options.path / "dist/somewhere/else"
    placed = json.loads((folder / "framework-placed.segments.json").read_text())
    assert (placed["archive_format"], placed["compression_level"]) == ("tar.gz", 1)
    kept = options.path / "dist" / "empty" / NATIVE / "framework-xz.segments.json"
    assert json.loads(kept.read_text())["compression_level"] == 0


@pytest.mark.parametrize(
    ("name", "options_set", "problem"),
    [
        (
            "high",
            [],
            "`compression_level`: 99 is not a compression level of `tar.zst`: use 1 to 19 (the "
            "default is 9)",
        ),
        (
            "zero",
            [],
            "`compression_level`: 0 is not a compression level of `tar.gz`: use 1 to 9 (the "
            "default is 6)",
        ),
        (
            "placed",
            ["--venvstacks-compression-level=20"],
            "`[venvstacks].compression_level`: 20 is not a compression level of `tar.zst`: use 1 "
            "to 19 (the default is 9)",
        ),
    ],
)
def test_a_level_that_the_format_does_not_have(
    options: BuildRoot, name: str, options_set: list[str], problem: str
) -> None:
    done = options.pants(*options_set, "package", f"empty:{name}")
    # A runtime below is compressed as asked for, too.
    layers = {f"empty:{name}", "empty:py"} if options_set else {f"empty:{name}"}
    assert done.error in {
        f"DefinitionError: Invalid compression of a layer:\n  * {layer}: {problem}"
        for layer in layers
    }
    assert done.code == 1


@pytest.mark.parametrize(
    ("name", "has"),
    [("foreign", "its platforms are win_amd64"), ("disabled", "it has no platforms")],
)
def test_a_layer_without_this_platform_is_noted_and_not_written(
    options: BuildRoot, name: str, has: str
) -> None:
    done = options.succeed("package", f"empty:{name}")
    assert f"[INFO] empty:{name} is not packaged for {NATIVE}: {has}.\n" in done.stderr
    assert "Packaged" not in done.stderr
    assert not list((options.path / "dist").rglob(f"*framework-{name}*"))
