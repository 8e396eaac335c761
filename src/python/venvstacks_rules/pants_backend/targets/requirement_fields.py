"""The fields that say which versions of packages a layer takes, and what it leaves out."""

from __future__ import annotations

from typing import Optional

from pants.engine.target import StringField, StringSequenceField
from pants.util.strutil import softwrap


class OverrideRequirementsField(StringSequenceField):
    """Requirements that replace what packages ask for."""

    alias = "override_requirements"
    default = ()
    help = softwrap(
        """
        Requirements (PEP 508) that replace what the layer and all packages in it ask for:
        `["numpy<2"]` takes a numpy below 2, even if a package asks for another one. The layers
        above inherit the entries, unless they override the same package.
        """
    )


class WithoutDependenciesField(StringSequenceField):
    """Packages that are installed without what they ask for."""

    alias = "without_dependencies"
    default = ()
    help = softwrap(
        """
        Packages to install without anything that they ask for: `["tensorboard"]`. What of it is
        needed all the same goes into `requirements`. The layers above inherit the entries.
        """
    )


class RelaxedPinsField(StringSequenceField):
    """Packages of which the layer may have another version than the layers below."""

    alias = "relaxed_pins"
    default = ()
    help = softwrap(
        """
        Packages of which the layer may have a version of its own, if its requirements cannot be
        met with the version of a layer below, or of `python_resolve`: `["packaging"]`. The own
        version hides that of the layer below, for this layer and for those above it. Without an
        entry, a contradiction is an error.
        """
    )


class PythonResolveField(StringField):
    """The resolve of the repository that the layer takes its versions from."""

    alias = "python_resolve"
    help = softwrap(
        """
        The name of a resolve in `[python].resolves`. The layer's lock has the versions and hashes
        of that resolve's lockfile, with wheels for all platforms of the layer. An empty string
        means none. The default is `[venvstacks].python_resolve`.
        """
    )

    def chosen(self, default: Optional[str]) -> Optional[str]:
        """The value, or else the `default` of the option."""
        return default if self.value is None else self.value


REQUIREMENT_FIELDS = (
    OverrideRequirementsField,
    WithoutDependenciesField,
    RelaxedPinsField,
    PythonResolveField,
)
"""The fields of this module; every layer has them."""
