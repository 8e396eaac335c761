"""What ``tailor`` writes can be built, and it leaves alone what can be built already."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.build_root import BuildRoot
from tests.support.documented import WrittenFile, steps
from tests.support.pants_under_test import REPOSITORY
from tests.support.shared_roots import shared_root

PROPOSE = "--venvstacks-tailor-applications"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    """A repository with the layers of the quick start."""
    with shared_root() as made:
        page, _, _ = (
            (REPOSITORY / "docs/quick-start.md").read_text(encoding="utf-8").partition("## 3. Lock")
        )
        for step in steps(page):
            if isinstance(step, WrittenFile) and step.path.startswith("src/"):
                step.write(made.path)
        yield made


def test_the_quick_start_stays_as_it_is(root: BuildRoot) -> None:
    before = root.read("src/assistant/BUILD")
    root.succeed(PROPOSE, "tailor", "::")
    assert "venvstacks_application" not in root.read("src/assistant/BUILD").replace(before, "")
    assert root.succeed("list", "--filter-target-type=venvstacks_application", "::").stdout == (
        "src/assistant:assistant\n"
    )


def test_an_application_for_an_entry_point(root: BuildRoot) -> None:
    root.write("src/tools/greet/__main__.py", "from greet.words import HELLO\n\nprint(HELLO)\n")
    root.write("src/tools/greet/words.py", 'HELLO = "Hello"\n')
    done = root.succeed(PROPOSE, "tailor", "src/tools::")
    assert "Add venvstacks_application target greet" in done.stdout
    assert root.read("src/tools/BUILD") == (
        'venvstacks_application(\n    name="greet",\n    launch_module="greet",\n    frameworks=[\n'
        '        "src/assistant:text",\n    ],\n)\n'
    )
    root.succeed("generate-lockfiles", "--resolve=src/tools:greet")
    assert root.succeed("run", "src/tools:greet").stdout == "Hello\n"
    assert "venvstacks" not in root.succeed(PROPOSE, "tailor", "--check", "::").stdout


def test_the_first_error_of_an_application_without_layers(root: BuildRoot) -> None:
    root.write("src/tools/greet2/__main__.py", "")
    root.write(
        "src/assistant/BUILD",
        root.read("src/assistant/BUILD")
        + '\nvenvstacks_framework(name="other", runtime=":cpython-3.9")\n',
    )
    done = root.succeed(PROPOSE, "tailor", "src/tools::")
    assert "venvstacks_application" not in done.stdout
    assert (
        "[INFO] No application is proposed for src/tools/greet2: it could be built on "
        "src/assistant:other, src/assistant:text. Add a `venvstacks_application` that names one of "
        "them.\n"
    ) in done.stderr
    root.write("src/alone/solo/__main__.py", "")
    root.succeed(PROPOSE, "tailor", "src/alone::")
    comment, _, _ = root.read("src/alone/BUILD").partition("\n")
    assert comment == (
        "# Set `runtime` or `frameworks` to what it is built on: src/assistant:other, "
        "src/assistant:text."
    )
    assert root.pants("package", "src/alone:solo").error == (
        "DefinitionError: A layer definition cannot be built as written:\n"
        "  * src/alone:solo: neither `runtime` nor `frameworks` is set. Set `runtime` for a layer "
        "directly on a runtime, or `frameworks` for a layer on frameworks."
    )
