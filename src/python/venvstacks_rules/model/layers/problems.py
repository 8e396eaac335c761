"""Problems of layer definitions, and the words for the two places that definitions come from.

The checks are the same for a target of a BUILD file and for a layer of a stack file. A
:class:`Problem` says what is wrong with which value; an :class:`Origin` knows where that value
stands, what the other layers are called there, and what a user can write there instead.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from venvstacks_rules.model.checked import key_part, top_key
from venvstacks_rules.model.layers.names import LayerKind


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a definition."""

    key: str
    """The value, by its path in the definition: ``platforms[0]``; empty for the definition."""
    text: str
    """What is wrong with it, and the remedy; follows the key: ``is 'linux', which ...``."""
    concerns: tuple[str, ...] = ()
    """The fields that have to do with it beside that of `key`."""

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that have to do with it."""
        field = top_key(self.key)
        return (field, *self.concerns) if field else self.concerns


class Origin(ABC):
    """Where a definition comes from."""

    beside: str
    """What the paths of its modules are relative to."""
    thing: str
    """What a definition is called there."""

    @property
    @abstractmethod
    def called(self) -> str:
        """The name of the layer in messages about others."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the definition stands."""

    @property
    @abstractmethod
    def stack(self) -> str:
        """What all definitions have in common whose lockfiles lie beside each other."""

    @abstractmethod
    def message(self, problem: Problem) -> str:
        """The complete message for a problem of this definition."""

    @abstractmethod
    def reference_remedy(self, kind: LayerKind) -> str:
        """What to write where a layer of `kind` has to be named."""

    @abstractmethod
    def index_override(self, gives_way: str, takes_place: str) -> str:
        """How to write that one index takes the place of another."""


@dataclass(frozen=True)
class TargetOrigin(Origin):
    """A target of a BUILD file."""

    address: str

    beside = "the BUILD file"
    thing = "target"

    @property
    def called(self) -> str:
        """The address."""
        return self.address

    @property
    def place(self) -> str:
        """The address."""
        return self.address

    @property
    def stack(self) -> str:
        """The folder of the BUILD file."""
        return self.address.split(":")[0].split("#")[0]

    def message(self, problem: Problem) -> str:
        """The address, the field, the problem."""
        key = f"`{problem.key}` " if problem.key else ""
        return f"{self.address}: {key}{problem.text}"

    def reference_remedy(self, kind: LayerKind) -> str:
        """Name a target of the right type."""
        return f"Name a `venvstacks_{kind.value}` target."

    def index_override(self, gives_way: str, takes_place: str) -> str:
        """As in a BUILD file."""
        return f'index_overrides={{"{gives_way}": "{takes_place}"}}'


@dataclass(frozen=True)
class StackOrigin(Origin):
    """A layer of a stack file."""

    file: str
    key: str
    """The layer's: ``frameworks[1]``."""
    layer_name: str

    beside = "the stack file"
    thing = "layer"

    @property
    def called(self) -> str:
        """The layer_name."""
        return f"`{self.layer_name}`"

    @property
    def place(self) -> str:
        """The key."""
        return f"`{self.key}`"

    @property
    def stack(self) -> str:
        """The file."""
        return self.file

    def message(self, problem: Problem) -> str:
        """The file, the key path, the problem."""
        if problem.key:
            return f"{self.file}: `{self.key}.{problem.key}` {problem.text}"
        return f"{self.file}: `{self.key}`: {problem.text}"

    def reference_remedy(self, kind: LayerKind) -> str:
        """Name a layer of the right kind."""
        return f"Name one of the file's {kind.value}s."

    def index_override(self, gives_way: str, takes_place: str) -> str:
        """As in TOML."""
        return f'index_overrides = {{ {key_part(gives_way)} = "{takes_place}" }}'


def suggestion(written: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The one of `known` that was probably meant; `likeness` is between 0 and 1."""
    by_case = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(written.casefold(), by_case, n=1, cutoff=likeness)
    return by_case[near[0]] if near else None
