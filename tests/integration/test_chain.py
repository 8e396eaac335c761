"""What packages of several layers do to one another in a chain, with wheels of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, BuildRoot, Finished
from tests.support.shared_roots import shared_root
from tests.support.simple_index import package_wheel

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="the interpreter is this machine's"),
    pytest.mark.xdist_group("chain"),
]

BUILD = f"""\
venvstacks_runtime(
    name="py", python_implementation="cpython@3.9", platforms=["{NATIVE}"],
)
venvstacks_framework(
    name="base", runtime=":py", requirements=["our-base", "our-typing"], local_wheels=["wheels"],
)
venvstacks_application(
    name="app", launch_module="app.py", frameworks=[":base"], local_wheels=["wheels"],
    requirements=["our-top"],
)
venvstacks_application(name="odd", launch_module="calendar.py", frameworks=[":base"])
"""
APP = """\
import sys
import our.base.deep, our.top, our.base.more
print(our.base.deep.__name__, our.top.__name__, our.base.more.__name__, sys.customised)
print(len(our.__path__), len(our.base.__path__))
for name in ("share/our/base.txt", "share/our/top.txt"):
    with open(f"{sys.prefix}/{name}") as stream:
        print(stream.read())
"""
WHEELS = {
    "our_base": {
        "our/__init__.py": b"",
        "our/base/__init__.py": b"",
        "our/base/deep.py": b"",
        "our_base-1.0.data/data/share/our/base.txt": b"of base",
        "sitecustomize.py": b"import our.top, sys\nsys.customised = our.top.__name__\n",
    },
    "our_top": {
        "our/__init__.py": b"",
        "our/top.py": b"",
        "our/base/more.py": b"",
        "our_top-1.0.data/data/share/our/top.txt": b"of top",
    },
    "our_typing": {"typing.py": b""},
}


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.write("s/BUILD", BUILD.replace(BUILD.splitlines()[-1], ""))
        made.write("s/app.py", APP)
        made.write("s/calendar.py", "")
        for name, files in WHEELS.items():
            for file_name, content in package_wheel(name, files=files).items():
                made.write(f"s/wheels/{file_name}", content)
        made.succeed("generate-lockfiles")
        yield made


@pytest.fixture(scope="module")
def packaged(root: BuildRoot) -> Finished:
    return root.succeed("package", "s:base", "s:app")


def test_the_parts_of_a_package_and_the_data_of_all_layers_are_found(root: BuildRoot) -> None:
    assert root.succeed("run", "s:app").stdout == (
        "our.base.deep our.top our.base.more our.top\n2 2\nof base\nof top\n"
    )
    root.succeed("test", "s:app")


def test_an_export_finds_them_too(root: BuildRoot) -> None:
    root.succeed("venvstacks-export", "s:app")
    application = root.path / "dist/export/venvstacks/app-app"
    assert (application / "share/our/base.txt").readlink() == Path(
        "../../../framework-base/share/our/base.txt"
    )
    chains = [path.read_text() for path in application.rglob("_venvstacks_chain_*.py")]
    assert len(chains) == 1
    assert "'our': (0, 1),\n        'our.base': (0, 1),\n" in chains[0]


def test_a_package_with_a_name_of_the_standard_library_is_told(packaged: Finished) -> None:
    lines = [line.partition("[WARN] ")[2] for line in packaged.stderr.splitlines()]
    assert [line for line in lines if line.startswith("s:")] == [
        f"s:base for {NATIVE}: our_typing-1.0-py3-none-any.whl brings `typing`, which Python 3.9 "
        "never imports from there: its standard library has the name. Require a version for this "
        "Python, or leave the package out."
    ]


def test_a_launch_module_with_such_a_name_is_refused(root: BuildRoot) -> None:
    root.write("s/BUILD", BUILD)
    try:
        for goal in ("generate-lockfiles", "package", "test", "run"):
            error = root.pants(goal, *(["s:odd"] if goal != "generate-lockfiles" else [])).error
            assert (
                "s:odd: `launch_module` names 'calendar.py', which nothing could import: `calendar`"
                " is a module of the standard library of Python 3.9, and Python finds that one. "
                "Rename it."
            ) in error, goal
    finally:
        root.write("s/BUILD", BUILD.replace(BUILD.splitlines()[-1], ""))
