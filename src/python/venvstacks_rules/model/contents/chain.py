"""The files in site-packages that chain a layer to the layers below it.

Python processes a ``.pth`` file of every folder of packages at start: ours imports a module, which
adds the folders of the lower layers. Each layer has a module of its own name, so that nothing else
in the process can take its place, and no byte code of an earlier version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.wrapper import LINK, LOADER_VARIABLES, SAVED
from venvstacks_rules.model.platforms.python_versions import release_numbers

MODULE_PREFIX = "_venvstacks_chain_"
"""The module's name begins with it; post-installation knows the module by that."""

# Python takes the files in the order of their names; those of packages may need the layers below.
_FIRST = "0000_venvstacks_chain"

_LINKS_RESOLVED_SINCE = (3, 11)
_START_FILES_SINCE = (3, 15)
_NO_IMPORTS_IN_PTH_SINCE = (3, 18)

_MODULE = '''\
"""Chains this layer to the layers below it.

Python imports it at every start. The layers are found from where this file is, so the folder that
holds them can be moved.
"""

import os
import site
import sys
{imports}
_OWN = os.path.dirname(__file__)
_LAYER = {layer}
if os.path.islink(_LAYER):
    _LAYER = os.path.realpath(_LAYER)
_PEERS = os.path.dirname(_LAYER){at_root}
_BELOW = (
{pylib}){normal}


{finder}def _chain():
{first}    configured = []
    for folder in _BELOW:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if folder not in sys.path:
            sys.path.append(folder)
        # Most folders have no file of these kinds but ours.
        if any(n.endswith((".pth", ".start")) and not n.startswith({files!r}) for n in names):
            configured.append(folder)
    # After all folders are on the path, which these files may need.
    for folder in reversed(configured):
        site.addsitedir(folder)


def start():
    """What `.start` files call; the import has done the work."""


# Layers below have such modules, too. The first one has the whole chain, in the right order.
if "{prefix}" not in sys.modules:
    sys.modules["{prefix}"] = sys.modules[__name__]
    try:
        _chain()
    finally:
        del sys.modules["{prefix}"]
'''

# A package with an `__init__` has one folder, unless a finder says otherwise.
_FINDER = """\
class _Finder:
    # Packages with modules in several layers: by name, the numbers of these, 0 for this one.
    packages = {{
{joined}    }}
    found = set()

    @classmethod
    def folders(cls, name):
        inner = name.replace(".", os.sep)
        chain = (_OWN, *_BELOW)
        return [os.path.join(chain[n], inner) for n in cls.packages[name]]

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        package = name.rpartition(".")[0]
        made_elsewhere = package in cls.packages and package not in cls.found
        if made_elsewhere:
            # By a line in a `.pth` file, which asks no finder.
            cls.found.add(package)
            folders = cls.folders(package)
            if path is not None and set(path).issubset(folders):
                sys.modules[package].__path__ = path = folders
        if name not in cls.packages:
            return PathFinder.find_spec(name, path, target) if made_elsewhere else None
        cls.found.add(name)
        spec = PathFinder.find_spec(name, path, target)
        found = getattr(spec, "submodule_search_locations", None)
        if type(found) is list:
            folders = cls.folders(name)
            if found[0] in folders:
                found[:] = folders
        return spec


"""

_FIND = """\
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _Finder)
"""

# As Windows' Python spells folders.
_NORMAL = "\n_BELOW = tuple(map(os.path.normpath, _BELOW))"

_DLLS = """\
    for folder in (
{dynlib}    ):
        folder = os.path.normpath(folder)
        if os.path.isdir(folder):
            os.add_dll_directory(folder)
"""

# The loader has read the variable; programs that this one starts have libraries of their own.
_WRAPPED = """\
    folder, name = os.path.split(sys.executable or "")
    if name == {link!r}:
        first = os.path.normpath(os.path.join(folder, "..", {library_dir!r}))
        if first in os.environ.get({variable!r}, "").split(":"):
            before = os.environ.get({saved!r})
            if before is None:
                del os.environ[{variable!r}]
            else:
                os.environ[{variable!r}] = before
        base = getattr(sys, "_base_executable", None)
        if os.path.basename(base or "") == name:
            sys._base_executable = _PEERS + {base_python!r}
        sys.executable = os.path.join(folder, {python!r})
        if getattr(sys, "orig_argv", None):
            sys.orig_argv[0] = sys.executable
"""

