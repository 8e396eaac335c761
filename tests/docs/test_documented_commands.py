"""Commands of the pages are ones that our programs take."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Iterator

import pytest

from tests.support.followed import ROOT, page_blocks
from venvstacks_rules.client.arguments import parser as client
from venvstacks_rules.repository.arguments import parser as repository

PROGRAMS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "venvstacks-deploy": client,
    "venvstacks-repository": repository,
}
OTHERS = {"key", "root", "sign"}
"""Of keys: a test types all that the page about them has."""
PAGES = (
    "README.md",
    *(
        path.relative_to(ROOT).as_posix()
        for folder in ("how-to", "reference")
        for path in sorted((ROOT / "docs" / folder).glob("*.md"))
    ),
)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each with the place where it is."""
    for page in PAGES:
        for block in page_blocks(page):
            text = block.text.replace("\\\n", " ")
            for line in re.findall(
                r"^.*\bvenvstacks-(?:deploy|repository) .*$", text, re.MULTILINE
            ):
                words = shlex.split(
                    re.sub(r"^(\$|\s*- run:)", "", line).split(" | ")[0], comments=True
                )
                names = [word.rpartition("/")[2] for word in words]
                # The goal of that name takes the command behind `--`.
                found = [name for name in names if name in PROGRAMS]
                if found and "pants" not in names and "COMMAND" not in names:
                    yield f"{page}: {line}", words[names.index(found[0]) :]


FOUND = {where: words for where, words in commands() if words[1] not in OTHERS}


@pytest.mark.parametrize("words", FOUND.values(), ids=FOUND)
def test_a_command(words: list[str]) -> None:
    program, *arguments = words
    name = program.rpartition("/")[2]
    try:
        PROGRAMS[name]().parse_args(arguments)
    except (argparse.ArgumentError, SystemExit):
        pytest.fail(f"{name} does not take {arguments}")


def test_there_are_many() -> None:
    assert len(FOUND) > 30
