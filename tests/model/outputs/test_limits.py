"""Layers that outgrew their limits, as the message shows them."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.outputs.limits import (
    EarlierLock,
    Excess,
    LockedSize,
    OutgrownLayer,
    PackageSize,
    excesses,
    size_limit_error,
)

OWN = PackageSize("the layer's own files", 7_000, 27_000)


def layer(
    *packages: PackageSize,
    address: str = "src:fw",
    kind: LayerKind = LayerKind.FRAMEWORK,
    exceeded: tuple[Excess, ...] = (Excess("max_archive_size", 15_000_000, 18_200_000),),
    earlier: EarlierLock | None = None,
) -> OutgrownLayer:
    return OutgrownLayer(address, kind, "linux_x86_64", exceeded, (*packages, OWN), earlier)


def test_only_exceeded_limits_count() -> None:
    assert excesses([("max_archive_size", 10, 10), ("max_unpacked_size", None, 99)]) == ()
    assert excesses([("max_archive_size", 10, 11)]) == (Excess("max_archive_size", 10, 11),)


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (LockedSize("1.0", 1000), LockedSize("1.0", 1000), "same"),
        (LockedSize("1.1", 1000), LockedSize("1.0", 1000), "+0 B, was 1.0"),
        (LockedSize("1.1", 3500), LockedSize("1.0", 1000), "+2.5 kB, was 1.0"),
        (LockedSize("1.0", 900), LockedSize("1.0", 1000), "-100 B"),
        (LockedSize("1.1", 0), LockedSize("1.0", 1000), "size unknown, was 1.0"),
        (LockedSize("1.0", 900), LockedSize("1.0", 0), "size unknown"),
        (LockedSize("1.0", 900), None, "new"),
        (None, None, ""),
    ],
)
def test_the_change_of_a_package(
    now: LockedSize | None, before: LockedSize | None, change: str
) -> None:
    assert PackageSize("numpy", 1, 1, now).change(before) == change


def test_one_layer_with_both_limits() -> None:
    numpy = PackageSize("numpy", 16_900_000, 60_100_000, LockedSize("2.0.1", 18_000_000))
    idna = PackageSize("idna", 50_000, 340_000, LockedSize("3.10", 0))
    exceeded = (
        Excess("max_archive_size", 15_000_000, 18_200_000),
        Excess("max_unpacked_size", 60_000_000, 60_467_000),
    )
    earlier = EarlierLock((("numpy", LockedSize("1.26.4", 16_000_000)),))
    error = size_limit_error([layer(idna, numpy, exceeded=exceeded, earlier=earlier)])
    assert str(error) == (
        "A layer outgrows its limits:\n"
        "  * src:fw for linux_x86_64: its archive has 18.2 MB, 3.2 MB more than "
        "`max_archive_size` allows, which is 15.0 MB; it unpacks to 60.5 MB, 467.0 kB more than "
        "`max_unpacked_size` allows, which is 60.0 MB. Leave out files with `exclude_files`, move "
        "a package to another layer, or raise `max_archive_size` and `max_unpacked_size`.\n"
        "    all of it              archive  unpacked    wheel  since the lock before\n"
        "    numpy 2.0.1            16.9 MB   60.1 MB  18.0 MB  +2.0 MB, was 1.26.4\n"
        "    idna 3.10              50.0 kB  340.0 kB           new\n"
        "    the layer's own files   7.0 kB   27.0 kB"
    )


def test_the_ten_largest_packages_by_the_size_that_is_too_large() -> None:
    packages = [PackageSize(f"p{i:02}", 100 - i, 1000 + i, LockedSize("1", 5)) for i in range(12)]
    unpacked = (Excess("max_unpacked_size", 10, 1011),)
    names = {}
    for exceeded in (unpacked, (Excess("max_archive_size", 10, 99),)):
        lines = layer(*packages, exceeded=exceeded).problem.splitlines()
        assert lines[1].split() == ["the", "largest", "archive", "unpacked", "wheel"]
        assert lines[-2:] == [
            "and 3 more",
            "There is no lock before this one in the history of the repository.",
        ]
        names[exceeded[0].field] = [line.split()[0] for line in lines[2:-2]]
    assert names["max_archive_size"] == ["the", *(f"p{i:02}" for i in range(9))]
    assert names["max_unpacked_size"] == ["the", *(f"p{i:02}" for i in range(11, 2, -1))]


def test_several_layers_in_order_each_once() -> None:
    app = layer(address="src:app", kind=LayerKind.APPLICATION)
    error = size_limit_error([layer(), app, layer()])
    assert error.summary == "2 layers outgrow their limits:"
    assert [problem.split()[0] for problem in error.problems] == ["src:app", "src:fw"]
    assert "move a package to a framework, or raise `max_archive_size`." in error.problems[0]
