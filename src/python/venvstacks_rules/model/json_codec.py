"""JSON: the codec of the actions' requests and results, and the layout of published files.

Requests and results are frozen dataclasses. A shape that does not fit is a
:class:`~venvstacks_rules.model.errors.RequestError` that names the key path.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing
from typing import TypeVar, Union

from venvstacks_rules.model.errors import RequestError

T = TypeVar("T")


def to_data(value: object) -> object:
    """A dataclass, or a tuple of them, as what ``json`` writes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_data(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
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


def from_json(cls: type[T], text: str) -> T:
    """Read a request or result; RequestError names the key path of what does not fit."""
    try:
        data = json.loads(text)
    except ValueError as e:
        raise RequestError(f"not JSON: {e}") from None
    return from_data(cls, data)


def from_data(cls: type[T], data: object, key: str = "") -> T:
    """Like :func:`from_json`, for what ``json`` has read already."""
    if not isinstance(data, dict):
        raise RequestError(f"{key or cls.__name__}: expected an object, got {_kind(data)}")
    hints = _type_hints(typing.cast("typing.Hashable", cls))
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(data) - set(fields))
    if unknown:
        raise RequestError(f"{_join(key, unknown[0])}: unknown key of {cls.__name__}")
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _read(hints[name], data[name], _join(key, name))
        elif field.default is dataclasses.MISSING:
            raise RequestError(f"{_join(key, name)}: missing key of {cls.__name__}")
    return cls(**values)


@functools.cache
def _type_hints(cls: typing.Hashable) -> dict[str, typing.Any]:
    # Results list the files of a layer by the ten thousand, and this takes longer than the rest.
    return typing.get_type_hints(cls)


def _read(hint: typing.Any, value: object, key: str) -> object:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Union:
        return None if value is None else _read(args[0], value, key)
    if origin is tuple:
        if not isinstance(value, list):
            raise RequestError(f"{key}: expected a list, got {_kind(value)}")
        return tuple(_read(args[0], item, f"{key}[{i}]") for i, item in enumerate(value))
    if dataclasses.is_dataclass(hint):
        return from_data(typing.cast("type[object]", hint), value, key)
    expected = origin or hint
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise RequestError(f"{key}: expected {expected.__name__}, got {_kind(value)}")
    return value


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
