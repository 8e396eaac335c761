"""The fields that say which packages of a layer are built, not downloaded as wheels."""

from __future__ import annotations

from pants.engine.target import StringSequenceField
from pants.util.strutil import softwrap


class BuildFromSourceField(StringSequenceField):
    """Packages to build from their source archives."""

    alias = "build_from_source"
    default = ()
    help = softwrap(
        """
        Distributions to build from their source archives, for example because there is no wheel:
        `["docopt"]`. Or at a commit: `name @ git+https://...@<commit>` in `requirements`. The
        lockfile pins the archive and what its build requires; `package` builds
        the wheel, without a network, with the runtime's interpreter, for the platform that it runs
        on. The layers above inherit the entries. All other packages are wheels.
        """
    )


BUILD_FIELDS = (BuildFromSourceField,)
"""The fields of this module; every layer has them."""
