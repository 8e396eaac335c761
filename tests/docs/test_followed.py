"""Every block of code of the README, the quick start and the how-tos has a test that follows it."""

from __future__ import annotations

import ast
import inspect
import json

import pytest

from tests.support.build_root import WORK
from tests.support.followed import PAGES, ROOT, No, follower, page_blocks, pages
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.repository.stores.store import Store


@pytest.mark.parametrize("page", pages())
def test_every_block_is_followed_or_says_why_not(page: str) -> None:
    assert page in PAGES, "name the test that follows the page in tests/support/followed.py"
    assert [
        f"{page}:{block.line}: ```{block.kind} {block.first}"
        for block in page_blocks(page)
        if follower(page, block) is None
    ] == []


def test_there_are_no_rows_for_what_is_gone() -> None:
    assert [page for page in PAGES if page not in set(pages())] == []
    assert [
        f"{page}: {first}"
        for page, how in PAGES.items()
        for first in how.others
        if not any(block.text.startswith(first) for block in page_blocks(page))
    ] == []


@pytest.mark.parametrize(
    "test",
    sorted(
        {
            test
            for page in pages()
            for block in page_blocks(page)
            if isinstance(test := follower(page, block), str)
        }
    ),
)
def test_the_tests_are_there(test: str) -> None:
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_a_reason_is_a_sentence() -> None:
    reasons = [
        one.reason for how in PAGES.values() for one in how.others.values() if isinstance(one, No)
    ]
    assert [reason for reason in reasons if len(reason.split()) < 5] == []


def test_ci_types_commands() -> None:
    """Those of the README that set everything up are what CI runs."""
    (block,) = (one for one in page_blocks("README.md") if "build-support/test" in one.text)
    commands = [line[2:].split("  ")[0] for line in block.text.splitlines()]
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert len(commands) == 2
    assert [command for command in commands if f"step {command}\n" not in ci] == []


def test_a_store_of_ones_own() -> None:
    """The page has the methods that a kind of repository has to have, with their parameters."""
    (block,) = (one for one in page_blocks("docs/how-to/add-a-store.md") if "Store" in one.first)
    (written,) = ast.parse(block.text).body
    assert isinstance(written, ast.ClassDef)
    methods = {one.name: one for one in written.body if isinstance(one, ast.FunctionDef)}
    assert methods.keys() == {"__init__", *Store.__abstractmethods__}
    for name in Store.__abstractmethods__:
        documented = [*methods[name].args.args, *methods[name].args.kwonlyargs]
        assert [one.arg for one in documented] == list(
            inspect.signature(getattr(Store, name)).parameters
        ), name


def test_excluded_files() -> None:
    """The page has the keys of the metadata."""
    page = "docs/how-to/make-layers-smaller.md"
    (block,) = (one for one in page_blocks(page) if one.kind == "json")
    shown = json.loads(f"{{{block.text}}}")["excluded_files"]
    for values in shown.values():
        globs = tuple(values["globs"])
        made = ChosenFiles("joblib", "joblib.whl", globs, values["files"], values["size"])
        assert made.to_dict() == values


def test_lines_of_the_log() -> None:
    """They look like those that tests find in the log of Pants."""
    (block,) = (one for one in page_blocks("docs/how-to/ci.md") if "[INFO]" in one.text)
    lines = block.text.splitlines()
    assert len(lines) == 4
    assert [line for line in lines if not WORK.match(line)] == []
