"""A stack file from end to end: targets, archives, edits, and what is said of a wrong one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot
from tests.support.documented import WrittenFile, steps
from tests.support.published_layers import module_hash
from tests.support.reader import Reader
from tests.support.shared_roots import shared_root

FOLDER = "examples/stack"
STACK = f"{FOLDER}:stack"
RUNTIME, FRAMEWORK = f"{FOLDER}#cpython-3.9", f"{FOLDER}#framework-markdown"
APP, MANIFEST = f"{FOLDER}#app-outline", f"{FOLDER}#__venvstacks__"
LAYERS = [APP, RUNTIME, FRAMEWORK]

OTHER = """\
[[runtimes]]
name = "cpython-3.9"
python_implementation = "cpython@3.9"
requirements = []

[[frameworks]]
name = "text@2"
runtime = "cpython-3.9"
requirements = []
"""

# The stack of the how-tos, with packages that are small.
DOCUMENTED = """\
[[runtimes]]
name = "cpython-3.9"
python_implementation = "cpython@3.9"
requirements = []

[[frameworks]]
name = "sklearn"
runtime = "cpython-3.9"
requirements = ["mdurl"]

[[applications]]
name = "classify"
frameworks = ["sklearn"]
launch_module = "classify"
requirements = []
"""
HOW_TOS = REPOSITORY / "docs/how-to"


def git(root: BuildRoot, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=root.path, check=True)


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.copy_example("stack")
        made.write("other/venvstacks.toml", OTHER)
        git(made, "init", "-q")
        git(made, "add", "-A")
        git(made, "commit", "-q", "-m", "All")
        yield made


def lines(root: BuildRoot, *arguments: str) -> list[str]:
    return root.succeed(*arguments).stdout.splitlines()


def test_the_graph(root: BuildRoot) -> None:
    assert lines(root, "list", f"{FOLDER}:") == [STACK, MANIFEST, *LAYERS]
    assert lines(root, "list", APP) == [APP]
    assert lines(root, "dependencies", APP) == [FRAMEWORK]
    assert lines(root, "dependencies", "--transitive", MANIFEST) == LAYERS
    # For Pants, a generator depends on all that it generates.
    assert lines(root, "dependents", RUNTIME) == [STACK, MANIFEST, FRAMEWORK]
    paths = json.loads(root.succeed("paths", f"--from={APP}", f"--to={RUNTIME}").stdout)
    assert paths == [[APP, FRAMEWORK, RUNTIME]]


def test_package_and_run(root: BuildRoot) -> None:
    root.succeed("package", STACK)
    dist = root.path / "dist" / "examples.stack" / NATIVE
    found = {str(file.relative_to(dist)) for file in dist.rglob("*") if file.is_file()}
    layers = {"cpython-3.9", "framework-markdown", "app-outline"}
    targets = {"cpython-3.9", "framework-markdown@1", "app-outline"}
    assert found == {
        *(
            f"{name}.{suffix}"
            for name in targets
            for suffix in ("tar.zst", "json", "segments.json")
        ),
        *(f"__venvstacks__/env_metadata/{name}.json" for name in layers),
        "__venvstacks__/venvstacks.json",
    }
    app = json.loads((dist / "app-outline.json").read_text())
    example = root.path / FOLDER
    assert app["required_layers"] == ["framework-markdown@1"]
    assert app["app_launch_module_hash"] == module_hash(example / "outline")
    assert app["app_support_modules"] == [
        {"name": "headings", "hash": module_hash(example / "headings.py")}
    ]
    done = root.succeed("run", APP, stdin="# A\n## B\n# C\n")
    assert done.stdout == "A\n  B\nC\nthree headings\n"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("venvstacks.toml", LAYERS),
        ("headings.py", [APP]),
        ("outline/__main__.py", [APP]),
        ("requirements/framework-markdown/pylock.framework-markdown.toml", [FRAMEWORK]),
    ],
)
def test_edits_that_changed_since_sees(root: BuildRoot, file: str, expected: list[str]) -> None:
    path = root.path / FOLDER / file
    content = path.read_text()
    try:
        path.write_text(f"{content}# edited\n")
        assert lines(root, "--changed-since=HEAD", "list") == expected
    finally:
        path.write_text(content)


def test_an_application_that_is_not_for_this_machine(root: BuildRoot) -> None:
    file = root.path / FOLDER / "venvstacks.toml"
    content = file.read_text()
    other = "macosx_arm64" if NATIVE != "macosx_arm64" else "linux_x86_64"
    more = ""
    for name, platforms in ("elsewhere", f'["{other}"]'), ("off", "[]"):
        more += (
            f'[[applications]]\nname = "{name}"\nframeworks = ["markdown"]\n'
            f'launch_module = "headings.py"\nrequirements = []\nplatforms = {platforms}\n'
        )
    try:
        file.write_text(f"{content}\n{more}")
        tested = root.succeed("test", f"{FOLDER}:")
        started = root.pants("run", f"{FOLDER}#app-off")
    finally:
        file.write_text(content)
    assert f"✓ {APP} succeeded" in tested.stderr
    for name, platforms in (
        ("elsewhere", f"its platforms are {other}"),
        ("off", "it has no platforms"),
    ):
        note = f"{FOLDER}#app-{name} is not tested on {NATIVE}: {platforms}."
        assert note in tested.stderr
    assert started.code == 1
    assert started.error == (
        "DeploymentError: An application cannot be started on this machine:\n"
        f"  * {FOLDER}#app-off: it has no platforms. Add {NATIVE} to its `platforms` and to those "
        "of the layers below it."
    )


def test_tailor_and_names_that_pants_does_not_allow(root: BuildRoot) -> None:
    assert "Created other/BUILD:\n  - Add venvstacks_stack target stack\n" in (
        root.succeed("tailor", "::").stdout
    )
    assert root.read("other/BUILD") == 'venvstacks_stack(\n    name="stack",\n)\n'
    assert root.succeed("tailor", "--check", "::").stdout == ""
    framework = "other:stack#framework-text%402"
    assert framework in lines(root, "list", "other:")
    root.write("use/BUILD", f'files(name="files", sources=["*"], dependencies=["{framework}"])\n')
    root.write("use/a.txt", "")
    assert lines(root, "dependencies", "--transitive", "use/a.txt:files") == [
        "other:stack#cpython-3.9",
        framework,
    ]
    locked = root.succeed("generate-lockfiles", "--resolve=other:stack")
    assert (root.path / "other/requirements/framework-text@2").is_dir(), locked.stderr
    assert "    framework-text@2.tar.zst " in root.succeed("package", "other:").stderr


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'name = "cpython-3.9"\n',
            "name = cpython\n",
            "it is not TOML: Invalid value (at line 3, column 8). Correct it there.",
        ),
        (
            'runtime = "cpython-3.9"',
            'runtime = "cpython"',
            "`frameworks[0].runtime` names 'cpython', but the file has no runtime of that name. "
            "Did you mean 'cpython-3.9'?",
        ),
    ],
)
def test_a_broken_stack_file(root: BuildRoot, old: str, new: str, problem: str) -> None:
    path = root.path / FOLDER / "venvstacks.toml"
    content = path.read_text()
    try:
        path.write_text(content.replace(old, new, 1))
        done = root.pants("package", STACK)
        assert done.code == 1
        assert done.error == (
            "DefinitionError: A stack file cannot be built as written:\n"
            f"  * {FOLDER}/venvstacks.toml: {problem}"
        )
        assert MANIFEST in lines(root, "list", "::")
        assert root.pants("dependents", MANIFEST).code == 0
    finally:
        path.write_text(content)


@pytest.fixture
def documented(root: BuildRoot, tmp_path: Path) -> Iterator[Reader]:
    """Somebody who has the stack file of the how-tos, and nothing else of the plugin's."""
    root.write("src/assistant/venvstacks.toml", DOCUMENTED)
    root.write("src/assistant/classify/__main__.py", "print('classified')\n")
    try:
        yield Reader.of(root, tmp_path)
    finally:
        shutil.rmtree(root.path / "src")


