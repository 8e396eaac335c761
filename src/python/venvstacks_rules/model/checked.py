"""Reads nested data from outside (parsed TOML or JSON) and collects all problems by key path."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.wording import printable

_MISSING = object()
_MOST_SIZE = 2**63 - 1
"""No file system has a larger file, and no system call takes a larger number."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

KINDS: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "a list",
    dict: "a table",
}
"""What messages call the types of values in TOML and JSON."""


def kind(value: object) -> str:
    """What messages call the type of `value`."""
    if isinstance(value, Mapping):
        return KINDS[dict]
    return "null" if value is None else KINDS.get(type(value), f"a {type(value).__name__}")


def key_path(table: str, key: str) -> str:
    """The path of `key` in the table at the path `table`; each of them may be empty."""
    return f"{table}.{key}" if table and key else table or key


def top_key(path: str) -> str:
    """The first key of a key path; empty if the path is."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def key_part(key: str) -> str:
    """One part of a key path, in quotes where TOML wants them."""
    return key if _BARE_KEY.fullmatch(key) else f'"{key}"'


class TypedTable(ABC):
    """Takes values from a table by their expected types.

    It notes a value of another type and returns an empty value of the expected type instead, so
    that one look finds all problems.
    """

    def __init__(self, data: Mapping[str, object]) -> None:
        self._data = data

    @abstractmethod
    def note_misfit(self, key: str, value: object, wanted: str) -> None:
        """Add the problem that `value`, at the path `key` in the table, is not `wanted`."""

    def __contains__(self, name: str) -> bool:
        return name in self._data

    @property
    def data(self) -> Mapping[str, object]:
        """The table as it was read."""
        return self._data

    def names(self) -> tuple[str, ...]:
        """The keys, in the order of the file."""
        return tuple(self._data)

    def optional_boolean(self, name: str) -> bool:
        """A boolean; False if the key is absent."""
        value = self._data.get(name, False)
        if not isinstance(value, bool):
            self.note_misfit(name, value, KINDS[bool])
        return value is True

    def optional_strings(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty if the key is absent."""
        value = self._data.get(name, [])
        if not isinstance(value, list):
            self.note_misfit(name, value, "a list of strings")
            return ()
        for i, item in enumerate(value):
            if not isinstance(item, str):
                self.note_misfit(f"{name}[{i}]", item, KINDS[str])
        # The other items keep their places.
        return tuple(item if isinstance(item, str) else "" for item in value)

    def optional_pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """The keys and values of a table of strings; empty if the key is absent."""
        value = self._data.get(name, {})
        if not isinstance(value, Mapping):
            self.note_misfit(name, value, "a table of strings")
            return ()
        for key, item in value.items():
            if not isinstance(item, str):
                self.note_misfit(f"{name}.{key_part(key)}", item, KINDS[str])
        return tuple((key, item) for key, item in value.items() if isinstance(item, str))


class CheckedTable(TypedTable):
    """A table of a file that we do not trust.

    Look at `problems` before you use the values. Data that is not a table is one problem; its keys
    add no others.
    """

    def __init__(self, data: object, key: str, problems: list[str]) -> None:
        super().__init__(data if isinstance(data, Mapping) else {})
        self.key = key
        self.problems = problems
        self._judged = data is _MISSING
        if not self._judged and not isinstance(data, Mapping):
            self.note_misfit("", data, KINDS[dict])
            self._judged = True

    def note(self, name: str, problem: str) -> None:
        """Add a problem of the value at `name`; of the table itself if `name` is empty."""
        if self._judged:
            return
        path = key_path(self.key, name)
        self.problems.append(f"`{path}`: {problem}" if path else problem)

    def note_misfit(self, key: str, value: object, wanted: str) -> None:
        """Add the problem that `value`, at the path `key` in the table, is not `wanted`."""
        self.note(key, f"expected {wanted}, got {kind(value)}")

    def string(self, name: str) -> str:
        """A required string that is not empty."""
        value = self._required(name, "")
        if not isinstance(value, str):
            self.note_misfit(name, value, KINDS[str])
            return ""
        if not value and name in self:
            self.note(name, "is empty")
        return value

    def optional_string(self, name: str) -> str | None:
        """A string that is not empty, or None if the key is absent."""
        return self.string(name) if name in self else None

    def sha256(self, name: str) -> str:
        """A required SHA-256 in lower-case hexadecimal."""
        value = self.string(name)
        if value and not is_sha256_hex(value):
            self.note(name, f"`{printable(value)}` is not a SHA-256 in lower-case hexadecimal")
        return value

    def size(self, name: str) -> int:
        """A required number of bytes."""
        value = self._required(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            shown = value if isinstance(value, int) else kind(value)
            self.note(name, f"expected a size in bytes, got {shown}")
            return 0
        if value > _MOST_SIZE:
            self.note(name, f"expected a size in bytes, got more than {_MOST_SIZE}")
            return 0
        return value

    def optional_size(self, name: str) -> int | None:
        """A number of bytes, or None if the key is absent."""
        return self.size(name) if name in self else None

    def nullable_size(self, name: str) -> int | None:
        """A number of bytes, or None if the value is null or the key is absent."""
        return None if self._data.get(name) is None else self.size(name)

    def integer(self, name: str) -> int:
        """A required integer."""
        value = self._required(name, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            self.note_misfit(name, value, KINDS[int])
            return 0
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        """A required list of strings."""
        self._required(name, [])
        return self.optional_strings(name)

    def table(self, name: str) -> CheckedTable:
        """A required table."""
        value = self._required(name, _MISSING)
        return CheckedTable(value, key_path(self.key, name), self.problems)

    def tables(self, name: str, *, required: bool = False) -> Iterator[CheckedTable]:
        """The tables of a list; an optional key that is absent has no tables."""
        value = self._required(name, []) if required else self._data.get(name, [])
        if not isinstance(value, list):
            self.note_misfit(name, value, KINDS[list])
            return
        for i, item in enumerate(value):
            yield CheckedTable(item, key_path(self.key, f"{name}[{i}]"), self.problems)

    def _required(self, name: str, empty: object) -> object:
        """The value at `name`; notes its absence and returns `empty` instead."""
        if name in self._data:
            return self._data[name]
        self.note(name, "missing")
        return empty
