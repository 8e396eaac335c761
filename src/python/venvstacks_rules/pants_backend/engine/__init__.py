"""The engine's functions, under one set of names for every supported Pants.

The rest of the backend uses this module, with the names of the newest Pants. Two halves have them:
`_get` for Pants 2.17 to 2.29, whose rules await ``Get(Output, Input)``, and `_by_name` for 2.30 and
newer, whose rules call each other. Both styles exist from 2.23 to 2.31; but before 2.30 a call of a
rule that stands further down in its module is not understood, and from 2.30 on ``Get`` warns.
"""

from __future__ import annotations

from venvstacks_rules.pants_backend.engine._both import *
from venvstacks_rules.pants_backend.pants_versions import RUNNING

if RUNNING < (2, 30):
    from venvstacks_rules.pants_backend.engine._get import *
else:
    from venvstacks_rules.pants_backend.engine._by_name import *
