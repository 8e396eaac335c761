"""The pages about `venvstacks-repository` name every option and key, and their commands work."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.documented import Command, complaint, steps, typed
from tests.support.small_repositories import FRAMEWORK, SmallRepository, wheel
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.repository import cli
from venvstacks_rules.repository.arguments import PROGRAM, URL_VARIABLE, parser

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs/reference/repository-commands.md"
HOW_TO = ROOT / "docs/how-to/operate-a-repository.md"
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_OLD = 1_700_000_000


def tables(kind: str) -> dict[str, dict[str, str]]:
    """For each command, the rows of its table with the head `kind`."""
    found: dict[str, dict[str, str]] = {}
    title, head = "", ""
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("#").strip().strip("`")
        elif not line.startswith("|"):
            head = ""
        else:
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            if not head:
                head = cells[0]
                if head == kind:
                    found[title] = {}
            elif head == kind and not set(line) <= set("|-"):
                found[title][cells[0].strip("`")] = cells[1]
    return found


def commands() -> dict[str, argparse.ArgumentParser]:
    (choices,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(choices.choices)


def written(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar)
    name = action.option_strings[-1]
    return f"{name} {action.metavar}" if action.metavar else name


def test_every_command_and_option_is_documented() -> None:
    titles = re.findall(r"^## `([\w-]+)`$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert titles == list(commands())
    common = set(tables("option of all commands")[PROGRAM])
    documented = tables("option")
    for name, command in commands().items():
        options = [written(action) for action in command._actions if "--help" not in
                   action.option_strings]  # fmt: skip
        expected = set(documented.get(name, {})) | common
        if name == "mirror":
            expected.discard("--repository URL")
        assert set(options) == expected, name


def objects(value: object, path: str = "") -> Iterator[tuple[str, set[str]]]:
    """The keys of each object in JSON; those of documents are names."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item, f"{path}[]")
    elif isinstance(value, dict):
        names = path.endswith("documents")
        if not names:
            yield path, set(value)
        for key, item in value.items():
            part = "*" if names else key
            yield from objects(item, f"{path}.{part}" if path else part)


def sized(kilobytes: int, seed: str = "") -> bytes:
    return (seed.encode() + bytes(1000))[:1000] * kilobytes


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallRepository:
    """As the how-to describes it: three versions, of which a channel has had two."""
    made = SmallRepository(tmp_path / "layers")
    runtime = made.layer(segments={"interpreter": {"bin/python3": sized(2_870)}})
    for version in ("0.9", "1.0", "1.1"):
        segments = {wheel("numpy", version): {"numpy.py": sized(1_620, version)}}
        if version == "1.1":
            segments[wheel("scipy", "2.0")] = {"scipy.py": sized(3_515)}
        framework = made.layer(FRAMEWORK, segments, kind="framework")
        stack = made.stack(version, [runtime, framework])
        made.point(stack, "beta" if version == "1.1" else "stable")
    for i, path in enumerate(
        sorted(
            (path for path in made.folder.rglob("*") if path.is_file()),
            key=lambda path: path.stat().st_mtime_ns,
        )
    ):
        os.utime(path, (_OLD + i, _OLD + i))
    monkeypatch.setenv(URL_VARIABLE, made.url)
    return made


def test_every_key_is_documented(
    made: SmallRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = made.layer(documents={"sbom": b"{}"})
    made.stack("2.0", [index])
    loose = made.put_blob(b"loose")
    (made.folder / blob_key(loose.sha256)).write_bytes(b"LOOSE")
    copy = (tmp_path / "copy").as_uri()
    documented = {
        name: {
            path: set(re.findall(r"`([\w-]+)`", keys.split(";")[0])) for path, keys in rows.items()
        }
        for name, rows in tables("object").items()
    }
    assert list(documented) == list(commands())
    for line in (
        "list",
        "show 2.0",
        "diff 1.0 1.1",
        "verify",
        "promote 1.1 --channel stable",
        "rollback --channel stable",
        "prune --keep 1",
        f"export-archives 1.0 --into {tmp_path}/dist",
        f"mirror {made.url} {copy}",
    ):
        name = line.split()[0]
        cli.main([*line.split(), "--json"])
        found: dict[str, set[str]] = {}
        for path, keys in objects(json.loads(capsys.readouterr().out)):
            found.setdefault(path, set()).update(keys)
        assert found.keys() == documented[name].keys(), name
        for path, keys in found.items():
            # Values that a key may have are in parentheses.
            text = re.sub(r"\([^)]*\)", "", tables("object")[name][path]).split(";")[0]
            assert keys == set(re.findall(r"`([\w-]+)`", text)), (name, path)


def test_the_how_to_works(made: SmallRepository, tmp_path: Path) -> None:
    program = tmp_path / "bin" / PROGRAM
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m venvstacks_rules.repository "$@"\n')
    program.chmod(0o755)
    places = {"file:///srv/layers": made.url, "file:///mnt/backup": (tmp_path / "copy").as_uri()}
    environment = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src/python"),
        URL_VARIABLE: made.url,
    }
    count = 0
    for step in steps(HOW_TO.read_text(encoding="utf-8")):
        assert isinstance(step, Command)
        text = step.text
        for shown, real in places.items():
            text = text.replace(shown, real)
        printed = typed(text, tmp_path, environment)
        lines = []
        for line in printed.lines:
            seen = line
            for shown, real in places.items():
                seen = seen.replace(real, shown)
            lines.append(_HASH.sub("HASH", seen))
        expected = [_HASH.sub("HASH", line) for line in step.expected]
        fixed = Command(step.text, step.line, expected)
        assert complaint(fixed, replace(printed, lines=tuple(lines))) is None
        assert matches_sizes(expected, lines), (expected, lines)
        count += 1
    assert count == 12


def matches_sizes(expected: list[str], lines: list[str]) -> bool:
    """`complaint` lets sizes differ; these are always the same."""
    return "..." in expected or [line for line in expected if line] == [
        line for line in lines if line
    ]
