"""A stack file whose layers are made in two formats, and one of them with two sets of packages."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.shared_roots import shared_root

STACK = """\
[[runtimes]]
name = "py"
python_implementation = "cpython@3.9"
requirements = []

[[frameworks]]
name = "text"
runtime = "py"
requirements = []

[[applications]]
name = "tool"
frameworks = ["text"]
launch_module = "tool.py"
requirements = []
"""
BUILD = """\
venvstacks_stack(
    name="stack",
    archive_format=parametrize("tar.gz", "zip"),
    overrides={
        "framework-text": {"requirements": parametrize(small=[], large=["idna"])},
        "app-tool": {
            "frameworks": parametrize(
                small=[":stack#framework-text@requirements=small"],
                large=[":stack#framework-text@requirements=large"],
            ),
        },
    },
)
"""
TOOL = """\
import importlib.util

print(importlib.util.find_spec("idna") is not None)
"""
LAYERS = ("app-tool-large", "app-tool-small", "framework-text-large", "framework-text-small", "py")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.write("src/venvstacks.toml", STACK)
        made.write("src/BUILD", BUILD)
        made.write("src/tool.py", TOOL)
        made.succeed("generate-lockfiles", "--resolve=src:stack")
        yield made


def variants(name: str, field: str) -> set[str]:
    return {
        f"src:stack#{name}@archive_format={archive},{field}={packages}"
        for archive in ("tar.gz", "zip")
        for packages in ("small", "large")
    }


def test_both_formats_have_one_lock(root: BuildRoot) -> None:
    folders = sorted(path.name for path in (root.path / "src/requirements").iterdir())
    assert tuple(folders) == LAYERS
    assert root.pants("check", "::").code == 0
    done = root.succeed("generate-lockfiles", "--if-needed")
    assert "[INFO] All 5 layers are locked as defined: nothing to do.\n" in done.stderr


def test_a_stack_in_two_formats(root: BuildRoot) -> None:
    root.succeed("package", "src:stack")
    folder = root.path / "dist" / "src" / NATIVE
    assert {path.name for path in folder.iterdir()} == {"tar.gz", "zip"}
    for archive_format in ("tar.gz", "zip"):
        names = {path.name for path in (folder / archive_format).glob(f"*.{archive_format}")}
        assert names == {f"{layer}.{archive_format}" for layer in LAYERS}
        manifest = json.loads(
            (folder / archive_format / "__venvstacks__/venvstacks.json").read_text()
        )
        listed = [
            layer["install_target"] for layers in manifest["layers"].values() for layer in layers
        ]
        assert sorted(listed) == sorted(LAYERS)


def test_exports_have_each_layer_once(root: BuildRoot) -> None:
    root.succeed("venvstacks-export", "src:stack")
    exported = {path.name for path in (root.path / "dist/export/venvstacks").iterdir()}
    assert exported >= {*LAYERS}
    root.succeed("export", "--resolve=src:stack")
    folder = root.path / "dist/export/venvstacks-resolves/src.stack"
    assert {path.name for path in folder.iterdir()} >= {*LAYERS}


@pytest.mark.parametrize(("packages", "has_it"), [("small", "False"), ("large", "True")])
def test_an_application_has_the_packages_of_its_framework(
    root: BuildRoot, packages: str, has_it: str
) -> None:
    address = f"src:stack#app-tool@archive_format=zip,frameworks={packages}"
    assert root.succeed("run", address).stdout == f"{has_it}\n"
    below = f"src:stack#framework-text@archive_format=zip,requirements={packages}"
    assert below in root.succeed("dependencies", address).stdout.splitlines()
    (shown,) = json.loads(root.succeed("peek", address).stdout)
    assert (shown["address"], shown["archive_format"]) == (address, "zip")


def test_changed_files_reach_all_variants(root: BuildRoot) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        command = ["git", *identity, *arguments]
        subprocess.run(command, cwd=root.path, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "All of it")
    for path, expected in (
        ("src/tool.py", variants("app-tool", "frameworks")),
        (
            "src/requirements/framework-text-large/pylock.framework-text-large.toml",
            {name for name in variants("framework-text", "requirements") if name.endswith("large")},
        ),
    ):
        root.write(path, root.read(path) + "\n# changed\n")
        found = set(root.succeed("--changed-since=HEAD", "list").stdout.splitlines())
        git("checkout", "--quiet", "--", ".")
        assert found == expected
