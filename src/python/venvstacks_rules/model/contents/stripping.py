"""Which files of an interpreter stay out of a runtime, by the field ``strip_interpreter``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.globs import matches_end
from venvstacks_rules.model.platforms.interpreter_parts import DEVELOPMENT

# Beside the module of the name: globs for the end of a path, by kind of operating system.
_MORE: dict[str, dict[str, tuple[str, ...]]] = {
    "ctypes": {"posix": ("lib/libffi*",), "nt": ("DLLs/libffi*.dll",)},
    "curses": {"posix": ("lib-dynload/_curses_panel.*",), "nt": ()},
    DEVELOPMENT: {
        "posix": ("include/**", "lib/pkgconfig/**", "lib/python*/config-*/**"),
        "nt": ("include/**", "libs/**"),
    },
    "idlelib": {"posix": ("bin/idle*",), "nt": ()},
    "sqlite3": {"posix": ("lib/libsqlite3*",), "nt": ("DLLs/sqlite3.dll",)},
    "test": {
        "posix": (
            "lib-dynload/_test*",
            "lib-dynload/_ctypes_test.*",
            "lib-dynload/_xxtestfuzz.*",
            "lib-dynload/xxlimited*",
            "lib-dynload/xxsubtype.*",
        ),
        "nt": ("DLLs/_test*", "DLLs/_ctypes_test*", "DLLs/xxlimited*"),
    },
    "tkinter": {
        "posix": (
            "lib/libtcl*",
            "lib/libtk*",
            *(f"lib/{name}[0-9]*/**" for name in ("itcl", "tcl", "tdbc", "thread", "tk")),
            "lib/tclConfig.sh",
            "lib/tkConfig.sh",
        ),
        "nt": ("tcl/**", "DLLs/tcl*.dll", "DLLs/tk*.dll"),
    },
}
_TEST_FOLDERS = frozenset({"test", "tests", "idle_test"})
_SUFFIXES = (".so", ".pyd")


class Stripping:
    """The parts that a runtime leaves out of its interpreter."""

    def __init__(self, names: Iterable[str], layout: LayerLayout) -> None:
        self._names = frozenset(names)
        self._layout = layout
        os_name = layout.os_name
        self._globs = tuple(
            glob for name in sorted(self._names) for glob in _MORE.get(name, {}).get(os_name, ())
        )
        self._stdlib = f"{layout.stdlib}/"
        self._site_packages = f"{layout.site_packages}/"
        self._extensions = f"{layout.stdlib}/lib-dynload/" if os_name == "posix" else "DLLs/"
        self._launchers = frozenset(str(path) for path in layout.launchers.values())

    def leaves_out(self, path: str) -> bool:
        """Whether the file or link at `path` in the runtime is left out."""
        if not self._names or path.startswith(self._site_packages) or self._is_needed(path):
            return False
        if path.startswith(self._extensions):
            module = posixpath.basename(path).split(".")[0]
            is_module = path.endswith(_SUFFIXES) and module.removeprefix("_") in self._names
            return is_module or self._has_glob(path)
        if not path.startswith(self._stdlib):
            return self._has_glob(path)
        folders = path[len(self._stdlib) :].split("/")
        name = folders.pop()
        module = folders[0] if folders else name.split(".")[0]
        return (
            module in self._names
            or ("test" in self._names and not _TEST_FOLDERS.isdisjoint(folders))
            or self._has_glob(path)
        )

    def _is_needed(self, path: str) -> bool:
        """Whether post-installation takes the file: on Windows, the launchers for the layers."""
        if path in self._launchers:
            return True
        bundled = f"{self._stdlib}ensurepip/_bundled/pip-"
        return self._layout.os_name == "nt" and path.startswith(bundled)

    def _has_glob(self, path: str) -> bool:
        return any(matches_end(path, glob) for glob in self._globs)
