"""Lets the tests of this folder import what they share.

The pytest that fits Pants 2.17 puts an empty module in the place of a folder without `__init__.py`
as soon as it has loaded a test of it, unless the folder was imported before.
"""

from __future__ import annotations

import tests.pants_backend  # noqa: F401  # pants: no-infer-dep
