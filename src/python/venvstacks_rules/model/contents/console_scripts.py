"""Console scripts: commands that packages define, and that a layer has if it names them.

A script finds the Python beside it when it starts, so that the layers' folder can be moved. On
POSIX it lies in the archive; on Windows post-installation makes a program of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.script_launchers import FIND_SELF
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.wording import and_more

# In a message.
_MOST = 20

_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_TARGET = re.compile(rf"(?P<module>{_DOTTED})\s*:\s*(?P<function>{_DOTTED})\s*(?:\[[^\]]*\])?")

# The shell executes the lines up to `exec`; for Python they are one text.
_TEMPLATE = """\
#!/bin/sh
''':'
{find_self}exec "${{self%/*}}/{python}" "$self" "$@"
'''
{program}"""

_PROGRAM = """\
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({function}())
"""


@dataclass(frozen=True)
class ConsoleScript:
    """A command, and the function that it calls."""

    name: str
    module: str
    function: str
    """Maybe an attribute of a class: ``Cli.main``."""

    @property
    def target(self) -> str:
        """As in the deployed layer config: ``MODULE:FUNCTION``."""
        return f"{self.module}:{self.function}"

    @property
    def program(self) -> str:
        """The Python program."""
        first = self.function.split(".")[0]
        return _PROGRAM.format(module=self.module, first=first, function=self.function)

    def text(self, python: str) -> str:
        """The script for POSIX; `python` is the interpreter's name beside it."""
        return _TEMPLATE.format(find_self=FIND_SELF, python=python, program=self.program)


def chosen_scripts(
    names: Iterable[str], known: Sequence[Mapping[str, str]]
) -> tuple[tuple[ConsoleScript, ...], tuple[tuple[str, str], ...]]:
    """The named commands, sorted; and for each that cannot be had its name and why not.

    `known` has the targets of commands by name: of the layer, then of those below.
    """
    found: list[ConsoleScript] = []
    problems: list[tuple[str, str]] = []
    for name in sorted(set(names)):
        target = next((commands[name] for commands in known if name in commands), None)
        if target is None:
            problems.append((name, _unknown(name, known)))
            continue
        match = _TARGET.fullmatch(target)
        if match is None:
            problems.append((name, f"whose target `{target}` is not `MODULE:FUNCTION`."))
        else:
            found.append(ConsoleScript(name, match["module"], match["function"]))
    return tuple(found), tuple(problems)


def script_files(scripts: Iterable[ConsoleScript], layout: LayerLayout) -> tuple[OwnFile, ...]:
    """The scripts in the archive of a layer; none for Windows."""
    if layout.os_name == "nt":
        return ()
    return tuple(
        OwnFile(
            str(layout.scripts / script.name),
            text=script.text(layout.python.name),
            executable=True,
        )
        for script in scripts
    )


def _unknown(name: str, known: Sequence[Mapping[str, str]]) -> str:
    every = sorted({name for commands in known for name in commands})
    have = f"they have {and_more([f'`{command}`' for command in every], _MOST)}"
    meant = suggestion(name, every)
    hint = f". Did you mean `{meant}`?" if meant is not None else "."
    undefined = "which no package of the layer and of those below defines"
    return f"{undefined}; {have if every else 'they have none'}{hint}"
