"""The page about the API of the client names its methods and results, and its program works."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest

from tests.support.client_repository import APP, ClientRepository
from venvstacks_rules.client.api import Installation
from venvstacks_rules.client.commands.checking import Verified
from venvstacks_rules.client.commands.listing import ListedApp
from venvstacks_rules.client.commands.tidying import Freed
from venvstacks_rules.client.commands.updating import Change, Checked
from venvstacks_rules.model.errors import VenvstacksError

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/client-api.md").read_text("utf-8")


def test_every_method_is_documented_as_it_is() -> None:
    documented = re.findall(r"^\| `(\w+)\((.*)\)` \|", PAGE, re.MULTILINE)
    methods = inspect.getmembers(Installation, inspect.isfunction)
    known = {}
    for name, method in methods:
        if not name.startswith("_"):
            signature = inspect.signature(method)
            bare = [
                parameter.replace(annotation=inspect.Parameter.empty)
                for parameter in list(signature.parameters.values())[1:]
            ]
            text = str(inspect.Signature(bare))[1:-1]
            known[name] = text.replace("'", '"')
    assert dict(documented) == known


@pytest.mark.parametrize("result", [Change, Checked, Verified, Freed, ListedApp])
def test_every_attribute_of_a_result_is_documented(result: type) -> None:
    (row,) = re.findall(rf"^\| `{result.__name__}` \| (.*) \|$", PAGE, re.MULTILINE)
    names = re.findall(r"`(\w+)`", row)
    fields = [field.name for field in dataclasses.fields(result)]
    assert [name for name in names if name in fields] == fields


def test_every_error_is_where_the_page_says() -> None:
    names = re.findall(r"^\| `(venvstacks_rules[\w.]+)` \|", PAGE, re.MULTILINE)
    assert len(names) == 6
    for name in names:
        module, _, error = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), error), VenvstacksError)


def test_the_program_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = ClientRepository(tmp_path / "repository")
    repository.publish("1.0")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program = compile(code.replace("file:///srv/layers", repository.url), "client-api.md", "exec")
    exec(program, {})
    assert capsys.readouterr().out.splitlines()[-1] == "1.0 hello you"

    # As if the channel moved between the two calls of the program.
    def moved(self: Installation, *_: object, **__: object) -> None:
        repository.publish("1.1", word="hi")

    monkeypatch.setattr(Installation, "install", moved)
    exec(program, {})
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"{APP} 1.1 is started next time",
        "1.1 hi you",
    ]
