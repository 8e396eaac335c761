"""JSON: the codec of the actions' requests and results, and the layout of published files.

Requests and results are frozen dataclasses. Our own processes write them, so reading stops at the
first value of a wrong shape, with a :class:`~venvstacks_rules.model.errors.RequestError` that names
its key path. For files from outside, :mod:`~venvstacks_rules.model.checked` collects all problems.
"""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, Union

from venvstacks_rules.model.errors import RequestError
from venvstacks_rules.model.values import field_names, is_dataclass, required_names
from venvstacks_rules.model.wording import is_unicode, printable

T = TypeVar("T")
_Reader = Callable[[object], object]
Check = Callable[[typing.Any], "str | None"]
"""What else a value has to be, behind its type in ``Annotated``; it returns a problem or None."""

_MOST_LEVELS = 50


def to_data(value: object) -> object:
    """A dataclass, or a tuple of them, as what ``json`` writes."""
    if is_dataclass(type(value)):
        return {name: to_data(getattr(value, name)) for name in field_names(type(value))}
    if isinstance(value, (tuple, list)):
        return [to_data(item) for item in value]
    return value


def to_json(value: object) -> str:
    """The text of a request or result file; the same values give the same bytes."""
    return json.dumps(to_data(value), ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def published_json(data: object) -> str:
    """The text of a file that is deployed or published; the same values give the same bytes.

    In the layout of the ``venvstacks`` tool, so that its files and ours can be compared.
    """
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def compact_json(data: object) -> str:
    """The text of a file for programs, without spaces; the same values give the same bytes."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def document_json(data: object) -> str:
    """The text of a document about a layer: compact, as each version of the layer sends it anew."""
    return f"{compact_json(data)}\n"


def compact_object(members: Mapping[str, str]) -> str:
    """The :func:`compact_json` of an object whose values are compact JSON already."""
    pairs = (f"{compact_json(key)}:{members[key]}" for key in sorted(members))
    return f"{{{','.join(pairs)}}}"


def parsed_json(content: str | bytes) -> object:
    """The data in a JSON file; raises ValueError for anything else, however it is nested."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def rewritable_json(content: str | bytes) -> object:
    """The same, for data that is going to be written as JSON again, which takes more memory."""
    value = parsed_json(content)
    if _is_too_deep(value):
        raise ValueError("it is nested too deeply")
    return value


def from_json(cls: type[T], text: str) -> T:
    """Read a request or result; RequestError names the key path of the first wrong value."""
    try:
        data = parsed_json(text)
    except ValueError as e:
        raise RequestError(f"not JSON: {e}") from None
    return from_data(cls, data)


def from_data(cls: type[T], data: object) -> T:
    """Like :func:`from_json`, for data that was parsed already."""
    try:
        return typing.cast("T", _reader(typing.cast("typing.Hashable", cls))(data))
    except _MisfitError as e:
        key = e.key.lstrip(".")
        raise RequestError(f"`{key}`: {e}" if key else f"{cls.__name__}: {e}") from None


class _MisfitError(Exception):
    """A value that does not fit; its key path grows on the way out, so that reading stays fast."""

    key = ""

    @classmethod
    def of(cls, value: object, expected: type) -> _MisfitError:
        """`value` has another type than `expected`."""
        # An application starts without the module: only messages need it.
        from venvstacks_rules.model.checked import KINDS, kind  # noqa: PLC0415

        return cls(f"expected {KINDS[expected]}, got {kind(value)}")

    def below(self, key: str) -> _MisfitError:
        """The same problem, with `key` in front of its path."""
        self.key = key + self.key
        return self


@functools.cache
def _reader(hint: typing.Any) -> _Reader:
    """What reads values of a type; made once, as results list files by the ten thousand."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Union:
        read_value = _reader(args[0])
        return lambda value: None if value is None else read_value(value)
    if origin is tuple:
        return _reader_of_tuples(_reader(args[0]))
    if is_dataclass(hint):
        return _reader_of_objects(typing.cast("type[object]", hint))
    if origin is typing.Annotated:
        return _reader_of_checked(_reader(args[0]), args[1:])
    if origin is dict:
        return _reader_of_tables(args[1])
    return _read_string if hint is str else _reader_of_values(hint)


def _reader_of_values(hint: type[object]) -> _Reader:
    def read(value: object) -> object:
        if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
            raise _MisfitError.of(value, hint)
        return value

    return read


def _read_string(value: object) -> object:
    if not isinstance(value, str):
        raise _MisfitError.of(value, str)
    # No file and no process can have either in its name.
    if "\0" in value:
        raise _MisfitError(f"`{printable(value)}` contains a NUL character")
    if not value.isascii() and not is_unicode(value):
        raise _MisfitError(f"`{printable(value)}` is not Unicode text")
    return value


def _reader_of_checked(read_value: _Reader, checks: Sequence[Check]) -> _Reader:
    def read(value: object) -> object:
        checked = read_value(value)
        for check in checks:
            problem = check(checked)
            if problem is not None:
                raise _MisfitError(problem)
        return checked

    return read


def _reader_of_tables(value_hint: typing.Any) -> _Reader:
    read_value = _read_data if value_hint is typing.Any else _reader(value_hint)

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise _MisfitError.of(value, dict)
        values = {}
        key = ""
        try:
            for key, item in value.items():
                values[key] = read_value(item)
        except _MisfitError as e:
            raise e.below(f".{key}") from None
        return values

    return read


def _read_data(value: object) -> object:
    """Any value that can be written as JSON again."""
    if _is_too_deep(value):
        raise _MisfitError("is nested too deeply")
    return value


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MOST_LEVELS):
        nested = [item for item in level if isinstance(item, (dict, list))]
        if not nested:
            return False
        level = [
            inner
            for item in nested
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return True


def _reader_of_tuples(read_item: _Reader) -> _Reader:
    def read(value: object) -> object:
        if not isinstance(value, list):
            raise _MisfitError.of(value, list)
        items: list[object] = []
        try:
            for item in value:
                items.append(read_item(item))
        except _MisfitError as e:
            raise e.below(f"[{len(items)}]") from None
        return tuple(items)

    return read


def _reader_of_objects(cls: type[object]) -> _Reader:
    hints = typing.get_type_hints(cls, include_extras=True)
    readers = {name: _reader(hints[name]) for name in field_names(cls)}
    required = dict.fromkeys(required_names(cls))

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise _MisfitError.of(value, dict)
        if not value.keys() <= readers.keys():
            unknown = sorted(value.keys() - readers.keys())
            raise _MisfitError(f"unknown key of {cls.__name__}").below(f".{unknown[0]}")
        values = {}
        name = ""
        try:
            for name, item in value.items():
                values[name] = readers[name](item)
        except _MisfitError as e:
            raise e.below(f".{name}") from None
        if not required.keys() <= values.keys():
            missing = next(name for name in required if name not in values)
            raise _MisfitError(f"missing key of {cls.__name__}").below(f".{missing}")
        try:
            return cls(**values)
        except ValueError as e:
            # Of values that do not fit to each other.
            raise _MisfitError(str(e)) from None

    return read
