"""Programs for POSIX shells that start something beside the interpreter of a layer.

They find the interpreter when they start, so that the layers' folder can be moved.
"""

from __future__ import annotations

import re

from venvstacks_rules.model.contents.layout import LayerLayout

# Only a link from elsewhere has to be read, and no shell can do that.
FIND_SELF = """\
self=$0
case $self in /*) ;; *) self=$PWD/$self ;; esac
while [ -L "$self" ]; do
    target=$(command -p readlink "$self" || readlink "$self") || exit 127
    case $target in /*) self=$target ;; *) self=${self%/*}/$target ;; esac
done
"""
"""Sets `self` to the path of the program itself."""

_PYTHON = re.compile(rb"#!.*\bpythonw?[\d.]*(\s|$)")


def is_python_script(head: bytes) -> bool:
    """Whether a file that begins with `head` is a script for Python."""
    return _PYTHON.match(head.split(b"\n", 1)[0]) is not None


def script_launcher(script: str, layout: LayerLayout) -> bytes:
    """The program that starts the Python script of that name with the layer's interpreter."""
    python = layout.python.name
    place = layout.python_script(script)
    return (
        f'#!/bin/sh\n{FIND_SELF}exec "${{self%/*}}/{python}" "${{self%/*}}/../{place}" "$@"\n'
    ).encode()
