"""The file of a launch module that is named as it is imported."""

from __future__ import annotations

from collections.abc import Collection

from venvstacks_rules.model.code.modules import CodeModules, started_files
from venvstacks_rules.model.layers.launch_names import LaunchName
from venvstacks_rules.model.layers.problems import suggestion


def launched_file(name: LaunchName, paths: Collection[str]) -> tuple[str | None, str]:
    """The one of `paths`, relative to site-packages, that has the launch module.

    Without any, what is wrong, and the remedy: follows ``names '...',``.
    """
    wanted = started_files(name)
    for path in wanted:
        if path in paths:
            return path, ""
    code = CodeModules.of(paths)
    if name.module in code.packages or name.module in code.namespaces:
        if name.function is None:
            return None, f"a package without a `__main__.py`. Add `{wanted[1]}`."
        return None, f"a package without an `__init__.py`. Add `{wanted[1]}`."
    meant = suggestion(name.module, sorted(code.modules))
    remedy = (
        f"Did you mean {meant!r}?"
        if meant is not None
        else f"Name the `python_sources` target that owns `{wanted[0]}` in `dependencies`."
    )
    return None, f"but no first-party code of the layer has that module. {remedy}"
