from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

import pytest

import check_architecture
import check_rooms
from check_architecture import check_file, check_repository, main, standard_library
from check_rooms import unused_arrows
from source_modules import parsed_module

PACKAGE = "src/python/venvstacks_rules"


def problems_of(file: str, text: str) -> list[str]:
    found, _ = check_file(PurePosixPath(PACKAGE, file), text)
    return [f"{problem.line}: {problem.message}" for problem in sorted(found)]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model/a.py", "import re\nfrom dataclasses import dataclass\nfrom packaging import tags"),
        (
            "model/a.py",
            "from venvstacks_rules.model import names\nfrom venvstacks_rules import model",
        ),
        (
            "model/a.py",
            "from . import names\nfrom .names import x\nfrom pathlib import PurePosixPath",
        ),
        (
            "model/a.py",
            "from urllib.parse import urlsplit\nimport sys\nsys.version_info >= (3, 11)",
        ),
        ("model/a.py", "from datetime import datetime\ndatetime.fromisoformat('x')"),
        ("actions/files/tree.py", "from venvstacks_rules.model.layers.names import x\nopen('x')"),
        ("actions/files/tree.py", "import os\nfrom venvstacks_rules.actions.files import sinks"),
        ("actions/archives/a.py", "from venvstacks_rules.actions.files.tree import Tree"),
        ("actions/archives/a.py", "from venvstacks_rules.actions import paths"),
        ("actions/commands/launch.py", "from venvstacks_rules.actions import archives"),
        ("actions/cli.py", "from venvstacks_rules.actions.commands import launch, lock_layer"),
        ("actions/__main__.py", "from venvstacks_rules.actions import commands"),
        ("actions/postinstall.py", "import os, sys, json"),
        (
            "pants_backend/goals/a.py",
            "from pants.engine.fs import Digest\nimport tomli, packaging.version",
        ),
        (
            "pants_backend/goals/a.py",
            "from venvstacks_rules.pants_backend.engine import rule\nimport os.path",
        ),
        ("pants_backend/engine/__init__.py", "from pants.version import VERSION"),
        ("register.py", "from venvstacks_rules.pants_backend.backend import rules"),
        ("other.py", "import anything"),
    ],
)
def test_what_is_allowed(file: str, text: str) -> None:
    assert problems_of(file, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os", "model is pure and may not import os"),
        ("from os import path", "model is pure and may not import os"),
        ("from urllib import request", "model is pure and may not import urllib"),
        ("import urllib.request", "model is pure and may not import urllib.request"),
        ("def f():\n  import time", "model is pure and may not import time"),
        (
            "import attr",
            "model may import the standard library, packaging and venvstacks_rules.model, not attr",
        ),
        (
            "from venvstacks_rules import actions",
            "model may import the standard library, packaging and venvstacks_rules.model,"
            " not venvstacks_rules",
        ),
        (
            "from ..actions import deploy",
            "model may import the standard library, packaging and venvstacks_rules.model,"
            " not venvstacks_rules.actions",
        ),
        ("from pathlib import Path", "model may use pure paths only, not pathlib.Path"),
        ("import pathlib\npathlib.Path('x')", "model is pure and may not use pathlib.Path"),
        ("import sys\nsys.platform", "model is pure and may not use sys.platform"),
        ("from sys import argv", "model is pure and may not use sys.argv"),
        ("from io import open", "model is pure and may not use io.open"),
        ("open('x')", "model is pure and may not call open()"),
        (
            "from datetime import datetime\ndatetime.now()",
            "model is pure and may not use datetime.now",
        ),
        (
            "import datetime\ndatetime.date.today()",
            "model is pure and may not use date.today",
        ),
    ],
)
def test_the_model_is_pure(text: str, message: str) -> None:
    (problem,) = problems_of("model/a.py", text)
    assert problem.split(": ", 1)[1] == message


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "actions/commands/deploy.py",
            "from pants.engine.fs import Digest",
            "actions know nothing of Pants and may not import it",
        ),
        (
            "actions/commands/deploy.py",
            "import venvstacks_rules.pants_backend.engine",
            "actions know nothing of Pants and may not import it",
        ),
        (
            "actions/postinstall.py",
            "from venvstacks_rules.actions.files import tree",
            "postinstall ships inside every layer and may import the standard library only,"
            " not venvstacks_rules.actions.files",
        ),
    ],
)
def test_actions_stand_alone(file: str, text: str, message: str) -> None:
    assert problems_of(file, text) == [f"1: {message}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "from venvstacks_rules import actions",
            "rules may not import actions; ship them as resources",
        ),
        (
            "import requests",
            "pants_backend may import pants, packaging, tomli, the standard library,"
            " venvstacks_rules.model and itself, not requests",
        ),
        ("open('x')", "rules may not call open(); use digests"),
        ("os.environ['X']", "rules may not read os.environ; ask the engine"),
        ("from os import getenv", "rules may not read os.getenv; ask the engine"),
        (
            "from venvstacks_rules.pants_backend.pants_versions import RUNNING",
            "only pants_backend/engine may know which Pants it runs on",
        ),
        ("pants_versions.RUNNING", "only pants_backend/engine may know which Pants it runs on"),
        (
            "from pants.version import VERSION",
            "only pants_backend/engine may know which Pants it runs on",
        ),
        (
            "from venvstacks_rules.pants_backend.engine import _get",
            "only pants_backend/engine may know which Pants it runs on",
        ),
    ],
)
def test_rules_reach_the_world_through_the_engine(text: str, message: str) -> None:
    assert problems_of("pants_backend/goals/lock.py", text) == [f"1: {message}"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "model/layers/a.py",
            "from venvstacks_rules.model.locks.pylock import Lockfile",
            "model/layers may not import model/locks; see build-support/rooms.py",
        ),
        (
            "model/layers/a.py",
            "from venvstacks_rules.model import summary",
            "model/layers may not import model/summary; see build-support/rooms.py",
        ),
        (
            "actions/files/a.py",
            "import venvstacks_rules.actions.archives.zip_reader",
            "actions/files may not import actions/archives; see build-support/rooms.py",
        ),
        (
            "model/paths.py",
            "from venvstacks_rules.model.layers.names import layer_name",
            "model/paths is used by all rooms and may import none, not layers",
        ),
        (
            "actions/commands/launch.py",
            "from venvstacks_rules.actions.cli import main",
            "nothing may import actions/cli, which brings all rooms together",
        ),
        (
            "actions/commands/launch.py",
            "from venvstacks_rules.actions.commands import lock_layer",
            "actions/commands may not import each other: launch imports lock_layer;"
            " move what they share to a room below",
        ),
        (
            "actions/commands/launch.py",
            "from .lock_layer import run",
            "actions/commands may not import each other: launch imports lock_layer;"
            " move what they share to a room below",
        ),
        (
            "model/attic/a.py",
            "import re",
            "`model/attic` is not in the table of build-support/rooms.py",
        ),
        (
            "model/layers/a.py",
            "__all__ = ['x']",
            "import names from the module that defines them, not by `__all__`",
        ),
    ],
)
def test_rooms_import_what_is_below_them(file: str, text: str, message: str) -> None:
    assert problems_of(file, text) == [f"1: {message}"]


