"""Fields of definitions, right and wrong."""

from __future__ import annotations

from tests.support.definitions import framework, problems, resolve_layers, runtime


def test_size_limits_are_numbers_of_bytes() -> None:
    definitions = [runtime(max_archive_size="1.5 kB"), framework("fw", max_unpacked_size=7)]
    layers, found = resolve_layers(definitions, patch_release_needed=True)
    assert found == ()
    limits = [(layer.max_archive_size, layer.max_unpacked_size) for layer in layers.values()]
    assert sorted(limits, key=str) == [(1500, None), (None, 7)]


def test_size_limits_that_are_none() -> None:
    written = framework("fw", max_archive_size="250", max_unpacked_size=0)
    assert problems(runtime(), written) == [
        "src:fw: `max_archive_size` is '250', which is neither a number of bytes nor a size with a "
        "unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB). Write it as, for example, '250 MB'.",
        "src:fw: `max_unpacked_size` is 0, which is less than one byte. Write it as, for example, "
        "'1.5 GiB'.",
    ]
