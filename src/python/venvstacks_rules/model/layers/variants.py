"""Variants: the layers that a parametrized target becomes, by the parameters in their addresses.

A variant is a layer of its own, with a name of its own. Only variants that differ in how they are
packed are one layer, in several archives.
"""

from __future__ import annotations

from collections.abc import Mapping

PACKING_PARAMETERS = frozenset(
    (
        "archive_format",
        "windows_archive_format",
        "compression_level",
        "byte_code",
        "output_path",
        "environment",
    )
)
"""The fields that change nothing of a layer but its archive."""


def name_of_variant(name: str, parameters: Mapping[str, str]) -> str:
    """The name of a layer, with what tells it from its variants: ``torch-cuda``.

    `parameters` has the name that a target's address gives to the value of each parametrized field.
    """
    return "-".join((name, *_values(parameters, packing=False)))


def archive_variant(parameters: Mapping[str, str]) -> str:
    """What tells the archive of a layer from its other archives; empty if it has one archive."""
    return "-".join(_values(parameters, packing=True))


def _values(parameters: Mapping[str, str], *, packing: bool) -> list[str]:
    return [
        value
        for field, value in sorted(parameters.items())
        if (field in PACKING_PARAMETERS) is packing
    ]
