from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.small_repositories import (
    FRAMEWORK,
    WINDOWS,
    SmallRepository,
    packages,
    wheel,
)
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.upkeep.comparison import (
    CHANGED,
    REBUILT,
    REMOVED,
    Comparison,
    PackageChange,
    comparison,
)
from venvstacks_rules.repository.upkeep.selection import find_version


def compared(made: SmallRepository, before: str, after: str) -> Comparison:
    versions = [find_version(made.reader, [version]) for version in (before, after)]
    return comparison(made.reader, *versions)


def framework(made: SmallRepository, **versions: str) -> LayerIndex:
    return made.layer(FRAMEWORK, packages(**versions), kind="framework")


def test_packages_sizes_and_what_an_update_moves(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    runtime = made.layer()
    old = made.stack("1.0", [runtime, framework(made, attrs="1", numpy="1.0", rich="13")])
    index = framework(made, numpy="1.1", rich="13", scipy="2")
    app = made.layer("app-demo", packages(demo="1"), kind="application")
    new = made.stack("1.1", [runtime, index, app])
    shown = compared(made, "1.0", "1.1")
    (change,) = shown.changes
    # The manifest, two indexes, and the lists of new segments.
    described = (
        len(new.to_json())
        + new.layers[1].index.size
        + new.layers[2].index.size
        + sum(index.segments[i].files.size for i in (0, 2))
        + app.segments[0].files.size
    )
    segments = sum(index.segments[i].blob.size for i in (0, 2)) + app.segments[0].blob.size
    assert shown.to_dict()["platforms"][0]["update"] == {
        "segments": 3,
        "segment_size": segments,
        "deltas": 0,
        "delta_size": 0,
        "described_size": described,
        "size": segments + described,
    }
    lines = list(shown.lines())
    assert lines[:-1] == [
        "release@1.0 to release@1.1 for linux_x86_64",
        "  layers: framework-sklearn changed, app-demo added",
        "  layer              package  change   before  after   size",
        "  framework-sklearn  attrs    removed  1              -23 B",
        "  framework-sklearn  numpy    changed  1.0     1.1     +0 B",
        "  framework-sklearn  scipy    added            2      +23 B",
        "  app-demo           demo     added            1      +22 B",
        "  archives: 117 B (+22 B)",
    ]
    assert lines[-1].startswith("  an update moves ")
    assert change.size_before == sum(layer.archive_size for layer in old.layers)


def test_a_package_has_the_sizes_of_all_its_segments() -> None:
    def segments(version: str, *sizes: int) -> tuple[PublishedSegment, ...]:
        return tuple(
            PublishedSegment(
                wheel("big", version),
                Reference(f"{size:064}", size),
                Reference("f" * 64, 1),
                size,
                512,
                f"lib/{number}.so" if number else None,
            )
            for number, size in enumerate(sizes)
        )

    change = PackageChange("app", "big", segments("1", 10, 200), segments("2", 11, 200, 3000))
    assert (change.change, change.versions, change.sizes) == (CHANGED, ("1", "2"), (210, 3211))
    assert PackageChange("app", "big", segments("1", 1), segments("1", 2)).change == REBUILT
    removed = PackageChange("app", "big", segments("1", 1, 2), ())
    assert (removed.change, removed.versions, removed.sizes) == (REMOVED, ("1", ""), (3, 0))


def test_a_segment_whose_files_are_there_is_not_moved(tmp_path: Path) -> None:
    """Packed in another way, or moved to another layer."""
    made = SmallRepository(tmp_path)
    runtime = made.layer()
    files = {"site/a.py": b"a", "site/b.py": b"b"}
    made.stack("1", [runtime, made.layer(FRAMEWORK, {wheel("ab", "1"): files}, kind="framework")])
    split = {
        wheel("a", "1"): {"site/a.py": b"a"},
        wheel("b", "1"): {"site/c.py": b"b"},
        wheel("c", "1"): {"site/b.py": b"c"},
    }
    made.stack("2", [runtime, made.layer(FRAMEWORK, split, kind="framework")])
    (change,) = compared(made, "1", "2").changes
    assert (change.moved.segments, change.moved.segment_size) == (1, len(b"compressed c"))


def test_a_file_that_another_segment_overwrites_does_not_count(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    old = {wheel("a", "1"): {"x.py": b"1"}}
    new = {wheel("b", "1"): {"x.py": b"2"}, "layer": {"x.py": b"1", "y.py": b"1"}}
    for version, segments in (("1", old), ("2", new)):
        made.stack(version, [made.layer(), made.layer(FRAMEWORK, segments, kind="framework")])
    (change,) = compared(made, "1", "2").changes
    assert change.moved.segments == 0
    assert [(p.name, p.change) for p in change.packages] == [
        ("a", "removed"),
        ("b", "added"),
        ("(layer's own files)", "added"),
    ]


def test_the_same_version_with_other_bytes_is_rebuilt(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    for version in ("1", "2"):
        segments = {wheel("a", "1"): {"x.py": version.encode()}}
        made.stack(version, [made.layer(), made.layer(FRAMEWORK, segments, kind="framework")])
    (change,) = compared(made, "1", "2").changes
    assert [p.change for p in change.packages] == ["rebuilt"]
    (same,) = compared(made, "1", "1").changes
    assert (same.layers, same.packages, same.moved.size) == ((), (), 0)


def test_versions_without_a_common_platform(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    made.stack("1")
    made.stack("2", platform=WINDOWS)
    with pytest.raises(RepositoryError) as caught:
        compared(made, "1", "2")
    assert str(caught.value) == (
        f"{made.url}: `release@1` and `release@2` have no platform in common.\n"
        "  * `release@1` is there for linux_x86_64\n"
        "  * `release@2` is there for win_amd64"
    )
