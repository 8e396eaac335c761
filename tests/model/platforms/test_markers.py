from __future__ import annotations

import pytest

from venvstacks_rules.model.platforms.markers import (
    always_holds,
    holds,
    marker_problem,
    may_hold,
    platform_marker,
    platforms_among,
    provided_marker,
    split_provided,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

LINUX, MAC, WINDOWS = (PLATFORMS[n] for n in ("linux_x86_64", "macosx_arm64", "win_amd64"))
NEVER = "sys_platform == 'from_lower_layer'"


@pytest.mark.parametrize("marker", [None, "os_name == 'nt'", "a == 'b' or (extra == 'c')"])
def test_the_clause_of_provided_packages_comes_off_again(marker: str | None) -> None:
    assert split_provided(provided_marker(marker)) == (marker, True)
    assert split_provided(marker) == (marker, False)


def test_the_clause_is_written_as_the_format_has_it() -> None:
    assert provided_marker(None) == NEVER
    assert provided_marker("os_name == 'nt'") == f"(os_name == 'nt') and {NEVER}"


def test_a_provided_package_is_installed_nowhere() -> None:
    assert not any(may_hold(NEVER, known, "3.11") for known in PLATFORMS.values())


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        (None, (True, True, True)),
        ("sys_platform == 'linux'", (True, False, False)),
        ("platform_machine == 'arm64'", (False, True, False)),
        ("platform_machine == 'AMD64' and os_name == 'nt'", (False, False, True)),
        ("python_version < '3.12'", (True, True, True)),
        ("python_full_version >= '3.11.14'", (False, False, False)),
        ("platform_release >= '5'", (False, False, False)),
        ("extra == 'x'", (False, False, False)),
    ],
)
@pytest.mark.filterwarnings("ignore:Creating a LegacyVersion:DeprecationWarning")
def test_markers_are_judged_for_the_target(
    marker: str | None, expected: tuple[bool, bool, bool]
) -> None:
    assert tuple(holds(marker, p, "3.11.13") for p in (LINUX, MAC, WINDOWS)) == expected


@pytest.mark.parametrize(
    ("marker", "version", "may", "always"),
    [
        ("python_full_version >= '3.11.4'", "3.11", True, False),
        ("python_full_version >= '3.11.4'", "3.11.3", False, False),
        ("python_full_version >= '3.11.4'", "3.11.4", True, True),
        ("python_full_version < '3.11'", "3.11", False, False),
        ("python_version == '3.11'", "3.11", True, True),
        (None, "3.11", True, True),
    ],
)
def test_an_open_patch_release(marker: str | None, version: str, may: bool, always: bool) -> None:
    assert may_hold(marker, LINUX, version) is may
    assert always_holds(marker, LINUX, version) is always


def test_platform_markers_hold_on_just_these_platforms() -> None:
    assert platform_marker([LINUX]) == "sys_platform == 'linux' and platform_machine == 'x86_64'"
    for chosen in ([LINUX], [MAC, WINDOWS], list(PLATFORMS.values())):
        marker = platform_marker(chosen)
        found = [p for p in PLATFORMS.values() if holds(marker, p, "3.11.1")]
        assert sorted(p.name for p in found) == sorted(p.name for p in chosen)


def test_what_is_no_marker() -> None:
    assert marker_problem("os_name == 'nt'") is None
    assert marker_problem("os_name is nt") == "`os_name is nt` is not an environment marker"
    endless = "(" * 5000 + "os_name == 'nt'" + ")" * 5000
    assert marker_problem(endless) == f"`{endless}` is not an environment marker"


@pytest.mark.parametrize(
    ("group", "layer", "expected"),
    [
        (("linux_x86_64",), ("linux_x86_64",), None),
        (("linux_x86_64",), ("linux_x86_64", "win_amd64"), "sys_platform == 'linux'"),
        (("linux_x86_64", "win_amd64"), ("linux_x86_64", "linux_aarch64", "win_amd64"),
         "(sys_platform == 'linux' and platform_machine == 'x86_64') or sys_platform == 'win32'"),
        (("macosx_arm64",), ("macosx_arm64", "macosx_x86_64"),
         "sys_platform == 'darwin' and platform_machine == 'arm64'"),
        (("linux_x86_64", "linux_aarch64"), tuple(PLATFORMS), "sys_platform == 'linux'"),
    ],
)  # fmt: skip
def test_platforms_among_those_of_a_layer(
    group: tuple[str, ...], layer: tuple[str, ...], expected: str | None
) -> None:
    marker = platforms_among([PLATFORMS[n] for n in group], [PLATFORMS[n] for n in layer])
    assert marker == expected
    assert {name for name in layer if holds(marker, PLATFORMS[name], "3.11.4")} == set(group)