def test_the_table_has_no_arrow_down_and_none_that_nobody_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = {"model": {"a": "b", "b": "", "c": "a b", "d": "a"}}
    monkeypatch.setattr(check_rooms, "HOUSE", house)
    path = PurePosixPath(PACKAGE, "model/c/x.py")
    module = parsed_module(path, "from venvstacks_rules.model.a import y\n")
    assert module is not None
    assert [problem.message for problem in unused_arrows([module])] == [
        "model: a imports b, which must come before it in the table",
        "model: c does not import b; remove the arrow",
    ]


def test_sizes() -> None:
    long_function = "def f():\n" + "    x = 1\n" * 80
    assert problems_of("other.py", long_function) == [
        "1: f has 81 lines; a function has at most 80"
    ]
    assert problems_of("other.py", long_function.replace("    x = 1\n", "", 1)) == []

    found, notice = check_file(PurePosixPath("tests/test_x.py"), "x = 1\n" * 401)
    assert found == []
    assert notice == "tests/test_x.py:1: look again: 401 lines; does this file do one job?"

    found, notice = check_file(PurePosixPath("tests/test_x.py"), "x = 1\n" * 601)
    assert [str(problem) for problem in found] == [
        "tests/test_x.py:1: 601 lines; a file has at most 600"
    ]
    assert notice is None


def test_all_problems_are_reported_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("model", "actions"):
        (tmp_path / PACKAGE / part).mkdir(parents=True)
    (tmp_path / PACKAGE / "model" / "b.py").write_text("import time\nimport os\n")
    (tmp_path / PACKAGE / "actions" / "a.py").write_text("import pants\n")
    (tmp_path / PACKAGE / "model" / "a.py").write_text("def broken(:\n")

    assert main([str(tmp_path)]) == 1

    assert capsys.readouterr().out.splitlines() == [
        f"{PACKAGE}/actions/a.py:1: actions know nothing of Pants and may not import it",
        f"{PACKAGE}/model/a.py:1: syntax error: invalid syntax",
        f"{PACKAGE}/model/b.py:1: model is pure and may not import time",
        f"{PACKAGE}/model/b.py:2: model is pure and may not import os",
    ]


def test_standard_library_without_the_list_of_the_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(sys, "stdlib_module_names", raising=False)
    names = standard_library()
    assert {"sys", "os", "json", "tomllib", "zlib", "dataclasses"} <= names
    assert not {"pytest", "packaging", "pip", "venvstacks_rules"} & names


def test_this_repository() -> None:
    root = Path(check_architecture.__file__).parent.parent
    found, _ = check_repository(root)
    assert [str(problem) for problem in found] == []
