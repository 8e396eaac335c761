"""Runs inside deployed layers, by ``python -c``: starts pytest.

Its argument is a JSON file, which it removes, with an object: `target`, for messages; `args` for
pytest; `roots`, the folders of the modules of tests; `tools`, the folders of packages that come
after all others; and `coverage`, null or an object with `data_file`, `config` and `sources`, which
has the path in the repository by the path of each file to measure.

Standard library only, for Python 3.8 and newer.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # The working directory, which `-c` puts first, has no modules.
    sys.path.pop(0)

import importlib
import importlib.machinery
import importlib.util
import json
import os
import site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

# The modules that chain layers begin with it; while it is there, none starts its chain.
CHAINING = "_venvstacks_chain_"


class PackagesInBoth:
    """Finds packages that are in the layers and beside the tests.

    The package is that of the layers, and its modules come from both: code that is tested comes
    from the layers, and what only the tests have is found, too.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        """`roots` are the folders of the modules of the tests."""
        self._folders = folders_of_packages(roots)
        self._beside = {*roots, *(folder for each in self._folders.values() for folder in each)}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """What Python asks for; None if the others find it right."""
        folders = self._folders.get(name)
        if folders is None:
            return None
        searched = sys.path if path is None else path
        in_layers = [folder for folder in searched if folder not in self._beside]
        spec = _found(name, in_layers, target)
        locations = None if spec is None else spec.submodule_search_locations
        if spec is None or locations is None:
            # Not in the layers, or a module there.
            return spec
        if spec.loader is not None and spec.origin is not None:
            spec.submodule_search_locations = [*locations, *folders]
            return spec
        # Without an `__init__` in the layers: that of the tests does not end the search.
        for folder in folders:
            init = os.path.join(folder, "__init__.py")
            if os.path.isfile(init):
                return importlib.util.spec_from_file_location(
                    name, init, submodule_search_locations=[*folders, *locations]
                )
        return None


def _found(name: str, path: Sequence[str], target: Any) -> importlib.machinery.ModuleSpec | None:
    """What the finders of the layers find in the folders of `path`."""
    for finder in sys.meta_path:
        if not isinstance(finder, PackagesInBoth):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
    return None


def folders_of_packages(roots: Iterable[str]) -> dict[str, list[str]]:
    """The folders below `roots` with modules, or with such folders, by the name of the package."""
    found: dict[str, list[str]] = {}
    for root in roots:
        for folder, inner, files in os.walk(root):
            inner[:] = sorted(name for name in inner if name.isidentifier())
            if folder != root and any(file.endswith(".py") for file in files):
                parts = os.path.relpath(folder, root).split(os.sep)
                for depth in range(1, len(parts) + 1):
                    name = ".".join(parts[:depth])
                    place = os.path.join(root, *parts[:depth])
                    if place not in found.setdefault(name, []):
                        found[name].append(place)
    return found


def add_tools(folders: Iterable[str]) -> None:
    """Put folders of packages behind all others, with what their ``.pth`` files say."""
    sys.modules[CHAINING] = sys.modules[__name__]
    try:
        for folder in folders:
            sys.path.append(folder)
            # This adds no folder twice.
            site.addsitedir(folder)
    finally:
        del sys.modules[CHAINING]


class Coverage:
    """Measures the coverage of files, and writes it with their paths in the repository."""

    def __init__(self, data_file: str, config: str | None, sources: Mapping[str, str]) -> None:
        """`sources` has the path in the repository by the path of each file."""
        coverage: Any = importlib.import_module("coverage")
        self._file = data_file
        self._sources = sources
        self._new_data = coverage.CoverageData
        self._measured = coverage.Coverage(
            data_file=f"{data_file}.here",
            data_suffix=False,
            config_file=config or False,
            # Those of the configuration are for the places of the repository.
            source=[],
            source_pkgs=[],
            include=list(sources),
        )
        self._measured.start()

    def finish(self) -> None:
        """End it and write the data file."""
        self._measured.stop()
        self._measured.save()
        here = self._measured.get_data()
        data = self._new_data(basename=self._file)
        add = data.add_arcs if self._measured.get_option("run:branch") else data.add_lines
        add({})
        tracers = {}
        contexts = sorted(here.measured_contexts()) or [""]
        for context in contexts:
            here.set_query_contexts([f"^{_escaped(context)}$"])
            data.set_context(context)
            for file in here.measured_files():
                source = self._sources.get(os.path.realpath(file))
                if source is not None:
                    found = here.arcs(file) if here.has_arcs() else here.lines(file)
                    add({source: found or []})
                    tracers[source] = here.file_tracer(file) or ""
        data.add_file_tracers({file: name for file, name in tracers.items() if name})
        # What no test has imported has no coverage at all.
        data.set_context("")
        data.touch_files([file for file in self._sources.values() if file not in tracers])
        data.write()
        os.unlink(f"{self._file}.here")


def _escaped(text: str) -> str:
    import re

    return re.escape(text)


def main(settings_file: str) -> int:
    """Run pytest; its exit code."""
    with open(settings_file, encoding="utf-8") as stream:
        settings = json.load(stream)
    os.unlink(settings_file)
    sys.path[:0] = settings["roots"]
    add_tools(settings["tools"])
    sys.meta_path.insert(0, PackagesInBoth(settings["roots"]))
    missing = [
        name
        for name in ("pytest", *(["coverage"] if settings["coverage"] else []))
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        print(
            f"error: `{settings['target']}`: no layer has {' and '.join(missing)}", file=sys.stderr
        )
        return 1
    coverage = Coverage(**settings["coverage"]) if settings["coverage"] else None
    sys.argv = ["pytest", *settings["args"]]
    # By their names: neither is a library of the actions.
    pytest: Any = importlib.import_module("pytest")
    code = pytest.main(settings["args"])
    if coverage is not None:
        coverage.finish()
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
