"""Packages that lower layers provide on all, some or none of a layer's platforms."""

from __future__ import annotations

from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.locks.shared import ProvidedPackages
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

LINUX, MAC = PLATFORMS["linux_x86_64"], PLATFORMS["macosx_arm64"]
ON_LINUX = "sys_platform == 'linux'"
ON_MAC = "sys_platform == 'darwin'"
WHEEL = LockedWheel("a-1-py3-none-any.whl", "https://example.org/a", None, 1, "0" * 64)


def package(
    name: str, version: str = "1", marker: str | None = None, provided: bool = False
) -> LockedPackage:
    wheels = () if provided else (WHEEL,)
    return LockedPackage(name, version, marker, "https://example.org", wheels, provided)


def provided(*layers: tuple[str, tuple[LockedPackage, ...]]) -> ProvidedPackages:
    lower = [(name, Lockfile("==3.11.*", packages)) for name, packages in layers]
    return ProvidedPackages.of(lower, (LINUX, MAC), "3.11")


def shared(found: ProvidedPackages, *resolved: LockedPackage) -> list[tuple[object, ...]]:
    packages, problems = found.share(resolved)
    assert problems == ()
    assert all(p.wheels == () for p in packages)
    return [(p.name, p.version, p.marker, p.from_lower_layer) for p in packages]


def test_constraints_say_where_they_apply_and_who_imposes_them() -> None:
    found = provided(
        ("framework-a", (package("x", "2"), package("y", marker="sys_platform == 'linux'"))),
        ("rt", (package("x", "1"), package("z"), package("w", provided=True))),
    )
    assert [(c.requirement, c.layer) for c in found.constraints] == [
        ("x==2", "framework-a"),
        (f"y==1 ; {ON_LINUX} and platform_machine == 'x86_64'", "framework-a"),
        ("z==1", "rt"),
    ]


def test_what_is_shared_everywhere_keeps_its_marker() -> None:
    found = provided(("rt", (package("x"),)))
    assert shared(found, package("x")) == [("x", "1", None, True)]
    assert shared(found, package("x", marker=ON_MAC)) == [("x", "1", ON_MAC, True)]
    assert shared(found, package("x", marker="python_version >= '3.8'")) == [("x", "1", None, True)]


def test_what_is_needed_nowhere_is_dropped() -> None:
    assert shared(provided(), package("x", marker="sys_platform == 'win32'")) == []


def test_what_is_provided_on_one_platform_is_split() -> None:
    found = provided(("rt", (package("x", marker="sys_platform == 'linux'"),)))
    assert shared(found, package("x")) == [("x", "1", ON_LINUX, True), ("x", "1", ON_MAC, False)]
    later = "python_full_version >= '3.11.4'"
    assert shared(found, package("x", marker=later)) == [
        ("x", "1", f"({later}) and ({ON_LINUX} and platform_machine == 'x86_64')", True),
        ("x", "1", f"({later}) and ({ON_MAC} and platform_machine == 'arm64')", False),
    ]


def test_the_two_halves_of_a_split_never_hold_together() -> None:
    found = provided(("rt", (package("x", marker="sys_platform == 'linux'"),)))
    packages, _ = found.share([package("x")])
    for platform in (LINUX, MAC):
        assert sum(holds(p.marker, platform, "3.11.4") for p in packages) == 1


def test_a_version_that_differs_from_the_lower_layer_is_a_problem_on_each_platform() -> None:
    found = provided(("rt", (package("x", "1"),)))
    _, problems = found.share([package("x", "2")])
    assert problems == tuple(
        f"`x` was resolved to 2 on {platform}, and lower layer `rt` has 1: remove what overrides "
        "its version in `[tool.uv]`, or set it for the lower layer as well"
        for platform in ("linux_x86_64", "macosx_arm64")
    )
