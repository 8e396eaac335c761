"""The reference of the formats and actions has every key, and none that is not there."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tests.support.stack_files import problems
from venvstacks_rules.actions import cli, postinstall
from venvstacks_rules.model import requests
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.segment_index import IndexedSegment, SegmentIndex
from venvstacks_rules.model.layers.definitions import ModuleDefinition
from venvstacks_rules.model.layers.lock_choices import LockChoices
from venvstacks_rules.model.libraries.report import AmbiguousLibrary, LibraryReport
from venvstacks_rules.model.locks.pylock import LockedInterpreter, LockInputs
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.model.outputs.metadata import BuiltWheelHash, LayerMetadata, ModuleHash
from venvstacks_rules.model.stack_file.tables import KEYS, REQUIRED

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
METADATA = LayerMetadata(
    layer_name="app-a",
    install_target="app-a",
    requirements_hash="",
    lock_version=1,
    locked_at="",
    target_platform="linux_x86_64",
    runtime_layer="r",
    python_implementation="cpython@3.11.1",
    bound_to_implementation=False,
    required_layers=(),
    app_launch_module="a",
    app_launch_module_hash="",
    app_support_modules=(ModuleHash("b", ""),),
    lock_choices=LockChoices(python_resolve="main"),
    shared_libraries=LibraryReport((AmbiguousLibrary("libx.so", ()),)),
    chosen_files=(ChosenFiles("a", "a-1.0-py3-none-any.whl", ("*.a",)),),
    stripped_interpreter=("test",),
    built_wheels=(BuiltWheelHash("", ""),),
    byte_code="included",
    sealed=True,
)
# What assemble-archive adds.
OF_THE_ARCHIVE = {"archive_name", "archive_size", "archive_hashes", "archive_build"}
SEGMENT = IndexedSegment("layer", 0, 0, "", 0, ())
INDEX = SegmentIndex("app-a", "", 0, "", "tar.zst", 9, (SEGMENT,))
CONFIG = LayerConfig(
    "bin/python",
    "3.11.1",
    "bin/python",
    "lib",
    launch_module="a",
    console_scripts=(("a", "b:c"),),
)


def names(cls: type[object]) -> set[str]:
    return {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]


def keys(page: str, section: str) -> list[str]:
    """The first cells of the rows of a section of a page of the reference."""
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    found = re.search(
        rf"^#+ {re.escape(section)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{page} has no section {section}"
    return re.findall(r"^\| `([^`]+)` \|", found[1], re.MULTILINE)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("Layer metadata", {*METADATA.to_dict(), *OF_THE_ARCHIVE}),
        ("`shared_libraries`", names(LibraryReport)),
        ("Segment index", set(INDEX.to_dict())),
        ("A segment in the index", set(SEGMENT.to_dict())),
        ("Deployed layer config", set(json.loads(CONFIG.to_json()))),
        ("`[tool.venvstacks-rules.inputs]`", names(LockInputs) - {"choices"} | names(LockChoices)),
        ("`tool.venvstacks-rules.interpreters`", names(LockedInterpreter)),
    ],
)
def test_every_key_of_a_file_is_documented(section: str, expected: set[str]) -> None:
    documented = keys("formats.md", section)
    assert sorted(documented) == sorted(expected)


def test_every_key_of_a_stack_file_is_documented_with_the_kinds_that_have_it() -> None:
    text = (DOCS / "reference" / "formats.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([RFA ]+) \| [a-z ]+ \| (\S*)", text, re.MULTILINE)
    documented = [(key, kinds, default == "*required*") for key, kinds, default in rows]
    assert documented == [
        (key, " ".join(kind.value[0].upper() for kind in kinds), key in REQUIRED)
        for key, (kinds, _) in KEYS.items()
    ]


def test_the_stack_file_of_the_reference_is_sound() -> None:
    text = (DOCS / "reference" / "formats.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(\[\[runtimes\]\].*?)^```", text, re.MULTILINE | re.DOTALL)
    modules = {"classify.py": ModuleDefinition("classify.py", ("classify.py",))}
    assert problems(example, modules) == []


def test_committed_lock_metadata_has_the_documented_keys() -> None:
    documented = set(keys("formats.md", "Metadata of a lockfile"))
    found = sorted((ROOT / "examples").glob("*/requirements/*/pylock.*.meta.json"))
    assert found
    for path in found:
        assert set(json.loads(path.read_text(encoding="utf-8"))) == documented, path


def test_every_option_of_the_post_installation_is_documented(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        postinstall.main(["--help"])
    offered = set(re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert set(keys("formats.md", "Deployment")) == offered


def test_every_verb_is_documented() -> None:
    text = (DOCS / "reference" / "actions.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `([a-z-]+)`$", text, re.MULTILINE) == list(cli.VERBS)


def messages() -> list[type[object]]:
    """What crosses between a build and its tools: requests, results, and the values in them."""
    found: dict[type[object], None] = {}
    for path in sorted(Path(requests.__path__[0]).glob("[!_]*.py")):
        values = vars(importlib.import_module(f"{requests.__name__}.{path.stem}")).values()
        waiting = [value for value in values if isinstance(value, type) and is_dataclass(value)]
        # A base of several has no place of its own.
        waiting = [value for value in waiting if not value.__subclasses__()]
        for message in waiting:
            found[message] = None
            parts = [hint for field in get_type_hints(message).values() for hint in types_in(field)]
            waiting += [part for part in parts if is_dataclass(part) and part not in found]
    return list(found)


def types_in(hint: object) -> Iterator[type[object]]:
    """The types that a type hint is made of."""
    if isinstance(hint, type):
        yield hint
    for part in get_args(hint):
        yield from types_in(part)


@pytest.mark.parametrize("message", messages(), ids=lambda message: message.__name__)
def test_every_key_of_a_request_or_result_is_documented(message: type[object]) -> None:
    assert keys("actions.md", f"`{message.__name__}`") == [
        field.name
        for field in dataclasses.fields(message)  # type: ignore[arg-type]
    ]
