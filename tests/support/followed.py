"""Which test follows each block of code of the README, the quick start and the how-tos.

A page has one test that writes its files and types its commands. Blocks of certain kinds are read
by one test for all pages: definitions of BUILD files, settings of `pants.toml`, messages. What is
left is named here by its first line, with the test that follows it or the reason why none can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.documented import Block, blocks, is_file

ROOT = Path(__file__).resolve().parents[2]

DEFINITIONS = "tests/pants_backend/test_documented_definitions.py::test_definitions"
SETTINGS = "tests/docs/test_reference.py::test_settings_of_the_pages"
MESSAGES = "tests/docs/test_messages.py::test_messages_are_those_of_the_source"
HOW_TOS = "tests/integration/test_how_tos.py::"
EMBEDDING = "tests/integration/test_embedding.py::"
QUICK_START = "tests/integration/test_quick_start.py::"
STACK_FILES = "tests/integration/test_stack_files.py::"
PIP = (
    "tests/integration/test_pip_configuration.py::"
    "test_targets_of_pants_beside_them_need_the_documented_setting"
)
FIRST_PARTY = "tests/integration/test_first_party_code.py::test_the_how_to"
SIGNED = "tests/repository/trust/test_command_line.py::test_the_how_to_is_followed_to_the_letter"
SERVER = f"{HOW_TOS}test_the_server_answers_and_ends_by_a_signal"
README = "tests/integration/test_own_build.py::test_the_readme"
EXAMPLES = "tests/integration/test_examples.py::"

_DEFINITION = re.compile(
    r"(^\s*\*\*parametrize|\b(venvstacks_\w+|python_\w+|archive|file|remote_environment|__defaults__))\("
)
_COMMAND = re.compile(r"^[$>] ", re.MULTILINE)


@dataclass(frozen=True)
class No:
    """That no test follows a block."""

    reason: str


@dataclass(frozen=True)
class Page:
    """How a page is followed."""

    test: str | None = None
    """Writes its files and types its commands."""
    others: Mapping[str, str | No] = field(default_factory=dict)
    """By how they begin: blocks that another test follows, or none."""


PAGES: Mapping[str, Page] = {
    "README.md": Page(
        None,
        {
            "$ ./pants package examples/::": "tests/docs/test_followed.py::test_ci_types_commands",
            "[INFO] Packaged 17 layers:": f"{EXAMPLES}test_the_readme_has_the_sizes_of_archives",
            "$ ./pants --venvstacks-platforms=all": README,
            "$ ./pants run examples/hello:hello": README,
            "$ mkdir layers": README,
            "$ ./pants publish src/apps:release": No(
                "it names what the pages on publishing and installing show, which are followed"
            ),
            "$ ./pants venvstacks-show --html": No(
                "a list of goals; the pages on each of them are followed"
            ),
            "$ ./pants package ::": No(
                "CI types the first; the second is `build-support/test` once more, in sandboxes"
            ),
        },
    ),
    "docs/quick-start.md": Page(
        f"{QUICK_START}test_every_command_prints_what_the_page_says",
    ),
    "docs/how-to/actions-environment.md": Page(
        "tests/integration/test_actions_environment.py::"
        "test_a_lockfile_that_a_user_makes_as_the_how_to_says",
        {
            "[project]": "tests/docs/test_actions_requirements.py::"
            "test_the_how_to_has_the_requirements_of_the_shipped_lockfile",
            "[[tool.venvstacks-rules.interpreters]]": No("a sketch of what is linked above it"),
        },
    ),
    "docs/how-to/add-a-store.md": Page(
        None,
        {
            "class ThingStore(Store):": "tests/docs/test_followed.py::test_a_store_of_ones_own",
            "$ build-support/test tests/repository": No("it is a part of `build-support/test`"),
        },
    ),
    "docs/how-to/build-for-other-platforms.md": Page(
        f"{QUICK_START}test_build_for_other_platforms"
    ),
    "docs/how-to/bundle.md": Page(f"{HOW_TOS}test_a_page"),
    "docs/how-to/ci.md": Page(
        "tests/integration/test_pipeline.py::test_main_publishes_what_changed",
        {
            "21:26:14.83": "tests/docs/test_followed.py::test_lines_of_the_log",
            "on:": "tests/integration/test_pipeline.py::test_the_jobs_run_the_commands_of_the_page",
        },
    ),
    "docs/how-to/containers.md": Page(
        f"{HOW_TOS}test_the_commands_of_the_container_image_make_layers_that_start",
        {
            "$ pants package src/assistant:image": No(
                "it needs a registry and an image of a distribution; test_images.py has its own"
            ),
            "$ pants --venvstacks-platforms": No("it needs a registry; test_images.py has its own"),
            "$ skopeo copy": No("two of the programs need a daemon, which no test may start"),
            "$ docker build": No("it needs a daemon; the commands of the Dockerfile are run"),
        },
    ),
    "docs/how-to/deploy.md": Page(
        f"{HOW_TOS}test_a_page",
        {
            "$ layers/app-classify/bin/python -P": No("it needs Python 3.11, the stack has 3.9"),
            "> tar -xf framework-sklearn.zip": No(
                "for Windows; test_wine.py does so where there is a CPython for Windows"
            ),
            "$ pip install --find-links": No(
                "a request has to be written by hand; test_examples.py calls the action with one"
            ),
            "$ mkdir layers\n$ for layer in cpython-3.11": No(
                "layers of no example; test_sealed.py deploys others by the same steps"
            ),
        },
    ),
    "docs/how-to/embed-electron.md": Page(
        f"{EMBEDDING}test_electron",
        {'{ "build"': No("a setting of electron-builder, which is not there")},
    ),
    "docs/how-to/embed-rust.md": Page(f"{EMBEDDING}test_rust"),
    "docs/how-to/embed-swift.md": Page(f"{EMBEDDING}test_swift"),
    "docs/how-to/exclude-shared-libraries.md": Page(),
    "docs/how-to/export.md": Page(f"{HOW_TOS}test_a_page"),
    "docs/how-to/first-party-code.md": Page(
        None,
        {
            "lib/words/BUILD": FIRST_PARTY,
            "venvstacks_runtime(": FIRST_PARTY,
            "acme/server/main.py": FIRST_PARTY,
            "__dependents_rules__": "tests/integration/test_visibility.py::"
            "test_layers_that_are_denied_do_not_stop_others",
        },
    ),
    "docs/how-to/install-and-update.md": Page(
        "tests/docs/test_client.py::test_the_how_to_works",
        {
            "pip install": "tests/integration/test_installed_plugin.py::"
            "test_the_client_is_installed_with_what_it_needs_and_no_more",
            "rsync": No("it needs a server that people log in to; the folder is served in a test"),
        },
    ),
    "docs/how-to/interpreters.md": Page(
        "tests/integration/test_interpreters.py::test_archives_of_targets",
        {"IntrinsicError: Wrong digest": No("a message of Pants itself, not of the plugin")},
    ),
    "docs/how-to/lint.md": Page("tests/docs/test_lint.py::test_the_how_to"),
    "docs/how-to/make-installers.md": Page(
        f"{HOW_TOS}test_the_client_ships_with_layers_and_updates_itself",
        {
            "powershell": No("for Windows, where no test runs"),
            "# The package:": No("for macOS, where no test runs"),
        },
    ),
    "docs/how-to/make-layers-smaller.md": Page(
        f"{HOW_TOS}test_the_largest_files",
        {'"excluded_files": {': "tests/docs/test_followed.py::test_excluded_files"},
    ),
    "docs/how-to/migrate.md": Page(
        f"{STACK_FILES}test_migrate",
        {"_build/": No("lines of a `.gitignore`, by which Pants starts anew")},
    ),
    "docs/how-to/operate-a-repository.md": Page(
        "tests/docs/test_repository_commands.py::test_the_how_to_works"
    ),
    "docs/how-to/own-wheels.md": Page(
        "tests/integration/test_own_wheels.py::test_the_how_to",
        {
            '"built_wheels": [': "tests/integration/test_own_wheels.py::test_the_how_to",
        },
    ),
    "docs/how-to/private-index.md": Page(
        "tests/integration/test_private_index.py::test_the_how_to",
    ),
    "docs/how-to/publish.md": Page("tests/integration/test_publish.py::test_the_how_to"),
    "docs/how-to/publish-stack.md": Page(f"{HOW_TOS}test_a_page"),
    "docs/how-to/read-archives.md": Page(
        f"{HOW_TOS}test_programs_that_read_archives",
        {
            "import { createReadStream }": f"{HOW_TOS}test_programs_that_read_archives",
            "import tarfile": f"{HOW_TOS}test_programs_that_read_archives",
            "import os": f"{HOW_TOS}test_programs_that_read_archives",
        },
    ),
    "docs/how-to/release-archives.md": Page(f"{QUICK_START}test_release_archives"),
    "docs/how-to/requirements.md": Page(
        None, {"click>=8": No("an example; test_requirements.py has a repository of its own")}
    ),
    "docs/how-to/sbom.md": Page(f"{HOW_TOS}test_sbom"),
    "docs/how-to/servers.md": Page(
        SERVER,
        {
            "$ LISTEN": No(
                "what `run` starts ends with the terminal; test_monorepo.py starts a server so"
            ),
            "$ app-hello/bin/waitress-serve": SERVER,
            "[Unit]": SERVER,
        },
    ),
    "docs/how-to/ship-the-client.md": Page(
        f"{HOW_TOS}test_the_client_ships_with_layers_and_updates_itself",
        {
            "> client\\cpython": No(
                "for Windows; test_wine.py does so where there is a CPython for Windows"
            ),
            'import sys\n\nprint("ready"': No(
                "a sketch; the pages on embedding have whole programs"
            ),
        },
    ),
    "docs/how-to/show.md": Page(
        f"{HOW_TOS}test_a_page",
        {"├─ framework-http": No("a part of the tree above; states of locks have unit tests")},
    ),
    "docs/how-to/sign-a-repository.md": Page(
        None,
        {
            "$ pip install": No("the extra is in the environment of all tests of signatures"),
            **dict.fromkeys(("export", "unset", "venvstacks-repository"), SIGNED),
        },
    ),
    "docs/how-to/stack-files.md": Page(f"{STACK_FILES}test_the_how_to"),
    "docs/how-to/test-layers.md": Page("tests/integration/test_layer_tests.py::test_the_how_to"),
    "docs/how-to/troubleshooting.md": Page(
        None,
        {
            "ProcessExecutionFailure": PIP,
            "export MALLOC_ARENA_MAX": No(
                "a setting of glibc for the launcher; what it does was measured, not tested"
            ),
            "Unknown flag": No("a message of Pants itself, not of the plugin"),
            "pantsd process": No("a message of Pants itself, not of the plugin"),
            "No matching distribution": No("a message of pip, which Pants runs"),
        },
    ),
    "docs/how-to/upgrade.md": Page(f"{QUICK_START}test_upgrade"),
    "docs/how-to/variants.md": Page(f"{HOW_TOS}test_variants"),
}


def pages() -> Iterator[str]:
    """All of them, as paths in the repository."""
    yield "README.md"
    yield "docs/quick-start.md"
    for path in sorted((ROOT / "docs/how-to").glob("*.md")):
        yield path.relative_to(ROOT).as_posix()


def page_blocks(page: str) -> tuple[Block, ...]:
    """The blocks of a page."""
    return tuple(blocks((ROOT / page).read_text(encoding="utf-8")))


def follower(page: str, block: Block) -> str | No | None:
    """The test that follows a block; None if there is none."""
    how = PAGES.get(page, Page())
    for first, test in how.others.items():
        if block.text.startswith(first):
            return test
    if block.kind == "console" or (is_file(block) and how.test is not None):
        return how.test
    if is_definition(block):
        return DEFINITIONS
    if block.kind == "toml":
        return SETTINGS
    if block.kind == "text" and not _COMMAND.search(block.text):
        return MESSAGES
    return None


def is_definition(block: Block) -> bool:
    """Whether a block belongs into a BUILD file."""
    return block.kind == "python" and _DEFINITION.search(block.text) is not None


def is_settings(page: str, block: Block) -> bool:
    """Whether a block belongs into `pants.toml`."""
    return block.kind == "toml" and follower(page, block) == SETTINGS