# Python takes what it was started as for the interpreter itself.
_SEALED = """\
    base = _PEERS + {base_python!r}
    if getattr(sys, "_base_executable", None) == sys.executable:
        sys._base_executable = base
"""

# These versions join the link to the interpreter with where it is, and do not look what that is.
_SEALED_BEFORE = """\
    old, new = os.path.abspath(sys.base_prefix), os.path.dirname(os.path.dirname(base))
    sys.base_prefix = sys.base_exec_prefix = new
    if old != new:
        sys.path[:] = [new + p[len(old) :] if p.startswith(old + "/") else p for p in sys.path]
"""

# Where wheels for Windows put the libraries that others are to find.
_OWN_DLLS = '    _LAYER + "/Library/bin",\n'


def chain_files(
    config: LayerConfig,
    install_target: str,
    *,
    system: str,
    library_dirs: Sequence[str] = (),
    joined: Sequence[tuple[str, tuple[int, ...]]] = (),
    sealed: bool = False,
) -> tuple[OwnFile, ...]:
    """The files that chain the layer with this config, for a platform's `system`.

    Empty for a layer without layers below. `library_dirs` are those that the wrapper tells the
    loader, if there is one. `joined` has the packages with modules in several layers, each with the
    numbers of these layers, 0 for the layer itself. The `pyvenv.cfg` of a `sealed` layer names no
    interpreter.
    """
    if not config.pylib_dirs:
        return ()
    first = ""
    if library_dirs:
        variable = LOADER_VARIABLES[system]
        first = _WRAPPED.format(
            link=LINK,
            library_dir=library_dirs[0],
            variable=variable,
            saved=variable + SAVED,
            base_python=config.base_python[len("..") :],
            python=PurePosixPath(config.python).name,
        )
    if sealed and system != "win":
        older = release_numbers(config.py_version) < _LINKS_RESOLVED_SINCE
        first += _SEALED.format(base_python=config.base_python[len("..") :])
        first += _SEALED_BEFORE if older else ""
    if joined:
        first += _FIND
    if system == "win":
        first += _DLLS.format(dynlib=_OWN_DLLS + _rows(config.dynlib_dirs))
    depth = len(PurePosixPath(config.site_dir).parts)
    text = _MODULE.format(
        layer="os.path.dirname(" * depth + "_OWN" + ")" * depth,
        pylib=_rows(config.pylib_dirs),
        # In images, the layers lie at the root: two slashes would be a name of their own.
        at_root='.rstrip("/")' if sealed and system != "win" else "",
        normal=_NORMAL if system == "win" else "",
        imports="from _frozen_importlib_external import PathFinder\n" if joined else "",
        finder=_FINDER.format(joined=_joined_rows(joined)) if joined else "",
        first=first,
        files=_FIRST,
        prefix=MODULE_PREFIX,
    )
    module = MODULE_PREFIX + hashlib.sha256(f"{install_target}\n{text}".encode()).hexdigest()[:12]
    version = release_numbers(config.py_version)
    files = [OwnFile(f"{config.site_dir}/{module}.py", text=text)]
    if version < _NO_IMPORTS_IN_PTH_SINCE:
        files.append(
            OwnFile(
                f"{config.site_dir}/{_FIRST}.pth",
                text=f"import {module}\n",
            )
        )
    if version >= _START_FILES_SINCE:
        # Python ignores imports in a `.pth` file beside a `.start` file of the same name.
        files.append(OwnFile(f"{config.site_dir}/{_FIRST}.start", text=f"{module}:start\n"))
    return tuple(files)


def _rows(paths: Sequence[str]) -> str:
    """Expressions for `paths`, ``../<install_target>/...``."""
    return "".join(f"    _PEERS + {path[len('..') :]!r},\n" for path in paths)


def _joined_rows(joined: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    return "".join(f"        {name!r}: {layers!r},\n" for name, layers in joined)
