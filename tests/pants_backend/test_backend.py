"""Decisions of the rules that need no engine, and what the backend registers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pants.engine.fs import DigestEntries, FileDigest, FileEntry
from pants.engine.internals.native_engine import Address
from pants.engine.target import Target

import venvstacks_rules.register
from tests.support.definitions import resolve_layers, runtime
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.errors import ArchiveError, DefinitionError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.pants_backend import backend
from venvstacks_rules.pants_backend.build.segments import (
    layer_compression,
    require_as_announced,
    wheel_groups,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import ArchiveFormatChoice
from venvstacks_rules.pants_backend.targets.bundles import VenvstacksBundle
from venvstacks_rules.pants_backend.targets.images import VenvstacksImage
from venvstacks_rules.pants_backend.targets.layer_tests import VenvstacksTest, VenvstacksTests
from venvstacks_rules.pants_backend.targets.layers import (
    ArchiveFormatField,
    CompressionLevelField,
    VenvstacksApplication,
    VenvstacksClient,
    VenvstacksFramework,
    VenvstacksRuntime,
    WindowsArchiveFormatField,
)
from venvstacks_rules.pants_backend.targets.manifests import VenvstacksManifest
from venvstacks_rules.pants_backend.targets.releases import VenvstacksRelease
from venvstacks_rules.pants_backend.targets.stacks import VenvstacksStack

MIB = 1024 * 1024


def wheel(name: str, size: int) -> LockedWheel:
    return LockedWheel(name, f"https://example.org/{name}", None, size, "0" * 64)


def layer(**fields: object) -> Layer:
    definition = replace(runtime(), **fields)  # type: ignore[arg-type]
    layers, problems = resolve_layers([definition], patch_release_needed=True)
    assert problems == ()
    return layers["src:py"]


def groups(*sizes: int) -> list[list[int]]:
    wheels = [wheel(f"w{number}", size) for number, size in enumerate(sizes)]
    return [[member.size for member in group] for group in wheel_groups(layer(), wheels)]


def test_large_wheels_go_alone_and_first() -> None:
    assert groups(10, 2 * MIB, 20, 300 * MIB) == [[2 * MIB], [300 * MIB], [10, 20]]


def test_small_wheels_share_a_process_up_to_a_size() -> None:
    almost = 2 * MIB - 1
    assert groups(*[almost] * 5) == [[almost] * 4, [almost]]
    assert groups(1) == [[1]]
    assert groups() == []


def test_small_wheels_for_any_platform_go_apart_from_the_others() -> None:
    names = ["a-1-cp39-cp39-win_amd64.whl", "b-1-py3-none-any.whl", "c-1-py2.py3-none-any.whl"]
    wheels = [wheel(name, 1) for name in names]
    assert list(wheel_groups(layer(), wheels)) == [(wheels[1], wheels[2]), (wheels[0],)]


def test_a_small_wheel_with_globs_for_its_files_goes_alone() -> None:
    wheels = [wheel(f"{name}-1-py3-none-any.whl", 1) for name in ("a", "B_b", "c", "d", "e")]
    chosen = layer(exclude_files=(("b-b", ("tests",)),), include_scripts=(("c", ("*",)),))
    a, b, c, d, e = wheels
    # In the order of all wheels.
    assert list(wheel_groups(chosen, wheels)) == [(a,), (b,), (c,), (d, e)]


def compression(
    field: tuple[str | None, int | None],
    option: tuple[ArchiveFormatChoice, int | None],
    platform: str = "linux_x86_64",
    windows: str | None = None,
    windows_option: ArchiveFormatChoice = ArchiveFormatChoice.ZIP,
) -> Compression:
    address = Address("src", target_name="x")
    target = {
        ArchiveFormatField: ArchiveFormatField(field[0], address),
        WindowsArchiveFormatField: WindowsArchiveFormatField(windows, address),
        CompressionLevelField: CompressionLevelField(field[1], address),
    }
    found = SimpleNamespace(target=target, layer=SimpleNamespace(address="src:x"))
    options = SimpleNamespace(
        archive_format=option[0],
        windows_archive_format=windows_option,
        compression_level=option[1],
    )
    return layer_compression(cast(Any, found), platform, cast(Any, options))


def test_fields_win_over_options() -> None:
    zst, xz = ArchiveFormatChoice.ZST, ArchiveFormatChoice.XZ
    assert compression((None, None), (zst, None)) == Compression("tar.zst", 9)
    assert compression((None, None), (xz, 2)) == Compression("tar.xz", 2)
    assert compression(("tar.gz", 3), (xz, 2)) == Compression("tar.gz", 3)
    # The level of the option is in the scale of the option's format.
    assert compression(("tar.zst", None), (xz, 2)) == Compression("tar.zst", 9)
    assert compression(("tar.xz", None), (xz, 2)) == Compression("tar.xz", 2)


@pytest.mark.parametrize("platform", ["win_amd64", "win_arm64"])
def test_windows_has_a_format_of_its_own(platform: str) -> None:
    zst, xz, z = ArchiveFormatChoice.ZST, ArchiveFormatChoice.XZ, ArchiveFormatChoice.ZIP
    assert compression((None, None), (zst, None), platform) == Compression("zip", 5)
    assert compression(("tar.xz", None), (zst, None), platform) == Compression("zip", 5)
    assert compression((None, None), (zst, None), platform, "tar.xz") == Compression("tar.xz", 5)
    assert compression((None, None), (zst, None), platform, None, xz) == Compression("tar.xz", 5)
    assert compression((None, None), (zst, None), platform, "zip", xz) == Compression("zip", 5)
    # A level is in the scale of the format for the other platforms.
    assert compression((None, 19), (zst, None), platform) == Compression("zip", 5)
    assert compression((None, None), (zst, 19), platform, "tar.zst") == Compression("tar.zst", 19)
    assert compression(("zip", 9), (zst, None), platform) == Compression("zip", 9)
    assert compression((None, None), (z, 9), platform) == Compression("zip", 9)


@pytest.mark.parametrize("platform", ["linux_x86_64", "macosx_arm64"])
def test_the_format_for_windows_is_for_windows_only(platform: str) -> None:
    zst, xz = ArchiveFormatChoice.ZST, ArchiveFormatChoice.XZ
    assert compression((None, 3), (zst, None), platform, "zip", xz) == Compression("tar.zst", 3)
    assert compression(("zip", None), (zst, 3), platform, "tar.xz") == Compression("zip", 5)


@pytest.mark.parametrize(
    ("field", "option", "where"),
    [(30, None, "`compression_level`"), (None, 30, "`[venvstacks].compression_level`")],
)
def test_a_level_out_of_range_names_where_it_was_set(
    field: int | None, option: int | None, where: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        compression((None, field), (ArchiveFormatChoice.ZST, option))
    assert str(caught.value) == (
        "Invalid compression of a layer:\n"
        f"  * src:x: {where}: 30 is not a compression level of `tar.zst`: use 1 to 19 (the default "
        "is 9)"
    )


def test_what_the_backend_registers() -> None:
    assert venvstacks_rules.register.rules is backend.rules
    expected: list[type[Target]] = [
        VenvstacksRuntime,
        VenvstacksFramework,
        VenvstacksApplication,
        VenvstacksBundle,
        VenvstacksClient,
        VenvstacksImage,
        VenvstacksManifest,
        VenvstacksRelease,
        VenvstacksStack,
        VenvstacksTest,
        VenvstacksTests,
    ]
    assert list(venvstacks_rules.register.target_types()) == expected
    assert len(list(backend.rules())) > 40


@pytest.mark.parametrize("target", backend.target_types())
def test_every_target_says_what_is_meant_by_misspelt_fields(target: Any) -> None:
    meant = target.core_fields[-1].alias
    with pytest.raises(Exception, match=f"Did you mean '{meant}' by '{meant}x'"):
        target({f"{meant}x": "a"}, Address("a", target_name="a"))


@pytest.mark.parametrize("target", backend.target_types())
def test_every_target_and_field_is_documented(target: Any) -> None:
    assert target.help.endswith(".")
    for field in target.core_fields:
        if field.__module__.startswith("venvstacks_rules."):
            assert len(getattr(field, "help", "") or "") > 20 or field.alias == "dependencies"
            assert PurePosixPath(field.alias).name == field.alias


def stored(path: str, content: bytes) -> FileEntry:
    """A file as the engine stores it."""
    fingerprint = hashlib.sha256(content).hexdigest()
    return FileEntry(path, FileDigest(fingerprint, len(content)))


def test_segments_are_compared_with_what_the_engine_has_stored() -> None:
    a, b, c = (
        Segment(
            f"{name}.whl", f"{name}.segment", 1, hashlib.sha256(name.encode()).hexdigest(), 0, ()
        )
        for name in "abc"
    )
    files = [stored("result.json", b"{}"), stored("a.segment", b"a"), stored("b.segment", b"b")]
    require_as_announced([a, b], DigestEntries(files))
    files[1] = stored("a.segment", b"other")
    with pytest.raises(ArchiveError) as caught:
        require_as_announced([a, b, c], DigestEntries(files))
    assert str(caught.value) == (
        "Segments differ from those that were made:\n"
        f"  * the segment of `a.whl` has the hash sha256:{hashlib.sha256(b'other').hexdigest()}, "
        f"not sha256:{a.sha256}\n"
        "  * the segment of `c.whl` is missing"
    )
