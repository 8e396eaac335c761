"""The module that calls the function which an application starts with."""

from __future__ import annotations

from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.layers.launch_names import LAUNCHER, LaunchName

_TEXT = '''\
"""Calls `{module}:{function}`."""

import sys

from {module} import {first}

if __name__ == "__main__":
    sys.exit({function}())
'''


def launcher(name: LaunchName) -> OwnFile | None:
    """The launcher's file, relative to site-packages; None if the module itself is run."""
    if name.function is None:
        return None
    text = _TEXT.format(
        module=name.module, function=name.function, first=name.function.split(".")[0]
    )
    return OwnFile(f"{LAUNCHER}.py", text=text)
