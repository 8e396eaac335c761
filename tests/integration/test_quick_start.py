"""The quick start, followed to the letter by somebody who has only what it asks for.

Pants installs the plugin from its wheel there. After that, in the same repository: another stack,
and pages that go on where the quick start ends.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot
from tests.support.documented import Printed
from tests.support.pants_under_test import pants_version
from tests.support.reader import Reader, launcher

PAGE = REPOSITORY / "docs/quick-start.md"
HOW_TOS = REPOSITORY / "docs/how-to"
PLACE = "/path/to/your/repository"
BUILD = """\
venvstacks_runtime(
    name="cpython-3.9", python_implementation="cpython@3.9", requirements=["iniconfig"]
)
venvstacks_framework(name="words", runtime=":cpython-3.9", requirements=["humanize"])
venvstacks_application(
    name="count", launch_module="count.py", frameworks=[":words"],
    requirements=["humanize", "mdurl"],
)
"""
COUNT = """\
import humanize, iniconfig, mdurl, sys
from pathlib import Path
layers = Path(sys.prefix).parent
for module in (iniconfig, humanize, mdurl):
    print(module.__name__, Path(module.__file__).relative_to(layers).parts[0])
print(humanize.intcomma(int(sys.argv[1])))
"""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("quick-start")
    repository = folder / "repository"
    repository.mkdir()
    programs = launcher(folder / "programs")
    (programs / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    variables = {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
    }
    try:
        yield Reader(repository, programs, {PLACE: str(repository)}, variables)
    finally:
        BuildRoot(repository).stop()


@pytest.fixture(scope="module")
def outputs(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Printed]:
    """What the commands of the quick start print."""
    # What the wheel of the plugin is built from; a build leaves no trace in our sources.
    clone = tmp_path_factory.mktemp("clone")
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, clone)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "src", clone / "src", ignore=ignored)
    # The last step needs a server of python-build-standalone.
    followed, _, _ = PAGE.read_text(encoding="utf-8").partition("## 7. Pin the interpreter")
    # The tests need not run the newest Pants.
    version = f'pants_version = "{pants_version()}"'
    followed, changed = re.subn('pants_version = ".+"(?=\nplugins)', version, followed)
    assert changed == 1
    return reader.follow(PAGE, followed, elsewhere={PLACE: clone})


def test_every_command_prints_what_the_page_says(
    reader: Reader, outputs: Mapping[int, Printed]
) -> None:
    assert len(outputs) > 15
    assert list((reader.folder / "third_party/wheels").glob("*.whl"))


@pytest.mark.usefixtures("outputs")
def test_build_for_other_platforms(reader: Reader) -> None:
    page = HOW_TOS / "build-for-other-platforms.md"
    setting = re.search(r"^platforms = (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert setting is not None
    variables = {**reader.variables, "PANTS_VENVSTACKS_PLATFORMS": setting[1]}
    assert len(replace(reader, variables=variables).follow(page)) == 1


@pytest.mark.usefixtures("outputs")
def test_upgrade(reader: Reader) -> None:
    build = reader.folder / "src/assistant/BUILD"
    text = f'{build.read_text()}\nvenvstacks_manifest(name="stack", layers=[":assistant"])\n'
    # A lock from the time when that was the newest one.
    build.write_text(text.replace('["rich"]', '["rich<14"]'))
    assert reader.type("pants generate-lockfiles --if-needed").code == 0
    build.write_text(text)
    assert len(reader.follow(HOW_TOS / "upgrade.md")) == 9


@pytest.mark.slow  # It compresses an interpreter at the highest level.
@pytest.mark.usefixtures("outputs")
def test_release_archives(reader: Reader) -> None:
    assert len(reader.follow(HOW_TOS / "release-archives.md")) == 1
    index = reader.folder / "dist/src.assistant" / NATIVE / "cpython-3.9.segments.json"
    assert json.loads(index.read_text(encoding="utf-8"))["compression_level"] == 19


@pytest.mark.usefixtures("outputs")
def test_another_stack_is_locked_packaged_and_run(reader: Reader) -> None:
    root = BuildRoot(reader.folder)
    root.write("stack/BUILD", BUILD)
    root.write("stack/count.py", COUNT)
    layers = ("cpython-3.9", "words", "count")
    root.succeed("generate-lockfiles", *(f"--resolve=stack:{layer}" for layer in layers))
    root.succeed("package", "stack:")
    assert sorted(path.name for path in (root.path / "dist/stack" / NATIVE).iterdir()) == [
        f"{layer}{end}"
        for layer in ("app-count", "cpython-3.9", "framework-words")
        for end in (".json", ".segments.json", ".tar.zst")
    ]
    done = root.succeed("run", "stack:count", "--", "1234567")
    assert done.stdout.splitlines() == [
        "iniconfig cpython-3.9",
        "humanize framework-words",
        "mdurl app-count",
        "1,234,567",
    ]


@pytest.mark.usefixtures("outputs")
def test_the_plugin_is_the_installed_one(reader: Reader) -> None:
    root = BuildRoot(reader.folder)
    assert str(REPOSITORY) not in root.read("pants.toml")
    assert (
        "A runtime layer: a CPython interpreter"
        in root.succeed("help", "venvstacks_runtime").stdout
    )
