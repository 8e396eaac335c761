"""Names of layers, in the three spellings of the formats.

=================  ==========================================================================
layer_name         ``NAME``, ``framework-NAME`` or ``app-NAME``
install_target     the deployed layer's folder (``layer_name``, maybe ``@N``)
lockfile names     the layer_name with ``.`` written ``_``
=================  ==========================================================================
"""

from __future__ import annotations

import enum
import re
from pathlib import PurePosixPath

from venvstacks_rules.model.paths import windows_problem

_LAYER_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@+-]*[A-Za-z0-9])?")

_COMMAND = re.compile(r"\w[\w.+-]*", re.ASCII)
INTERPRETER_NAME = re.compile(r"pythonw?[\d._t]*(\.exe)?", re.IGNORECASE)
"""The names of files that start an interpreter."""


class LayerKind(enum.Enum):
    """The three kinds of layer from the bottom up; the value is the word used in messages."""

    RUNTIME = "runtime"
    FRAMEWORK = "framework"
    APPLICATION = "application"

    @property
    def article(self) -> str:
        """The article for the word."""
        return "an" if self is LayerKind.APPLICATION else "a"

    @property
    def plural(self) -> str:
        """The plural of the word, also in stack files, manifests and summaries."""
        return f"{self.value}s"

    @property
    def prefix(self) -> str:
        """The prefix of a layer_name of this kind."""
        return {"runtime": "", "framework": "framework-", "application": "app-"}[self.value]


def name_problem(kind: LayerKind, name: str) -> str | None:
    """Why `name` cannot be the name of a layer of this kind, or None."""
    if not _LAYER_NAME.fullmatch(name):
        return (
            "a layer's name may contain only ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, "
            "and must start and end with a letter or digit"
        )
    if kind is LayerKind.RUNTIME:
        for other in (LayerKind.FRAMEWORK, LayerKind.APPLICATION):
            if name.startswith(other.prefix):
                return f"`{other.prefix}` at the start is reserved for {other.value} layers"
        return windows_problem(name)
    return None


def command_problem(name: str) -> str | None:
    """Why a layer cannot have a command of this name beside its interpreter, or None."""
    if not _COMMAND.fullmatch(name):
        return "which cannot be the name of a command"
    if INTERPRETER_NAME.fullmatch(name):
        return "which is a name of the interpreter"
    problem = windows_problem(name)
    return None if problem is None else f"for which {problem}"


def layer_name(kind: LayerKind, name: str) -> str:
    """The kind-prefixed name of a layer."""
    return f"{kind.prefix}{name}"


def lock_file_stem(layer: str) -> str:
    """The spelling of a layer_name in the names of its lockfiles."""
    return layer.replace(".", "_")


def lockfile_path(layer: str) -> PurePosixPath:
    """The path of a layer's ``pylock`` file, relative to its stack's folder."""
    return PurePosixPath("requirements", layer, f"pylock.{lock_file_stem(layer)}.toml")
