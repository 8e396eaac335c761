"""Reads untrusted nested data (parsed TOML or JSON); collects every problem with its key path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_MISSING = object()


class CheckedTable:
    """A table whose values are taken by expected type; what does not fit is noted, not raised.

    A value that is missing or wrong comes back as the type's empty value, so that reading goes on
    and one look finds all problems. Look at `problems` before the values are used. What is not a
    table at all is one problem, and its keys are none.
    """

    def __init__(self, data: object, key: str, problems: list[str]) -> None:
        self.key = key
        self.problems = problems
        self._data: Mapping[str, object] = {}
        self._judged = data is _MISSING
        if isinstance(data, Mapping):
            self._data = data
        elif not self._judged:
            self.note("", f"expected a table, got {kind(data)}")
            self._judged = True

    def note(self, name: str, problem: str) -> None:
        """Add a problem of the value at `name` (the table itself where empty)."""
        if self._judged:
            return
        path = f"{self.key}.{name}" if self.key and name else self.key or name
        self.problems.append(f"`{path}`: {problem}" if path else problem)

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def names(self) -> tuple[str, ...]:
        """The keys, in the order of the file."""
        return tuple(self._data)

    def string(self, name: str, *, allow_empty: bool = False) -> str:
        """A required string."""
        value = self._data.get(name)
        if name not in self._data:
            self.note(name, "missing")
        elif not isinstance(value, str):
            self.note(name, f"expected a string, got {kind(value)}")
        elif not value and not allow_empty:
            self.note(name, "is empty")
        else:
            return value
        return ""

    def optional_string(self, name: str) -> str | None:
        """A string, or None where the key is absent."""
        return self.string(name) if name in self._data else None

    def optional_size(self, name: str) -> int | None:
        """A number of bytes, or None where the key is absent."""
        if name not in self._data:
            return None
        value = self._data[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            shown = value if isinstance(value, int) else kind(value)
            self.note(name, f"expected a size in bytes, got {shown}")
            return 0
        return value

    def size(self, name: str) -> int:
        """A required number of bytes."""
        if name not in self._data:
            self.note(name, "missing")
        return self.optional_size(name) or 0

    def integer(self, name: str) -> int:
        """A required integer."""
        value = self._data.get(name)
        if name not in self._data:
            self.note(name, "missing")
        elif isinstance(value, bool) or not isinstance(value, int):
            self.note(name, f"expected an integer, got {kind(value)}")
        else:
            return value
        return 0

    def optional_boolean(self, name: str) -> bool:
        """A boolean, False where the key is absent."""
        value = self._data.get(name, False)
        if not isinstance(value, bool):
            self.note(name, f"expected a boolean, got {kind(value)}")
            return False
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        """A required list of strings."""
        found = []
        for i, item in enumerate(self._list(name, required=True)):
            if isinstance(item, str):
                found.append(item)
            else:
                self.note(f"{name}[{i}]", f"expected a string, got {kind(item)}")
        return tuple(found)

    def table(self, name: str) -> CheckedTable:
        """A required table."""
        if name not in self._data:
            self.note(name, "missing")
        return CheckedTable(self._data.get(name, _MISSING), self._path(name), self.problems)

    def tables(self, name: str, *, required: bool = False) -> Iterator[CheckedTable]:
        """The tables of a list; none where an optional key is absent."""
        for i, item in enumerate(self._list(name, required=required)):
            yield CheckedTable(item, self._path(f"{name}[{i}]"), self.problems)

    def _list(self, name: str, *, required: bool) -> list[object]:
        value = self._data.get(name, [])
        if required and name not in self._data:
            self.note(name, "missing")
        elif not isinstance(value, list):
            self.note(name, f"expected a list, got {kind(value)}")
            return []
        return value if isinstance(value, list) else []

    def _path(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name


def kind(value: object) -> str:
    """What a message calls the type of a value read from TOML or JSON."""
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else names.get(type(value), f"a {type(value).__name__}")
