from __future__ import annotations

from collections.abc import Iterable, Mapping

from venvstacks_rules.model.contents.wheel_metadata import WheelRequirement
from venvstacks_rules.model.documents.needs import needs, reached
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS


def parsed(*texts: str) -> list[WheelRequirement]:
    found = [WheelRequirement.parsed(text) for text in texts]
    return [one for one in found if one is not None]


def edges(
    packages: Mapping[str, Iterable[str]], *direct: str, platform: str = "linux_x86_64"
) -> dict[str, tuple[str, ...]]:
    return needs(
        {name: parsed(*texts) for name, texts in packages.items()},
        parsed(*direct),
        PLATFORMS[platform],
        "3.11.13t",
    )


def test_markers_are_those_of_the_target() -> None:
    packages = {
        "a": ["b>=1", "c; sys_platform == 'win32'", "d; python_version < '3.9'"],
        "b": ["E_f ; python_version >= '3.9'", "b[more]"],
    }
    assert edges(packages) == {"a": ("b",), "b": ("e-f",)}
    assert edges(packages, platform="win_amd64") == {"a": ("b", "c"), "b": ("e-f",)}


def test_extras_count_where_something_asks_for_them() -> None:
    packages = {
        "a": ["b[X_y] ; extra == 'all'", "c ; extra == 'other'"],
        "b": ["d ; extra == 'X.Y'", "e ; extra == 'z'"],
        "d": [],
    }
    assert edges(packages, "a") == {"a": (), "b": (), "d": ()}
    assert edges(packages, "a[all]") == {"a": ("b",), "b": ("d",), "d": ()}
    # An extra of a package that a layer below has is that layer's.
    assert edges({"a": ["z[all]"]}, "a") == {"a": ("z",)}


def test_an_extra_of_the_package_itself() -> None:
    packages = {"a": ["a[b] ; extra == 'all'", "c ; extra == 'b'"]}
    assert edges(packages, "a[all]") == {"a": ("c",)}


def test_a_wrong_marker_is_no_edge() -> None:
    assert edges({"a": ["b ; nonsense", f"c ; {'(' * 5000}"]}) == {"a": ()}


def test_reached() -> None:
    graph = {"a": ["b"], "b": ["a", "c"], "d": ["e"]}
    assert reached(["a"], graph) == {"a", "b", "c"}
