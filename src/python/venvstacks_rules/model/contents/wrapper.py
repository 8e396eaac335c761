"""The script that starts Python in a layer whose chain offers shared libraries.

It is the ``bin/python`` of such a layer: it tells the dynamic loader the shared library folders and
executes the link ``bin/python_`` beside it, the runtime's interpreter, which finds the layer's
``pyvenv.cfg``. The module that chains the layers then takes the loader's variable back, which has
done its work, and makes ``sys.executable`` the script: see :mod:`.chain`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

LOADER_VARIABLES = {"linux": "LD_LIBRARY_PATH", "macosx": "DYLD_LIBRARY_PATH"}
"""The variable with folders that the dynamic loader reads when a process starts, by system."""

SAVED = "_ORIG"
"""Ends the name of the variable with the value that the loader's variable had before."""

LINK = "python_"
"""The link to the runtime's interpreter, beside the script."""

# For any POSIX shell, and without other programs: `PATH` may be that of a layer. A layer's own
# aliases (`python3`) lie beside the link; nothing but a link from elsewhere has to be read, and no
# shell can do that. Functions that a user exports (bash imports them) do not reach `unset`.
_TEMPLATE = """\
#!/bin/sh
# Starts this layer's Python with the shared libraries of the layers that it is chained to.
set -eu
unset -f cd pwd readlink command [
self=$0
case $self in /*) ;; *) self=$PWD/$self ;; esac
while [ ! -e "${{self%/*}}/{link}" ] && [ -L "$self" ]; do
    if target=$(command -p readlink "$self" || readlink "$self"); then
        case $target in /*) self=$target ;; *) self=${{self%/*}}/$target ;; esac
    else
        echo "$self is a link, and there is no \\`readlink\\` to follow it: start its target" >&2
        exit 127
    fi
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
if [ -n "$path" ]; then export {variable}{saved}="$path"; else unset {variable}{saved}; fi
add() {{
    case :$path: in
        *:"$1":*) ;;
        *) path=${{path:+$path:}}$1 ;;
    esac
}}
{additions}
export {variable}="$path"
exec "$bin/{link}" "$@"
"""


def python_wrapper(*, system: str, dynlib_dirs: Sequence[str]) -> str:
    """The text of ``bin/python`` for a layer on `system`, ``linux`` or ``macosx``.

    `dynlib_dirs` are shared library folders in import order, relative to the layer's folder:
    ``share/venv/dynlib`` or ``../<install_target>/share/venv/dynlib``. The script appends each of
    them to the loader's variable, at most once. Raises ValueError for another system, without
    folders, and for a folder that is neither in the layer nor in a sibling of it.
    """
    if system not in LOADER_VARIABLES:
        known = " and ".join(LOADER_VARIABLES)
        raise ValueError(f"`{system}` has no wrapper, only {known} have")
    if not dynlib_dirs:
        raise ValueError("a layer without shared library folders needs no wrapper")
    additions = "\n".join(f"add {_expression(folder)}" for folder in dynlib_dirs)
    return _TEMPLATE.format(
        variable=LOADER_VARIABLES[system], saved=SAVED, link=LINK, additions=additions
    )


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
