"""Names of distributions, for actions that must start fast.

`packaging` has a function for it, too; loading that takes longer than reading most wheels.
"""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[-_.]+")


def normalised_name(name: str) -> str:
    """The name of a distribution, normalised as "names and normalization" says."""
    return _SEPARATORS.sub("-", name).lower()
