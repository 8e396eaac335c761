"""Pants builds this repository: the plugin's wheel, and what depends on what in our own sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import REPOSITORY, BuildRoot
from tests.support.documented import Command, blocks, complaint
from tests.support.pants_under_test import pants_minor
from tests.support.reader import Reader

FOLDERS = ("benchmarks", "build-support", "docs", "examples", "src", "tests")
PATHS = "src/python/venvstacks_rules/model/paths.py"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildRoot]:
    """A copy of the repository: what is built and edited here leaves no trace in ours."""
    path = tmp_path_factory.mktemp("own") / "repository"
    path.mkdir()
    for file in REPOSITORY.iterdir():
        if file.is_file() and file.name != ".git":
            shutil.copy(file, path)
    for folder in FOLDERS:
        shutil.copytree(
            REPOSITORY / folder, path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    root = BuildRoot(path)
    if pants_minor() >= (2, 23):
        # Its option has another name since then.
        config = root.read("pants.toml")
        assert "\ntailor = false\n" in config
        root.write("pants.toml", config.replace("\ntailor = false", "\ntailor_sources = false"))
    try:
        yield root
    finally:
        root.stop()
        shutil.rmtree(path, ignore_errors=True)


def test_package_makes_the_wheel_of_the_plugin(root: BuildRoot, tmp_path: Path) -> None:
    """The same bytes as `uv build` makes, but for the name of the version that made it."""
    root.succeed("package", "//:venvstacks-rules")
    (wheel,) = (root.path / "dist").glob("*.whl")
    by_pants = contents(wheel)
    source = REPOSITORY / "src" / "python"
    assert {name: data for name, data in by_pants.items() if ".dist-info/" not in name} == {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in (source / "venvstacks_rules").rglob("*")
        if path.is_file() and path.name != "BUILD" and "__pycache__" not in path.parts
    }
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(root.path)]
    subprocess.run(command, check=True)
    by_uv = contents(tmp_path / wheel.name)
    assert list(by_pants) == list(by_uv)
    different = {name for name, data in by_pants.items() if data != by_uv[name]}
    info = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    assert different <= {f"{info}/WHEEL", f"{info}/RECORD"}


def test_every_source_has_an_owner(root: BuildRoot) -> None:
    root.succeed("tailor", "--check", "::")
    listed = root.succeed("list", "::").stdout.splitlines()
    for address in (
        "//:venvstacks-rules",
        "benchmarks/measure.py",
        "build-support/rooms.py",
        "examples/sklearn:classify",
        f"{PATHS}@resolve=dev",
        f"{PATHS}@resolve=pants",
        "src/python/venvstacks_rules/actions/pylock.actions.toml:shipped",
        "src/python/venvstacks_rules/register.py:plugin",
        "tests/integration/test_own_build.py",
        "tests/model/test_paths.py",
    ):
        assert address in listed


def test_dependents_of_our_own_modules(root: BuildRoot) -> None:
    done = root.succeed("dependents", "--transitive", PATHS)
    dependents = done.stdout.splitlines()
    assert "cannot infer" not in done.stderr
    for address in (
        "//:venvstacks-rules",
        "src/python/venvstacks_rules/pants_backend/backend.py",
        "src/python/venvstacks_rules/register.py:plugin",
        "tests/model/test_paths.py",
    ):
        assert address in dependents
    assert "tests/build_support/test_check_architecture.py" not in dependents


def test_the_rules_depend_on_the_actions_that_they_ship(root: BuildRoot) -> None:
    action = "src/python/venvstacks_rules/actions/commands/lock_layer.py"
    dependents = root.succeed("dependents", "--transitive", action).stdout.splitlines()
    backend = "src/python/venvstacks_rules/pants_backend"
    assert f"{backend}/processes/sources.py:../pants_backend" in dependents
    assert "tests/actions/commands/test_lock_layer.py:../program" in dependents


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_what_an_edit_reaches(root: BuildRoot) -> None:
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "all")
    root.write(
        "build-support/summarize_tests.py", root.read("build-support/summarize_tests.py") + "\n"
    )
    done = root.succeed("--changed-since=HEAD", "--changed-dependents=transitive", "list")
    reached = {address for address in done.stdout.splitlines() if address.endswith(".py")}
    assert reached == {
        "build-support/summarize_tests.py",
        "tests/build_support/test_summarize_tests.py",
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_unit_tests_run_in_sandboxes(root: BuildRoot) -> None:
    """One test of each environment: they are large, and made anew for a new pin."""
    tests = ("tests/model/test_paths.py", "tests/pants_backend/processes/test_settings_file.py")
    done = root.pants("test", *tests, timeout=1700)
    assert done.code == 0, done.stderr
    assert done.stderr.count("✓") == len(tests)


@pytest.mark.slow  # It packages the examples for six platforms.
@pytest.mark.timeout(3600)
def test_the_readme(root: BuildRoot, tmp_path: Path) -> None:
    """Its commands on the examples, and the table of what the first one packages."""
    page = root.path / "README.md"
    text = page.read_text(encoding="utf-8")
    (table,) = (block for block in blocks(text) if block.first == "[INFO] Packaged 17 layers:")
    skipped = (
        *("build-support/test", "./pants publish", "venvstacks-deploy"),
        *("./pants venvstacks-", "./pants package ::", "./pants test tests/", "./pants --changed"),
    )
    reader = Reader.of(root, tmp_path)
    # This has no output in the README, but the table below it.
    first, rest = text.split("## What a BUILD file looks like")[0].split("One machine builds")
    printed = reader.type("pants package examples/::")
    command = Command("pants package examples/::", 1, ["...", *table.text.splitlines(), "..."])
    assert complaint(command, printed) is None, complaint(command, printed)
    lines = first.count("\n") * "\n"
    assert len(reader.follow(page, lines + rest, skipped=skipped)) == 6


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel, in their order."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}


def git(root: BuildRoot, *arguments: str) -> None:
    author = ("-c", "user.name=tests", "-c", "user.email=tests@example.org")
    subprocess.run(["git", *author, *arguments], cwd=root.path, check=True)
