from __future__ import annotations

import pytest

from venvstacks_rules.model.contents.byte_code import is_chain_module, is_module, shown_name
from venvstacks_rules.model.contents.layout import LayerLayout


@pytest.mark.parametrize(
    ("path", "module", "shown"),
    [
        ("lib/python3.11/site-packages/a/b.py", True, "a/b.py"),
        ("lib/python3.11/json/tool.py", True, "json/tool.py"),
        ("lib/python3.11/site-packages/a/b.txt", False, "a/b.txt"),
        ("lib/python3.1/x.py", False, "lib/python3.1/x.py"),
        ("postinstall.py", False, "postinstall.py"),
    ],
)
def test_on_posix(path: str, module: bool, shown: str) -> None:
    layout = LayerLayout("3.11", "posix")
    assert is_module(path, layout) is module
    assert shown_name(path, layout) == shown


def test_names_are_the_same_on_windows() -> None:
    layout = LayerLayout("3.11.1", "nt")
    assert shown_name("Lib/site-packages/a/b.py", layout) == "a/b.py"
    assert shown_name("Lib/json/tool.py", layout) == "json/tool.py"
    assert is_module("Lib/json/tool.py", layout)


def test_the_module_that_chains_layers() -> None:
    assert is_chain_module("lib/python3.11/site-packages/_venvstacks_chain_12ab.py")
    assert not is_chain_module("lib/python3.11/site-packages/venvstacks_chain.py")
