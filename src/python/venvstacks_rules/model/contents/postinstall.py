"""The ``postinstall.py`` of a layer: what is left to do where it is deployed."""

from __future__ import annotations

from venvstacks_rules.model.layers.byte_code import DEPLOYED

_START = "sys.exit(main(sys.argv[1:]))"
_WITHOUT_COMPILING = 'sys.exit(main(["--no-compile", *sys.argv[1:]]))'

_NOTHING = '''\
"""Does nothing: this layer runs as it was unpacked.

It is here for programs that run the `postinstall.py` of every layer.
"""
'''


def postinstall_text(script: str, *, byte_code: str, sealed: bool, system: str) -> str:
    """The text of the file, of `script`, which does everything, for a platform's `system`."""
    # On Windows, no archive has the interpreter.
    if sealed and system != "win":
        return _NOTHING
    if byte_code == DEPLOYED:
        return script
    before, start, after = script.rpartition(_START)
    if not start:
        raise ValueError(f"the script does not end with `{_START}`")
    return before + _WITHOUT_COMPILING + after
