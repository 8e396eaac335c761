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
        ends in `.uv.toml` has them at its top level. The default is `[venvstacks].uv_config`.
        """
    )


class PackageIndexesField(DictStringToStringField):
    """Distributions that come from one index only."""

    alias = "package_indexes"
    help = softwrap(
        """
        Distributions to take from one index only, each with the name of that index in
        `[[tool.uv.index]]`: `{"torch": "pytorch-cpu"}`. The layers above inherit the entries.
        """
    )


class IndexOverridesField(DictStringToStringField):
    """Indexes that replace others."""

    alias = "index_overrides"
    help = softwrap(
        """
        Maps the name of an index to the name of the index that replaces it, where layers take one
        distribution from different indexes: `{"pytorch-cpu": "pytorch-cu128"}` takes it from
        `pytorch-cu128`. Without an entry, such a contradiction is an error.
        """
    )


class PriorityIndexesField(StringSequenceField):
    """Indexes to ask first."""

    alias = "priority_indexes"
    default = ()
    help = softwrap(
        """
        Names of indexes to ask before all others, in this order, for every package of the layer,
        even if they are `explicit`. The layers above do not inherit them.
        """
    )


class LocalWheelsField(StringSequenceField):
    """Folders with wheels that are in no index."""

    alias = "local_wheels"
    default = ()
    help = softwrap(
        """
        Folders with wheels, relative to the BUILD file, to take packages from in addition to the
        indexes. The lockfile records the path of such a wheel relative to the lockfile.
        """
    )


class VersionedField(BoolField):
    """Whether the lock's version is part of the layer's name."""

    alias = "versioned"
    default = False
    help = softwrap(
        """
        Whether the folder that the layer is deployed to has the version of the layer's lock in its
        name: `framework-sklearn@3`. The version grows by one whenever the content of the lock
        changes and, for an application, whenever its launch or support modules change.
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
"""The fields of this module; every layer has them."""
