"""Code that says who may depend on it, by the `visibility` backend of Pants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import REPOSITORY, BuildRoot, build_root
from tests.support.documented import blocks

PAGE = REPOSITORY / "docs/how-to/first-party-code.md"
APPLICATION = 'venvstacks_application(name="app", runtime="stacks:py", launch_module="acme.main")\n'


@pytest.fixture
def root(tmp_path: Path) -> Iterator[BuildRoot]:
    with build_root(tmp_path / "root") as made:
        yield made


def test_layers_that_are_denied_do_not_stop_others(root: BuildRoot) -> None:
    (rules,) = (
        block.text for block in blocks(PAGE.read_text()) if "__dependents_rules__((" in block.text
    )
    settings = root.read("pants.toml")
    backends, roots = '"venvstacks_rules"]', 'root_patterns = ["/"]'
    assert backends in settings
    assert roots in settings
    settings = settings.replace(
        backends, '"pants.backend.experimental.visibility", "venvstacks_rules"]'
    )
    root.write("pants.toml", settings.replace(roots, 'root_patterns = ["src", "/"]'))
    root.write("src/acme/BUILD", f"{rules}\npython_sources()\n")
    root.write("src/acme/__init__.py", "")
    root.write("src/acme/main.py", "print(1)\n")
    root.write(
        "stacks/BUILD",
        'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n' + APPLICATION,
    )
    root.write("elsewhere/BUILD", APPLICATION)
    done = root.pants("generate-lockfiles", "--resolve=stacks:app")
    assert done.work == ["Locked stacks:app", "Locked stacks:py"]
    assert done.error == (
        "LockError: 1 layer cannot be locked; the locks of the others were written: elsewhere:app\n"
        "  * Layers depend on code that denies it. Let its `__dependents_rules__` name their "
        'folder, for example by `"//stacks/**"`:\n'
        "      * elsewhere:app has 1 dependency violation:\n"
        "\n"
        "          * elsewhere -> src/acme/BUILD[!*] : DENY\n"
        "            venvstacks_application elsewhere:app -> python_sources src/acme/main.py"
    )
    # The layer's own lock needs no other.
    assert root.succeed("generate-lockfiles", "--resolve=stacks:app").work == ["Locked stacks:app"]
