"""Targets, fields and options of the documentation are those that Pants shows.

The reference names all of ours, with types and defaults; settings and commands of the pages name
none that is not there.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli

from tests.support.followed import is_settings, page_blocks, pages
from tests.support.shared_roots import shared_root

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
LAYERS = (
    *("venvstacks_runtime", "venvstacks_framework", "venvstacks_application"),
    "venvstacks_client",
)
TESTS = ("venvstacks_test", "venvstacks_tests")
STACKS = (
    "venvstacks_bundle",
    "venvstacks_image",
    "venvstacks_manifest",
    "venvstacks_release",
    "venvstacks_stack",
)
TARGETS = (*LAYERS, *STACKS, *TESTS)
COMMON = "Fields of all layers"

# One worker, so that Pants is asked once.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("docs/test_reference.py"),
]


@pytest.fixture(scope="module")
def pants_help() -> dict[str, Any]:
    with shared_root() as root:
        data: dict[str, Any] = json.loads(root.succeed("help-all").stdout)
    return data


def tables(page: str) -> dict[str, dict[str, list[str]]]:
    """The rows of each section of a page of the reference, by their first cell."""
    found: dict[str, dict[str, list[str]]] = {}
    title = ""
    for line in (REFERENCE / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("#").strip().strip("`")
            found[title] = {}
        elif line.startswith("| `"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            name, *rest = (cell.strip().replace(r"\|", "|").strip("`") for cell in cells)
            assert name not in found[title], f"{name} is listed twice"
            found[title][name] = rest
    return found


def documented_fields() -> dict[str, dict[str, list[str]]]:
    found = tables("targets.md")
    of_one = {name: cells for name, cells in found["venvstacks_test"].items() if name != "source"}
    found["venvstacks_tests"].update(of_one)
    return {
        target: {**(found[COMMON] if target in LAYERS else {}), **found[target]}
        for target in TARGETS
    }


def written(kind: str) -> str:
    """A type as newer Pants write it, which older ones write as those of `typing`."""
    kind = re.sub(r"\b(Dict|Tuple)\b", lambda found: found[0].lower(), kind)
    return re.sub(r"Union\[(\w+), (tuple\[[^]]*\])\]", r"\1 | \2", kind)


@pytest.mark.parametrize("target", TARGETS)
def test_every_field_is_documented_with_type_and_default(
    pants_help: Mapping[str, Any], target: str
) -> None:
    expected = {}
    for field in pants_help["name_to_target_type_info"][target]["fields"]:
        kind = written(field["type_hint"].replace(" | None", ""))
        default = "*required*" if field["required"] else str(field["default"])
        # Newer Pants have it in the place of None.
        default = "None" if default.startswith("'${spec_path_normalized}/") else default
        expected[field["alias"]] = [kind, default]
    documented = {
        name: [written(cells[0]), cells[1]] for name, cells in documented_fields()[target].items()
    }
    assert documented == expected


def test_every_target_is_documented(pants_help: Mapping[str, Any]) -> None:
    known = {name for name in pants_help["name_to_target_type_info"] if "venvstacks" in name}
    assert known == set(TARGETS)


@pytest.mark.parametrize(
    "scope",
    [
        "venvstacks",
        "venvstacks-actions",
        "venvstacks-export",
        "venvstacks-lint",
        "venvstacks-publish",
        "venvstacks-pytest",
        "venvstacks-repository",
        "venvstacks-show",
    ],
)
def test_every_option_is_documented_with_its_default(
    pants_help: Mapping[str, Any], scope: str
) -> None:
    info = pants_help["scope_to_help_info"][scope]
    expected = {o["config_key"]: o["default"] for o in (*info["basic"], *info["advanced"])}
    documented = {}
    for name, cells in tables("options.md")[f"[{scope}]"].items():
        text = cells[1]
        written = text[:1] in "[({" or text.isdigit() or text in ("None", "True", "False")
        documented[name] = ast.literal_eval(text) if written else text
    assert documented == expected


def test_the_options_of_ours_for_the_goal_of_pants_are_documented(
    pants_help: Mapping[str, Any],
) -> None:
    info = pants_help["scope_to_help_info"]["generate-lockfiles"]
    defaults = {option["config_key"]: str(option["default"]) for option in info["basic"]}
    documented = tables("options.md")["[generate-lockfiles]"]
    assert documented.keys() == {"upgrade", "upgrade_package", "if_needed"}
    assert {name: defaults[name] for name in documented} == {
        name: cells[1] for name, cells in documented.items()
    }


@pytest.mark.parametrize(("scope", "count"), [("venvstacks", 5), ("venvstacks-show", 1)])
def test_every_choice_of_an_option_is_documented(
    pants_help: Mapping[str, Any], scope: str, count: int
) -> None:
    documented = tables("options.md")[f"[{scope}]"]
    checked = 0
    for option in pants_help["scope_to_help_info"][scope]["basic"]:
        if option["choices"]:
            assert re.findall(r"[\w.]+(?=[`,]|$)", documented[option["config_key"]][0]) == list(
                option["choices"]
            )
            checked += 1
    assert checked == count


TYPES = {"bool": bool, "int": int, "list": list, "dict": dict, "str": str, "file": str, "dir": str}
# Options that Pants registers by itself, and shows nowhere.
UNSEEN = ("--version", "--help")


def test_settings_of_the_pages(pants_help: Mapping[str, Any]) -> None:
    wrong, count = [], 0
    for page in pages():
        for block in page_blocks(page):
            if is_settings(page, block):
                count += 1
                for scope, values in tomli.loads(block.text).items():
                    for name, value in values.items():
                        if not fits(pants_help, scope, name, value):
                            wrong.append(f"{page}:{block.line}: [{scope}].{name} = {value!r}")
    assert wrong == []
    assert count > 15


def options(pants_help: Mapping[str, Any], scope: str) -> list[dict[str, Any]]:
    info = pants_help["scope_to_help_info"].get(scope, {})
    return [option for kind in ("basic", "advanced") for option in info.get(kind, ())]


def fits(pants_help: Mapping[str, Any], scope: str, name: str, value: Any) -> bool:
    """Whether there is an option that takes this value."""
    if f"{scope}.{name}" in ("python.resolves", "environments-preview.names"):
        return isinstance(value, dict)  # Pants shows them without a type that says so.
    for option in options(pants_help, "" if scope == "GLOBAL" else scope):
        if option["config_key"] == name:
            kind = TYPES.get(option["typ"], str)
            changes = isinstance(value, dict) and value.keys() <= {"add", "remove"}
            values = list(value.values()) if kind is list and changes else [value]
            choices = option["choices"]
            return all(isinstance(one, kind) for one in values) and (
                not choices or isinstance(value, list) or value in choices
            )
    return False


def typed_commands() -> Iterator[tuple[str, list[str]]]:
    """Every command with `pants`, and where it is, without the rest of a pipe."""
    for page in pages():
        for block in page_blocks(page):
            text = block.text.replace("\n> ", "\n")
            prompt = r"^(?:\$ |- run: )(?:\w+=\S+ )?(?:\./)?pants (.*)$"
            for line in re.findall(prompt, text.replace("      -", "-"), re.MULTILINE):
                words = shlex.split(re.split(r" [|>] ", line)[0], comments=True)
                yield f"{page}: {line}", words
        for line in re.findall(r"`pants ([^`\n]+)`", (ROOT / page).read_text(encoding="utf-8")):
            yield f"{page}: {line}", shlex.split(line.replace("...", ""))


def test_options_of_commands_of_the_pages(pants_help: Mapping[str, Any]) -> None:
    scopes = pants_help["scope_to_help_info"]
    anywhere = {
        flag: option
        for scope in scopes
        for option in options(pants_help, scope)
        for flag in option["scoped_cmd_line_args"]
    }
    wrong, count = [], 0
    for where, words in typed_commands():
        goal = ""
        for word in words[: words.index("--") if "--" in words else None]:
            if not word.startswith("-"):
                goal = word if word in pants_help["name_to_goal_info"] else goal
                continue
            count += 1
            flag, given, value = word.partition("=")
            of_goal = {
                flag: option
                for option in options(pants_help, goal)
                for flag in option["unscoped_cmd_line_args"]
            }
            option = of_goal.get(flag) or anywhere.get(flag)
            if option is None:
                wrong.append(f"{where}: there is no {flag}")
            elif option["typ"] != "bool" and not given:
                wrong.append(f"{where}: {flag} takes a value")
            elif option["choices"] and value not in (*option["choices"], ""):
                wrong.append(f"{where}: {flag} does not take {value}")
    assert wrong == []
    assert count > 40
