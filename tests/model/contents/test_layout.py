from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from venvstacks_rules.actions import postinstall
from venvstacks_rules.model.contents.layout import LayerLayout

LAYOUT = LayerLayout("3.11.13", "posix")
WINDOWS = LayerLayout("3.11.13", "nt")
SITE = "lib/python3.11/site-packages"


@pytest.mark.parametrize("version", ["3.11", "3.11.13"])
def test_folders_need_the_minor_version_only(version: str) -> None:
    layout = LayerLayout(version, "posix")
    assert str(layout.site_packages) == SITE
    assert str(layout.stdlib) == "lib/python3.11"
    assert str(layout.python) == "bin/python"
    assert str(layout.headers("greenlet")) == "include/site/python3.11/greenlet"


@pytest.mark.parametrize("version", ["3.14t", "3.14.0t"])
def test_folders_of_a_free_threaded_build(version: str) -> None:
    layout = LayerLayout(version, "posix")
    assert str(layout.stdlib) == "lib/python3.14t"
    assert str(layout.site_packages) == "lib/python3.14t/site-packages"
    # Like pip and uv, which name this one by the language.
    assert str(layout.headers("greenlet")) == "include/site/python3.14/greenlet"
    windows = LayerLayout(version, "nt")
    assert str(windows.site_packages) == "Lib/site-packages"
    assert str(windows.base_python) == "python.exe"


def test_folders_on_windows() -> None:
    assert str(WINDOWS.python) == "Scripts/python.exe"
    assert str(WINDOWS.base_python) == "python.exe"
    assert str(WINDOWS.site_packages) == "Lib/site-packages"
    assert str(WINDOWS.dynlib_dir) == "Library/bin"
    assert str(WINDOWS.headers("greenlet")) == "include/site/python3.11/greenlet"


# What `venv` of CPython 3.12, of 3.13 and of its free-threaded build looks for.
@pytest.mark.parametrize(
    ("version", "launchers"),
    [
        ("3.12.9", ("python.exe", "pythonw.exe")),
        ("3.13.0", ("venvlauncher.exe", "venvwlauncher.exe")),
        ("3.13.1t", ("venvlaunchert.exe", "venvwlaunchert.exe")),
    ],
)
def test_launchers(version: str, launchers: tuple[str, str]) -> None:
    layout = LayerLayout(version, "nt")
    assert {name: str(path) for name, path in layout.launchers.items()} == {
        "python.exe": f"Lib/venv/scripts/nt/{launchers[0]}",
        "pythonw.exe": f"Lib/venv/scripts/nt/{launchers[1]}",
    }
    assert postinstall.launcher_names(version) == launchers
    assert LayerLayout(version, "posix").launchers == {}


def test_there_are_two_kinds_of_layouts() -> None:
    with pytest.raises(ValueError, match="`java` is neither `posix` nor `nt`"):
        LayerLayout("3.11", "java")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("lib/x.txt", "Lib/x.txt"),
        ("LIB/Site-Packages/x.py", "Lib/site-packages/x.py"),
        ("library/BIN/x.dll", "Library/bin/x.dll"),
        ("scripts/x.exe", "Scripts/x.exe"),
        ("Lib", "Lib"),
        ("libs/x.lib", "libs/x.lib"),
        ("bin/x", "bin/x"),
    ],
)
def test_folders_of_windows_are_spelled_in_one_way(path: str, place: str) -> None:
    assert str(WINDOWS.data(path)) == place
    assert str(LAYOUT.data(path)) == path


@pytest.mark.parametrize(
    ("path", "dropped"),
    [
        ("Scripts/tool.exe", True),
        ("SCRIPTS/tool.exe", True),
        (".hidden", True),
        ("PyVenv.cfg", True),
        ("Lib/site-packages/SiteCustomize.py", False),
        ("Lib/x/__PyCache__/y.pyc", True),
        ("bin/tool", False),
        ("Lib/Scripts/tool", False),
    ],
)
def test_what_stays_out_of_archives_for_windows(path: str, dropped: bool) -> None:
    assert WINDOWS.is_dropped(PurePosixPath(path)) is dropped


@pytest.mark.parametrize(
    ("path", "dropped"),
    [
        ("bin/tool", True),
        ("bin/python", True),
        (".hidden", True),
        (".config/x", True),
        ("pyvenv.cfg", True),
        (f"{SITE}/sitecustomize.py", False),
        (f"{SITE}/x/__pycache__/y.pyc", True),
        (f"{SITE}/x/sitecustomize.py", False),
        (f"{SITE}/x/.hidden", False),
        (f"{SITE}/bin/tool", False),
        (f"{SITE}/pyvenv.cfg", False),
        (f"{SITE}/x/y.pyc", False),
        ("share/bin/x", False),
        ("binary/x", False),
    ],
)
def test_what_stays_out_of_archives(path: str, dropped: bool) -> None:
    assert LAYOUT.is_dropped(PurePosixPath(path)) is dropped


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("bin/tool", True),
        ("bin/pythonic", True),
        ("bin/python-argcomplete", True),
        ("bin/python", False),
        ("bin/python_", False),
        ("bin/python3.11t", False),
        ("bin/folder/tool", False),
        ("share/tool", False),
        ("Scripts/tool.exe", False),
    ],
)
def test_programs_that_may_stay(path: str, kept: bool) -> None:
    assert LAYOUT.keeps_program(PurePosixPath(path)) is kept


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("Scripts/tool.exe", True),
        ("SCRIPTS/tool.exe", True),
        ("Scripts/Python.exe", False),
        ("Scripts/pythonw.exe", False),
        ("bin/tool", False),
    ],
)
def test_programs_that_may_stay_on_windows(path: str, kept: bool) -> None:
    assert WINDOWS.keeps_program(PurePosixPath(path)) is kept
