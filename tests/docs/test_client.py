"""The pages about the client name its options, codes and events, and their commands work."""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client_repository import APP, FRAMEWORK, SITE, ClientRepository, called, events
from tests.support.deltas import DeltaRepository
from tests.support.documented import Command, complaint, steps, typed
from tests.support.packaged_stack import PackagedStack
from tests.support.signed_repository import SignedRepository
from venvstacks_rules.client.arguments import parser
from venvstacks_rules.client.exits import EXITS
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.model.repository.records import ChannelRecord

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs/reference/client.md").read_text(encoding="utf-8")
HOW_TO = (ROOT / "docs/how-to/install-and-update.md").read_text(encoding="utf-8")
URL = "https://apps.example.com/layers"
ARCHIVES = "\n## From a folder of archives\n"


def rows(title: str) -> list[list[str]]:
    """The cells of the table below a title."""
    section = REFERENCE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_option_is_documented() -> None:
    documented: dict[str, set[str]] = {}
    names: list[str] = []
    for commands, option, _ in rows("Options"):
        names = re.findall(r"`([\w-]+)`", commands) or names
        for name in names:
            documented.setdefault(name, set()).add(option.strip("`"))
    (choices,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in choices.choices.items():
        options = {written(action) for action in command._actions if action.dest != "help"}
        assert options - {"--into DIR", "--json", "None"} == documented.get(name, set()), name


def written(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar)
    if action.nargs == 0:
        return action.option_strings[0]
    return f"{action.option_strings[0]} {action.metavar or action.dest.upper()}"


def test_every_exit_code_is_documented() -> None:
    assert {int(code): text for code, text in rows("Exit codes")} == EXITS


def test_every_event_is_documented(tmp_path: Path) -> None:
    documented = {
        name: set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", keys)))
        for names, keys in rows("Events")
        for name in re.findall(r"`([\w-]+)`", names)
    }
    for name, other in (("unchanged", "installed"), ("rolled-back", "installed")):
        documented[name] |= documented[other]
    documented["plan"].discard("repair")
    documented["freed"].discard("gc")
    repository = ClientRepository(tmp_path / "small")
    repository.publish("1.0")
    folder = tmp_path / "apps"
    install = ("install", "--from", repository.url, "--app", APP, "--name", "hello")
    done = [called(*install, "--allow-unsigned", "--into", folder, "--json")]
    (folder / "apps" / APP / "1/layers" / FRAMEWORK / SITE / "words.py").unlink()
    for words in (["repair"], ["update"], ["verify"], ["list"]):
        done.append(called(*words, "--into", folder, "--json"))
    repository.publish("1.1")
    for words in (
        ["update", "--check"],
        ["update"],
        ["rollback"],
        ["update"],
        ["gc"],
        ["uninstall"],
        ["list"],
    ):
        done.append(called(*words, "--into", folder, "--json"))
    large = DeltaRepository(tmp_path)
    large.publish("1.0")
    install = ("install", "--from", large.url, "--app", APP, "--name", "hello")
    done.append(called(*install, "--allow-unsigned", "--into", folder, "--json"))
    large.publish("1.1")
    done.append(called("update", "--into", folder, "--json"))
    seen: dict[str, set[str]] = {}
    for event in (event for one in done for event in events(one.stdout)):
        seen.setdefault(event.pop("event"), set()).update(event)
    assert documented.keys() - seen.keys() == {"waiting", "in-use"}
    for name, keys in seen.items():
        assert keys == documented[name], name


@pytest.fixture
def signed(tmp_path: Path) -> Iterator[tuple[ClientRepository, SignedRepository, str]]:
    """A repository as the how-to has it, behind a web server."""
    keys = SignedRepository(tmp_path)
    repository = ClientRepository(tmp_path / "repository")
    (tmp_path / "root.json").write_bytes(keys.begin().content)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(repository.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield repository, keys, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def release(repository: ClientRepository, keys: SignedRepository, version: str, word: str) -> None:
    repository.publish(version, word=word, name=APP)
    key = ChannelKey(APP, "stable", repository.platform)
    record = ChannelRecord.from_json((repository.folder / str(key)).read_bytes(), key)
    (repository.folder / str(key)).write_bytes(keys.text(record))


def test_the_how_to_works(
    signed: tuple[ClientRepository, SignedRepository, str], tmp_path: Path
) -> None:
    repository, keys, url = signed
    program = tmp_path / "bin/venvstacks-deploy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m venvstacks_rules.client "$@"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src/python"),
        "no_proxy": "127.0.0.1",
    }
    release(repository, keys, "1.0", "hello")
    count = 0
    for step in steps(HOW_TO.split(ARCHIVES)[0]):
        assert isinstance(step, Command)
        if count == 2:
            release(repository, keys, "1.1", "hi")
        printed = typed(step.text.replace(URL, url), tmp_path, environment)
        lines = [line.replace(url, URL) for line in printed.lines if " % of " not in line]
        here = SITE.split("/")[1]
        expected = [line.replace("python3.9", here) for line in step.expected]
        shown = type(printed)(printed.code, tuple(lines))
        assert complaint(Command(step.text, step.line, expected), shown) is None
        count += 1
    assert count == 14


def test_the_how_to_works_with_archives(tmp_path: Path) -> None:
    packaged = PackagedStack(tmp_path / "dist")
    versions = [("1.0", "hello"), ("1.1", "hi")]
    shown: list[list[str]] = []
    for step in steps(HOW_TO.split(ARCHIVES)[1]):
        assert isinstance(step, Command)
        version, word = versions[len(shown)]
        packaged.package(version, word=word)
        text = step.text.replace("https://apps.example.com/hello", packaged.url)
        done = called(*text.replace("sha256:...", packaged.pin).split()[1:-1], tmp_path / "apps")
        assert done.returncode == 0, done
        # Versions are hashes, and sizes depend on the version of Python.
        shown.append([re.sub(r"[0-9a-f]{16}|[0-9.]+ kB", "...", line) for line in step.expected])
        found = re.sub(r"[0-9a-f]{16}|[0-9.]+ kB", "...", done.stdout)
        assert shown[-1] == found.splitlines()
    assert len(shown) == 2
