"""The quick start, followed to the letter by somebody who has only what it asks for.

With `VENVSTACKS_RULES_UPDATE_DOCS=1` the page gets the sizes and counts of this run.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import REPOSITORY, BuildRoot
from tests.support.documented import WrittenFile, complaint, renewed, steps, typed
from tests.support.pants_under_test import PANTS, pants_environment, pants_version

PAGE = REPOSITORY / "docs" / "quick-start.md"
PLACE = "/path/to/your/repository"
SHIM = f'#!/bin/sh\nexec {PANTS} "$@"\n'

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "repository"
    folder.mkdir()
    try:
        yield folder
    finally:
        BuildRoot(folder).stop()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The two programs on `PATH`, and a person's name for git."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pants").write_text(SHIM)
    (programs / "pants").chmod(0o755)
    (programs / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "PYTHONPATH": "",
        **pants_environment(),
    }


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the wheel of the plugin is built from; a build leaves no trace in our sources."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "src", folder / "src")
    return folder


def test_every_command_prints_what_the_page_says(
    repository: Path, clone: Path, environment: dict[str, str]
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    # The last step needs a server of python-build-standalone.
    followed, _, _ = page.partition("## 7. Pin the interpreter")
    # The tests need not run the newest Pants.
    version = f'pants_version = "{pants_version()}"'
    followed, changed = re.subn('pants_version = ".+"(?=\nplugins)', version, followed)
    assert changed == 1
    outputs = {}
    for step in steps(followed):
        if isinstance(step, WrittenFile):
            step.write(repository)
            continue
        # Commands with the path are for the clone of the plugin's repository.
        folder = clone if PLACE in step.text else repository
        printed = typed(step.text.replace(PLACE, str(repository)), folder, environment)
        assert complaint(step, printed) is None, complaint(step, printed)
        outputs[step.line] = printed
    assert len(outputs) > 15
    assert list((repository / "third_party/wheels").glob("*.whl"))
    if os.environ.get("VENVSTACKS_RULES_UPDATE_DOCS"):
        PAGE.write_text(renewed(page, outputs), encoding="utf-8")
