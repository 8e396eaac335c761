"""Makes the trees that actions run from, in the environment of the rules: `action_start` runs this.

    python -m benchmarks.action_trees OUTPUT SITE_PACKAGES

SITE_PACKAGES has the libraries of the actions, installed for the same Python.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from pathlib import Path

from venvstacks_rules.actions.cli import VERBS  # pants: no-infer-dep
from venvstacks_rules.actions.tools.byte_code import compile_modules  # pants: no-infer-dep
from venvstacks_rules.pants_backend.processes.libraries import needed_distributions
from venvstacks_rules.pants_backend.processes.sources import (
    action_modules,
    module_sources,
    shipped_files,
)


def _copy_libraries(verb: str, site_packages: Path, tree: Path) -> None:
    installed = {
        distribution.metadata["Name"].lower(): distribution
        for distribution in importlib.metadata.distributions(path=[str(site_packages)])
    }
    for name in needed_distributions(verb):
        # What is only for other Pythons is not installed.
        for file in (installed[name].files or ()) if name in installed else ():
            if ".." not in file.parts and file.suffix != ".pyc":
                target = tree / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target)


def main(output: str, site_packages: str) -> None:
    """Make a tree for each verb."""
    sources = module_sources()
    for verb in VERBS:
        tree = Path(output, verb)
        for file in shipped_files(action_modules(verb, sources), sources):
            target = tree / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
        _copy_libraries(verb, Path(site_packages), tree)
        modules = [str(path.relative_to(tree)) for path in tree.rglob("*.py")]
        compile_modules(str(tree), modules, str(tree), "_actions")


if __name__ == "__main__":
    main(*sys.argv[1:])
