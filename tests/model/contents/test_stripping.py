"""Parts of an interpreter that stay out of a runtime."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.stripping import Stripping

LIB = "lib/python3.11"


def leaves_out(path: str, *names: str, os_name: str = "posix", version: str = "3.11") -> bool:
    return Stripping(names, LayerLayout(version, os_name)).leaves_out(path)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("turtle", f"{LIB}/turtle.py"),
        ("idlelib", f"{LIB}/idlelib/Icons/idle.ico"),
        ("idlelib", "bin/idle3.11"),
        ("tkinter", f"{LIB}/tkinter/__init__.py"),
        ("tkinter", f"{LIB}/lib-dynload/_tkinter.cpython-311-x86_64-linux-gnu.so"),
        ("tkinter", "lib/tcl8.6/init.tcl"),
        ("tkinter", "lib/tk8.6/tk.tcl"),
        ("tkinter", "lib/itcl4.2.4/itcl.tcl"),
        ("tkinter", "lib/libtcl9.0.so"),
        ("sqlite3", f"{LIB}/lib-dynload/_sqlite3.cpython-311-darwin.so"),
        ("curses", f"{LIB}/lib-dynload/_curses_panel.cpython-311-darwin.so"),
        ("ensurepip", f"{LIB}/ensurepip/_bundled/pip-24.0-py3-none-any.whl"),
        ("venv", f"{LIB}/venv/scripts/nt/python.exe"),
        ("test", f"{LIB}/test/test_os.py"),
        ("test", f"{LIB}/unittest/test/test_case.py"),
        ("test", f"{LIB}/idlelib/idle_test/test_config.py"),
        ("test", f"{LIB}/lib-dynload/_testcapi.cpython-311-darwin.so"),
        ("test", f"{LIB}/lib-dynload/xxlimited_35.cpython-311-darwin.so"),
        ("development", "include/python3.11/Python.h"),
        ("development", "lib/pkgconfig/python3.pc"),
        ("development", f"{LIB}/config-3.11-x86_64-linux-gnu/Makefile"),
    ],
)
def test_what_belongs_to_a_part(name: str, path: str) -> None:
    assert leaves_out(path, name)
    assert not leaves_out(path)
    assert not leaves_out(path, "wsgiref")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("tkinter", f"{LIB}/turtle.py"),
        ("test", f"{LIB}/doctest.py"),
        ("test", f"{LIB}/unittest/case.py"),
        ("test", f"{LIB}/site-packages/demo/test/x.py"),
        ("turtle", f"{LIB}/turtledemo/clock.py"),
        ("turtle", "bin/turtle"),
        ("ssl", f"{LIB}/asyncio/ssl.py"),
        ("development", f"{LIB}/sysconfig.py"),
        ("development", f"{LIB}/site-packages/numpy/include/x.h"),
        ("lib2to3", "lib/libpython3.11.so.1.0"),
    ],
)
def test_what_does_not(name: str, path: str) -> None:
    assert not leaves_out(path, name)


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("tkinter", "tcl/tcl8.6/init.tcl", True),
        ("tkinter", "DLLs/_tkinter.pyd", True),
        ("tkinter", "DLLs/tcl86t.dll", True),
        ("tkinter", "DLLs/libffi-8.dll", False),
        ("sqlite3", "DLLs/sqlite3.dll", True),
        ("test", "Lib/test/test_os.py", True),
        ("test", "DLLs/_testcapi.pyd", True),
        ("development", "libs/python311.lib", True),
        ("development", "include/Python.h", True),
        # For the layers above.
        ("venv", "Lib/venv/__init__.py", True),
        ("venv", "Lib/venv/scripts/nt/python.exe", False),
        ("venv", "Lib/venv/scripts/nt/activate.bat", True),
        ("ensurepip", "Lib/ensurepip/__init__.py", True),
        ("ensurepip", "Lib/ensurepip/_bundled/setuptools-65-py3-none-any.whl", True),
        ("ensurepip", "Lib/ensurepip/_bundled/pip-24.0-py3-none-any.whl", False),
    ],
)
def test_on_windows(name: str, path: str, expected: bool) -> None:
    assert leaves_out(path, name, os_name="nt") is expected


def test_the_launchers_of_each_version_stay() -> None:
    path = "Lib/venv/scripts/nt/venvlauncher.exe"
    assert not leaves_out(path, "venv", os_name="nt", version="3.13")
    assert leaves_out(path, "venv", os_name="nt", version="3.11")
