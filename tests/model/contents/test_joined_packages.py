"""Packages with modules in several layers."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.support.chained_layers import RUNTIME, SITE, ChainedLayers
from venvstacks_rules.model.contents.joined_packages import joined_packages
from venvstacks_rules.model.contents.package_folders import package_folders
from venvstacks_rules.model.layers.interface import PackageFolder

Files = dict[str, dict[str, str]]
"""Files of each distribution, with their text."""

EXTENDS = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"


def folders(distributions: Files) -> list[PackageFolder]:
    """What the files make, as an analysis of wheels finds it."""
    owners: dict[str, set[str]] = {}
    regular: set[str] = set()
    for distribution, files in distributions.items():
        found = package_folders(map(PurePosixPath, files), PurePosixPath("."))
        regular.update(found[0])
        for name in (*found[0], *found[1]):
            owners.setdefault(name, set()).add(distribution)
    return [
        PackageFolder(name, name in regular, tuple(sorted(owners[name]))) for name in sorted(owners)
    ]


def imported(folder: Path, app: Files, middle: Files, low: Files, code: str) -> str:
    """What `code` prints in an application on two frameworks."""
    layers = ChainedLayers(folder)
    names = {"app": app, "framework-middle": middle, "framework-low": low}
    packages = {name: folders(files) for name, files in names.items()}
    layers.add("framework-low")
    layers.add("framework-middle", ("framework-low",), packages=packages)
    layers.add("app", ("framework-middle", "framework-low"), packages=packages)
    for name, distributions in names.items():
        for files in distributions.values():
            layers.write(name, files)
    done = layers.run("app", "-c", code)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("init", ["", EXTENDS], ids=["plain", "extending"])
@pytest.mark.parametrize("without", [None, 0, 1, 2])
def test_all_layers_parts_of_a_package_are_found(
    tmp_path: Path, init: str, without: int | None
) -> None:
    parts: list[Files] = []
    for number, name in enumerate("abc"):
        files = {f"ns/{name}.py": f"VALUE = {name!r}"}
        if number != without:
            files["ns/__init__.py"] = init
        parts.append({f"ns-{name}": files})
    code = "import ns.c, ns.b, ns.a; print(ns.a.VALUE + ns.b.VALUE + ns.c.VALUE)"
    assert imported(tmp_path, parts[0], parts[1], parts[2], code) == "abc"


def test_a_package_in_a_package(tmp_path: Path) -> None:
    app = {"g-one": {"g/__init__.py": "", "g/cloud/__init__.py": "", "g/cloud/one.py": ""}}
    low = {
        "g-two": {"g/__init__.py": "", "g/cloud/__init__.py": "", "g/cloud/two/__init__.py": ""},
        "g-x": {"g/x/y.py": ""},
    }
    code = "import g.cloud.one, g.cloud.two, g.x.y, pkgutil; "
    code += "print(*sorted(m.name for m in pkgutil.walk_packages(g.__path__, 'g.')))"
    expected = "g.cloud g.cloud.one g.cloud.two"
    assert imported(tmp_path, app, {}, low, code) == expected


# As setuptools wrote it until version 80, in place of an `__init__` in the wheel.
NSPKG = (
    "import sys, types, os;p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('ns',));"
    "importlib = __import__('importlib.util');__import__('importlib.machinery');"
    "m = sys.modules.setdefault('ns', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('ns', [os.path.dirname(p)])));"
    "mp = m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)\n"
)


@pytest.mark.parametrize("owner", ["a", "b", "c"])
def test_a_package_that_a_pth_file_makes_is_joined(tmp_path: Path, owner: str) -> None:
    parts = []
    for name in "abc":
        files = {f"ns/{name}.py": f"VALUE = {name!r}", f"ns/{name}s/__init__.py": ""}
        if name == owner:
            files["x-nspkg.pth"] = NSPKG
        else:
            files["ns/__init__.py"] = "__path__ = __import__('pkgutil').extend_path([], 'ns')"
        parts.append({f"ns-{name}": files})
    code = "import ns.c, ns.b, ns.a, ns.cs, ns.bs; print(ns.a.VALUE + ns.b.VALUE + ns.c.VALUE)"
    assert imported(tmp_path, parts[0], parts[1], parts[2], code) == "abc"


def test_modules_are_taken_from_the_first_layer(tmp_path: Path) -> None:
    app = {"p": {"p/__init__.py": "INIT = 'app'", "p/same.py": "VALUE = 'app'"}}
    low = {"q": {"p/__init__.py": "INIT = 'low'", "p/same.py": "VALUE = 'low'", "p/q.py": ""}}
    code = "import p, p.q, p.same; print(p.INIT, p.same.VALUE)"
    assert imported(tmp_path, app, {}, low, code) == "app app"


def test_another_version_of_a_distribution_is_not_mixed_in(tmp_path: Path) -> None:
    new = {"lib": {"lib/__init__.py": "", "lib/new.py": ""}}
    old = {"lib": {"lib/__init__.py": "", "lib/removed.py": ""}}
    code = "import lib.new, importlib.util; print(importlib.util.find_spec('lib.removed'))"
    assert imported(tmp_path, new, {}, old, code) == "None"


def test_a_package_of_the_caller_goes_first(tmp_path: Path) -> None:
    layers = ChainedLayers(tmp_path / "layers")
    files = {"app": {"a": {"ns/__init__.py": "", "ns/a.py": ""}}, "framework-b": {}}
    files["framework-b"] = {"b": {"ns/__init__.py": "", "ns/b.py": ""}}
    packages = {name: folders(found) for name, found in files.items()}
    layers.add("framework-b", (), files["framework-b"]["b"])
    layers.add("app", ("framework-b",), files["app"]["a"], packages=packages)
    theirs = tmp_path / "theirs/ns/__init__.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("")
    env = {"PYTHONPATH": str(tmp_path / "theirs")}
    assert layers.evaluate("app", "list(__import__('ns').__path__)", env) == [str(theirs.parent)]
    assert layers.evaluate("app", "list(__import__('ns').__path__)") == [
        str(layers.folder / name / SITE / "ns") for name in ("app", "framework-b")
    ]
    assert (layers.folder / RUNTIME).is_dir()


def package(name: str, *distributions: str, regular: bool = True) -> PackageFolder:
    return PackageFolder(name, regular, distributions)


def test_only_what_python_does_not_join_itself() -> None:
    assert joined_packages([[package("a", "x", regular=False)], [package("a", "y")]]) == (
        ("a", (0, 1)),
    )
    spaces = [package("a", "x", regular=False)], [package("a", "y", regular=False)]
    assert joined_packages(spaces) == ()
    assert joined_packages([[package("a", "x")], [package("b", "y")]]) == ()
    inner = [
        [package("a", "x", regular=False), package("a.b", "x")],
        [package("a", "y", regular=False), package("a.b", "y")],
    ]
    assert joined_packages(inner) == (("a.b", (0, 1)),)


def test_a_layer_that_adds_no_distribution_is_left_out() -> None:
    chain = [[package("a", "x")], [package("a", "x")], [package("a", "x", "y")], []]
    assert joined_packages(chain) == (("a", (0, 2)),)


def test_what_is_in_a_hidden_package_is_hidden() -> None:
    chain = [
        [package("a", "x"), package("a.b", "x")],
        [package("a", "x"), package("a.b", "x", "y")],
    ]
    assert joined_packages(chain) == ()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["s/a/__init__.py", "s/a/b/c.py"], (("a",), ("a.b",))),
        (["s/a/__init__.cpython-311-x86_64-linux-gnu.so"], (("a",), ())),
        (["s/a/data.json", "s/top.py", "a/__init__.py"], ((), ())),
        (["s/a.libs/x.so", "s/a/b-c/__init__.py"], ((), ())),
        (["s/a/b/__init__.pyd"], (("a.b",), ("a",))),
    ],
)
def test_folders_that_files_make(
    files: list[str], expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    assert package_folders(map(PurePosixPath, files), PurePosixPath("s")) == expected


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="makes layers for Linux")
