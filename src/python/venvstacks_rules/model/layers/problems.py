"""Problems of layer definitions, and the words for the two origins of definitions.

The checks are the same for a target of a BUILD file and for a layer of a stack file. A
:class:`Problem` says what is wrong with which value; an :class:`Origin` knows the place of the
value, the names of other layers there, and what a user can write there instead.
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
    """The key path of the value: ``platforms[0]``; empty for the whole definition."""
    text: str
    """What is wrong, and the remedy; follows the key: ``is 'linux', which ...``."""
    concerns: tuple[str, ...] = ()
    """Other fields that the problem concerns."""

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that the problem concerns."""
        field = top_key(self.key)
        return (field, *self.concerns) if field else self.concerns


class Origin(ABC):
    """The place of a definition."""

    beside: str
    """The file whose folder the paths of its modules are relative to."""
    thing: str
    """The word for a definition there."""

    @property
    @abstractmethod
    def called(self) -> str:
        """The name of the layer in messages about other layers."""

    @property
    @abstractmethod
    def place(self) -> str:
        """The place of the definition, for messages."""

    @property
    @abstractmethod
    def stack(self) -> str:
        """A name that is equal for all definitions with lockfiles in one folder."""

    @abstractmethod
    def message(self, problem: Problem) -> str:
        """The complete message for a problem of this definition."""

    @abstractmethod
    def reference_remedy(self, kind: LayerKind) -> str:
        """How to name a layer of `kind`: a sentence."""

    @abstractmethod
    def index_override(self, gives_way: str, takes_place: str) -> str:
        """The text for a definition that lets one index replace another."""


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
        return self.address.split(":")[0].split("#")[0].split("@")[0]

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
        return f"Name one of the file's {kind.plural}."

    def index_override(self, gives_way: str, takes_place: str) -> str:
        """As in TOML."""
        return f'index_overrides = {{ {key_part(gives_way)} = "{takes_place}" }}'


def suggestion(written: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The name in `known` that `written` probably means; `likeness` is between 0 and 1."""
    by_case = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(written.casefold(), by_case, n=1, cutoff=likeness)
    return by_case[near[0]] if near else None
