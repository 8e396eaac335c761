"""How the launch module of an application is started."""

from __future__ import annotations

_SAFE_PATH_SINCE = 11
_MODULE = '__import__("sys").path.pop(0); __import__("runpy")._run_module_as_main({!r})'


def start_arguments(py_version: str, launch_module: str) -> tuple[str, ...]:
    """The arguments of a Python, X.Y.Z, that start a module as ``-m`` does, but safely.

    ``-m`` alone puts the working directory before everything: a ``subprocess.py`` there would be
    imported instead of the standard library's. Unlike ``PYTHONSAFEPATH``, this does not reach what
    the application starts.
    """
    if int(py_version.split(".")[1].rstrip("t")) >= _SAFE_PATH_SINCE:
        return ("-P", "-m", launch_module)
    # What `-m` does itself. Nothing is imported before the directory is gone, and no name is left
    # in the namespace of the module.
    return ("-c", _MODULE.format(launch_module))
