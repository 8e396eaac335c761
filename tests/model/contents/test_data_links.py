"""The view of the data files of a chain."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.contents.data_links import data_links, is_data
from venvstacks_rules.model.contents.data_warnings import data_warnings
from venvstacks_rules.model.layers.interface import DataFile, LayerInterface


def layer(name: str, *paths: str) -> LayerInterface:
    data = tuple(DataFile(path, "of-" + path.split("/")[1]) for path in paths)
    return LayerInterface(name, "3.11.7", data=data)


def links(own: list[str], *lower: LayerInterface) -> dict[str, str]:
    return {link.path: link.target for link in data_links(own, lower)}


def test_a_folder_of_one_layer_is_one_link() -> None:
    low = layer("fw", "share/jupyter/kernels/a.json", "share/jupyter/lab/b.js", "etc/x/y.conf")
    assert links([], low) == {
        "etc/x": "../../fw/etc/x",
        "share/jupyter": "../../fw/share/jupyter",
    }


def test_a_folder_of_several_layers_is_merged_and_the_first_counts() -> None:
    upper = layer("up", "share/j/k/one.json", "share/j/same.json")
    lower = layer("low", "share/j/k/two.json", "share/j/same.json", "share/j/deep/er/x")
    assert links(["share/j/own.json"], upper, lower) == {
        "share/j/deep": "../../../low/share/j/deep",
        "share/j/k/one.json": "../../../../up/share/j/k/one.json",
        "share/j/k/two.json": "../../../../low/share/j/k/two.json",
        "share/j/same.json": "../../../up/share/j/same.json",
    }


def test_own_files_have_no_links() -> None:
    assert links(["share/j/x", "share/J2/y"], layer("low", "share/j/x", "share/j2/y")) == {}


def test_a_file_and_a_folder_of_one_name() -> None:
    file, folder = ["share/j"], ["share/j/x"]
    assert links([], layer("up", *file), layer("low", *folder)) == {"share/j": "../../up/share/j"}
    assert links([], layer("up", *folder), layer("low", *file)) == {
        "share/j/x": "../../../up/share/j/x"
    }


def test_no_data_no_links() -> None:
    assert links([], layer("fw"), layer("rt")) == {}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("share/jupyter/x", True),
        ("etc/x", True),
        ("nltk_data/x", True),
        ("LICENSE", False),
        ("share/doc/x", False),
        ("share/man/man1/x.1", False),
        ("share/venv/dynlib/x", False),
        ("lib/x/y", False),
        ("Lib/site-packages/x.py", False),
        ("Library/bin/x.dll", False),
        ("include/site/python3.11/x.h", False),
        ("share/mango/x", True),
    ],
)
def test_files_that_programs_look_for(path: str, expected: bool) -> None:
    assert is_data(path) is expected


def test_windows_is_told_what_is_not_found() -> None:
    lower = layer("fw", "share/jupyter/a", "share/jupyter/b", "etc/x/y"), layer("rt")
    assert list(data_warnings(lower)) == [
        "programs that look for files below `sys.prefix` do not find those of fw: `etc/x` of of-x, "
        "`share/jupyter` of of-jupyter. On Windows a layer has no links to them. If this layer "
        "needs them, require these packages in it and not below"
    ]
