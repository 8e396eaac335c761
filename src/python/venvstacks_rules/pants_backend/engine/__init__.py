"""The engine's functions, under one set of names for Pants 2.17 and for 2.32 and newer.

The rest of the backend uses this module, with the names of the newest Pants, and runs on both. Up
to 2.31 rules await ``Get(Output, Input)``; from 2.32 on they call each other by name.
"""

from __future__ import annotations

import pants.engine.rules as _pants_rules

LEGACY = not hasattr(_pants_rules, "concurrently")

if LEGACY:
    from venvstacks_rules.pants_backend.engine._legacy import *
else:
    from venvstacks_rules.pants_backend.engine._modern import *
