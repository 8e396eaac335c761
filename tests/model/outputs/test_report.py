"""What people are told of the archives that were packaged."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.outputs.report import (
    ArchiveReport,
    PackagedLayer,
    PackagedStack,
    packaging_report,
)

RUNTIME, FRAMEWORK, APPLICATION = LayerKind
NATIVE = "linux_x86_64"


def packaged(
    name: str,
    kind: LayerKind = FRAMEWORK,
    *,
    below: int = 1,
    size: int = 6_100,
    built: int = 1,
    folder: str = "src.x/linux_x86_64",
    platform: str = NATIVE,
) -> PackagedLayer:
    return PackagedLayer(
        address=f"src/x:{name}",
        kind=kind,
        layers_below=below,
        platform=platform,
        folder=folder,
        archive=f"{name}.tar.zst",
        report=ArchiveReport(size, segments=3, built=built),
    )


def report(*layers: PackagedLayer, stacks: tuple[PackagedStack, ...] = ()) -> str:
    return packaging_report(layers, stacks, dist="dist", pants="./pants", native=NATIVE)


def test_the_layers_of_a_stack_are_a_table_with_the_lower_ones_first() -> None:
    layers = [
        packaged("app-b", APPLICATION, below=3),
        packaged("app-a", APPLICATION, below=3, size=66_648, built=2),
        packaged("framework-deep", below=2, size=35_200_000, built=3),
        packaged("framework-text", size=999, built=0),
        packaged("cpython-3.9", RUNTIME, below=0, size=16_000_000, built=0),
    ]
    assert report(*layers) == (
        "Packaged 5 layers:\n"
        "  dist/src.x/linux_x86_64/\n"
        "    cpython-3.9.tar.zst      16.0 MB  segments: 3 reused, 0 built\n"
        "    framework-text.tar.zst     999 B  segments: 3 reused, 0 built\n"
        "    framework-deep.tar.zst   35.2 MB  segments: 0 reused, 3 built\n"
        "    app-a.tar.zst            66.6 kB  segments: 1 reused, 2 built\n"
        "    app-b.tar.zst             6.1 kB  segments: 2 reused, 1 built\n"
        "    together                 51.3 MB  segments: 9 reused, 6 built\n"
        "  Next: ./pants run src/x:app-a"
    )


def test_folders_and_manifests_have_their_lines() -> None:
    windows = packaged("f", folder="src.x/win_amd64", platform="win_amd64", size=1_000)
    stack = PackagedStack("src.x/linux_x86_64/__venvstacks__/venvstacks.json", 1)
    # The layer alone, and the layer in the stack, in the same folder.
    assert report(windows, packaged("f"), packaged("f"), stacks=(stack, stack)) == (
        "Packaged 2 layers:\n"
        "  dist/src.x/linux_x86_64/\n"
        "    f.tar.zst    6.1 kB  segments: 2 reused, 1 built\n"
        "  dist/src.x/win_amd64/\n"
        "    f.tar.zst    1.0 kB  segments: 2 reused, 1 built\n"
        "    together     7.1 kB  segments: 4 reused, 2 built\n"
        "  dist/src.x/linux_x86_64/__venvstacks__/venvstacks.json is the manifest of 1 layer\n"
        "  Next: ./pants venvstacks-show src/x:f"
    )


@pytest.mark.parametrize(
    ("layers", "command"),
    [
        ([packaged("a")], "./pants venvstacks-show src/x:a"),
        ([packaged("a"), packaged("b")], "./pants venvstacks-show ::"),
        ([packaged("a", APPLICATION)], "./pants run src/x:a"),
        # What cannot start here is not recommended.
        (
            [packaged("a", APPLICATION, platform="macosx_arm64")],
            "./pants venvstacks-show src/x:a",
        ),
    ],
)
def test_the_next_command_makes_sense(layers: list[PackagedLayer], command: str) -> None:
    assert report(*layers).splitlines()[-1] == f"  Next: {command}"


def test_one_layer_needs_no_total_and_none_no_report() -> None:
    assert "together" not in report(packaged("a"))
    assert report() == ""
