"""Which files can lie in one folder, on each kind of file system."""

from __future__ import annotations

import pytest

from venvstacks_rules.actions.archives.clashes import clashes, own_problems
from venvstacks_rules.model.contents.files import ArchivedFile, OwnFile, OwnLink


def found(
    *sources: tuple[str, dict[str, str]], own: tuple[str, ...] = (), case_sensitive: bool = False
) -> list[str]:
    """The clashes of files, given by path and content."""
    listed = [
        (name, [ArchivedFile(path, len(content), content) for path, content in files.items()])
        for name, files in sources
    ]
    files = [OwnFile(path, text="") for path in own]
    return list(clashes(listed, files, (), case_sensitive=case_sensitive))


ONE = ("one.whl", {"lib/Demo.py": "x", "lib/same.py": "y"})
TWO = ("two.whl", {"lib/demo.py": "z", "lib/SAME.py": "y"})


def test_names_that_differ_by_case_are_one_file_if_their_contents_differ() -> None:
    assert found(ONE, TWO) == [
        "`lib/Demo.py` of `one.whl` and `lib/demo.py` of `two.whl` are the same file on a file "
        "system that ignores case"
    ]
    assert found(ONE, TWO, case_sensitive=True) == []


def test_names_of_one_source_can_clash() -> None:
    assert found(("one.whl", {"a": "1", "A": "2", "Stra\u00dfe": "3", "STRASSE": "4"})) == [
        "`a` of `one.whl` and `A` of `one.whl` are the same file on a file system that "
        "ignores case",
        "`Stra\u00dfe` of `one.whl` and `STRASSE` of `one.whl` are the same file on a file "
        "system that ignores case",
    ]


def test_folders_that_differ_by_case_are_one_folder() -> None:
    one = ("one.whl", {"lib/Demo/a/x.py": "", "lib/Demo/a/y.py": ""})
    two = ("two.whl", {"lib/demo/a/z.py": ""})
    assert found(one, two) == [
        "`lib/Demo` of `one.whl` and `lib/demo` of `two.whl` are the same folder on a file "
        "system that ignores case"
    ]
    assert found(one, two, case_sensitive=True) == []


def test_a_file_and_a_folder_that_differ_by_case() -> None:
    one, two = ("one.whl", {"lib/demo": ""}), ("two.whl", {"lib/Demo/x.py": ""})
    assert found(one, two) == ["`lib/Demo` is a file of `one.whl` and a folder of `two.whl`"]
    assert found(one, two, case_sensitive=True) == []


@pytest.mark.parametrize("path", ["PostInstall.py", "postinstall.py"])
def test_the_layers_own_files_are_not_overwritten(path: str) -> None:
    assert len(found(("one.whl", {path: ""}), own=("postinstall.py",))) == 1
    assert found(("one.whl", {"x": ""}), own=("postinstall.py",)) == []


def test_own_files_for_windows() -> None:
    files = [OwnFile("Lib/site-packages/aux.py", text=""), OwnFile("Lib/good.py", text="")]
    links = [OwnLink("x", "y")]
    assert list(own_problems(files, links, os_name="nt")) == [
        "`Lib/site-packages/aux.py`: on Windows `aux.py` is the name of a device",
        "`x`: there are no links on Windows: `y`",
    ]
    assert list(own_problems(files, links, os_name="posix")) == []
