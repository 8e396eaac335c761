"""Compiles modules to byte code that Python takes without looking at the source.

It is hash-based and unchecked (PEP 552): the trees that hold it never change. The bytes depend on
the source, the name that it is shown by, the Python version and, before 3.11, on the seed of
hashes, which the caller has to fix (``PYTHONHASHSEED=0``).
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
import warnings
from collections.abc import Iterable
from types import CodeType

from venvstacks_rules.local.files.streams import naming

_UNCHECKED_HASH = 0b01


def compile_modules(sources: str, names: Iterable[str], output: str, shown: str) -> int:
    """Compile the modules `names`, paths below `sources`, to where Python looks below `output`.

    Tracebacks name them below `shown`, until they are imported. Those that are no Python of this
    version are left out. Returns how many were compiled.
    """
    count = 0
    with warnings.catch_warnings():
        # Those of other people's sources.
        warnings.simplefilter("ignore")
        for name in sorted(names):
            with open(f"{sources}/{name}", "rb") as stream:
                source = stream.read()
            try:
                code = compile(source, f"{shown}/{name}", "exec", dont_inherit=True, optimize=0)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            folder, _, base = name.rpartition("/")
            target = f"{output}/{folder}/__pycache__" if folder else f"{output}/__pycache__"
            os.makedirs(target, exist_ok=True)
            path = f"{target}/{base[:-3]}.{sys.implementation.cache_tag}.pyc"
            data = _byte_code(code, source)
            with naming(path), open(path, "xb") as out:
                try:
                    out.write(data)
                    out.flush()
                except BaseException:
                    os.unlink(path)
                    raise
            count += 1
    return count


def _byte_code(code: CodeType, source: bytes) -> bytes:
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little")
    # Which objects are written as references depends on how often each happens to be in use. Those
    # that were just read back are in use by nobody else.
    data = marshal.dumps(marshal.loads(marshal.dumps(code)))  # noqa: S302 - our own bytes
    return header + importlib.util.source_hash(source) + data
