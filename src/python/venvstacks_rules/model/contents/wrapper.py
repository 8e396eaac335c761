"""The script that starts Python in a layer whose chain offers shared libraries.

It is the ``bin/python`` of such a layer: it tells the dynamic loader the shared library folders and
executes the runtime's interpreter (the link ``bin/python_`` beside it) under its own name, so that
``sys.executable`` and the search for ``pyvenv.cfg`` see the layer.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from venvstacks_rules.model.platforms.libc import MUSL

# `-p` and `-f` keep the settings of users' own shells out of the wrapper: BASH_ENV, SHELLOPTS,
# exported functions and CDPATH; zsh's start-up files. Both shells have `exec -a`, which the `sh` of
# many Linux distributions lacks.
_LINUX = ("/bin/bash -p", "LD_LIBRARY_PATH")
# Systems with musl may have no bash. Their `sh` is that of busybox, which has `exec -a`, and reads
# a start-up file for a terminal only.
_LINUX_MUSL = ("/bin/sh", "LD_LIBRARY_PATH")
_MACOS = ("/bin/zsh -f", "DYLD_LIBRARY_PATH")

_TEMPLATE = """\
#!{shell}
# Starts this layer's Python with the shared libraries of the layers that it is chained to.
set -eu
self=$0
case $self in /*) ;; *) self=$PWD/$self ;; esac
while [ -L "$self" ]; do
    target=$(readlink "$self")
    case $target in /*) self=$target ;; *) self=${{self%/*}}/$target ;; esac
done
bin=${{self%/*}}
layer=${{bin%/*}}
# Only a path that hides where the layer's siblings are is worth a subshell.
case $self/ in
    */./* | */../* | *//*) tidy=yes ;;
    *) if [ -L "$bin" ] || [ -L "$layer" ]; then tidy=yes; else tidy=; fi ;;
esac
if [ -n "$tidy" ]; then
    bin=$(cd "$bin" && pwd -P)
    layer=${{bin%/*}}
fi
peers=${{layer%/*}}
path=${{{variable}-}}
add() {{
    case :$path: in
        *:"$1":*) ;;
        *) path=${{path:+$path:}}$1 ;;
    esac
}}
{additions}
export {variable}="$path"
exec -a "$bin/python" "$bin/python_" "$@"
"""


def python_wrapper(*, system: str, libc: str, dynlib_dirs: Sequence[str]) -> str:
    """The text of ``bin/python`` for a layer on `system`, ``linux`` or ``macosx``.

    `libc` is the C library of Linux.

    `dynlib_dirs` are shared library folders in import order, relative to the layer's folder:
    ``share/venv/dynlib`` or ``../<install_target>/share/venv/dynlib``. The script appends each of
    them to the loader's variable, at most once. Raises ValueError for another system, without
    folders, and for a folder that is neither in the layer nor in a sibling of it.
    """
    shells = {"linux": _LINUX_MUSL if libc == MUSL else _LINUX, "macosx": _MACOS}
    if system not in shells:
        raise ValueError(f"`{system}` has no wrapper, only {' and '.join(shells)} have")
    if not dynlib_dirs:
        raise ValueError("a layer without shared library folders needs no wrapper")
    shell, variable = shells[system]
    additions = "\n".join(f"add {_expression(folder)}" for folder in dynlib_dirs)
    return _TEMPLATE.format(shell=shell, variable=variable, additions=additions)


def _expression(folder: str) -> str:
    path = PurePosixPath(folder)
    sibling = path.parts[:1] == ("..",)
    inner = path.parts[1:] if sibling else path.parts
    if path.is_absolute() or ".." in inner or len(inner) < 1 + sibling or "\n" in folder:
        raise ValueError(f"`{folder}` is not a folder of the layer or of a sibling layer")
    # The loader splits its variable at colons, and has no way to quote one.
    if ":" in folder or ";" in folder:
        raise ValueError(f"`{folder}` contains a character that separates folders")
    base = '"$peers"' if sibling else '"$layer"'
    return f"{base}/{shlex.quote('/'.join(inner))}"