@pytest.mark.skipif(NATIVE != "linux_x86_64", reason="the pages are for linux_x86_64")
def test_the_how_to(root: BuildRoot, documented: Reader) -> None:
    page = HOW_TOS / "stack-files.md"
    outputs = documented.follow(page)
    assert [line for line, printed in outputs.items() if not printed.lines] == []
    assert list(outputs.values())[-1].lines == ("classified",)
    # What `tailor` wrote is what the page has, but for its layout.
    (build,) = (
        step for step in steps(page.read_text(encoding="utf-8")) if isinstance(step, WrittenFile)
    )
    written = root.read("src/assistant/BUILD")
    assert "".join(written.split()).replace(",)", ")") == "".join(build.content.split())


@pytest.mark.skipif(NATIVE != "linux_x86_64", reason="the pages are for linux_x86_64")
def test_migrate(root: BuildRoot, documented: Reader) -> None:
    """The page begins with locks that are there, and removes nothing."""
    page = HOW_TOS / "migrate.md"
    root.write("src/assistant/BUILD", 'venvstacks_stack(name="stack")\n')
    root.succeed("generate-lockfiles", "--resolve=src/assistant:stack")
    (root.path / "src/assistant/BUILD").unlink()
    assert len(documented.follow(page)) == 3
    assert root.succeed("tailor", "--check", "src/assistant::").stdout == ""
