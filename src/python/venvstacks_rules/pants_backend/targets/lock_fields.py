"""The fields that say where a layer's packages come from, and how its lock is numbered."""

from __future__ import annotations

from pants.engine.target import (
    BoolField,
    DictStringToStringField,
    StringField,
    StringSequenceField,
)
from pants.util.strutil import softwrap


class UvConfigField(StringField):
    """The file with the settings for locking."""

    alias = "uv_config"
    help = softwrap(
        """
        A TOML file, relative to the BUILD file, whose `[tool.uv]` table has the settings for
        locking: `index`, `sources`, `exclude-newer`, and so on. A file whose name is `uv.toml` or
        ends in `.uv.toml` holds them at its top level. By default `[venvstacks].uv_config`.
        """
    )


class PackageIndexesField(DictStringToStringField):
    """Which index a distribution is taken from."""

    alias = "package_indexes"
    help = softwrap(
        """
        Distributions that are taken from one index only, each with the name of that index:
        `{"torch": "pytorch-cpu"}`. The index is one of `[[tool.uv.index]]`. The layers above
        inherit the entries.
        """
    )


class IndexOverridesField(DictStringToStringField):
    """Which index takes the place of another."""

    alias = "index_overrides"
    help = softwrap(
        """
        Where layers below take a distribution from another index than this layer, or than each
        other: the name of the index that gives way, and of the one that takes its place:
        `{"pytorch-cpu": "pytorch-cu128"}`. Without an entry such a contradiction is an error.
        """
    )


class PriorityIndexesField(StringSequenceField):
    """Indexes that are asked first."""

    alias = "priority_indexes"
    default = ()
    help = softwrap(
        """
        Names of indexes that are asked before all others, in this order, for every package of the
        layer, even where they are `explicit`. The layers above do not inherit them.
        """
    )


class LocalWheelsField(StringSequenceField):
    """Folders with wheels that are in no index."""

    alias = "local_wheels"
    default = ()
    help = softwrap(
        """
        Folders with wheels, relative to the BUILD file, that packages may be taken from beside the
        indexes. The lockfile records such wheels by their path relative to it.
        """
    )


class VersionedField(BoolField):
    """Whether the lock's version is part of the layer's name."""

    alias = "versioned"
    default = False
    help = softwrap(
        """
        Whether the version of the layer's lock is part of the folder that the layer is deployed
        to: `framework-sklearn@3`. The version grows by one whenever the content of the lock
        changes and, for an application, when its launch or support modules do.
        """
    )


LOCK_FIELDS = (
    UvConfigField,
    PackageIndexesField,
    IndexOverridesField,
    PriorityIndexesField,
    LocalWheelsField,
    VersionedField,
)
"""What every layer has of these."""
