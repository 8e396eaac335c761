"""Frozen dataclasses that cost the start of an action little.

The module ``dataclasses`` imports ``inspect`` and compiles the methods of each class anew: together
a third of the start of a light action. The classes that are made here share their methods. They
have no options, neither factories of defaults nor an order: a module that needs one takes
``dataclasses``. Type checkers, and the functions of that module, see dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")
_FIELDS = "__value_fields__"
_HIDDEN = object()
_set = object.__setattr__


def _nothing(_: object) -> object:
    return ()


class _Fields:
    """Of a class: the names of all, in order, the defaults, and what no text shows."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.defaults: dict[str, object] = {}
        self.hidden: frozenset[str] = frozenset()
        self.read: Callable[[object], object] = _nothing
        """Reads the fields of a value: a tuple, or the only one."""

    def add(self, other: _Fields) -> None:
        """Those of a base class; names that are there keep their place."""
        self.names = tuple(dict.fromkeys(self.names + other.names))
        self.defaults.update(other.defaults)
        self.hidden |= other.hidden


class _Standard:
    """What the functions of ``dataclasses`` look for in a class, made when one of them does."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, value: object, cls: Any) -> object:
        return getattr(_twin(cls), self._name)


class _Value:
    """What all classes share."""

    __value_fields__: _Fields
    __dataclass_fields__ = _Standard("__dataclass_fields__")
    __dataclass_params__ = _Standard("__dataclass_params__")

    def __init__(self, *args: object, **given: object) -> None:
        cls, fields = type(self), self.__value_fields__
        if len(args) > len(fields.names):
            raise TypeError(f"{cls.__name__} has {len(fields.names)} fields, not {len(args)}")
        for name, value in zip(fields.names, args):
            _set(self, name, value)
        for name in fields.names[len(args) :]:
            if name in given:
                _set(self, name, given.pop(name))
            elif name in fields.defaults:
                _set(self, name, fields.defaults[name])
            else:
                raise TypeError(f"{cls.__name__} needs the field `{name}`")
        if given:
            raise TypeError(f"{cls.__name__} takes no `{next(iter(given))}` here")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields; for classes to define."""

    def __repr__(self) -> str:
        fields = self.__value_fields__
        shown = (name for name in fields.names if name not in fields.hidden)
        items = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({items})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        read = self.__value_fields__.read
        return bool(read(self) == read(other))

    def __hash__(self) -> int:
        return hash(self.__value_fields__.read(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"`{name}` of {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"`{name}` of {type(self).__name__} does not change")


_SHARED = (
    "__dataclass_fields__",
    "__dataclass_params__",
    "__init__",
    "__repr__",
    "__eq__",
    "__hash__",
    "__setattr__",
    "__delattr__",
)


def _made(cls: type[T]) -> type[T]:
    setattr(cls, _FIELDS, _fields_of(cls))
    for name in _SHARED:
        setattr(cls, name, vars(_Value)[name])
    if not hasattr(cls, "__post_init__"):
        setattr(cls, "__post_init__", _Value.__post_init__)  # noqa: B010 - mypy knows none
    return cls


def _fields_of(cls: type[object]) -> _Fields:
    """Those of the base classes, and its own."""
    fields, own = _Fields(), _Fields()
    for base in cls.__mro__[:0:-1]:
        if _FIELDS in vars(base):
            fields.add(vars(base)[_FIELDS])
    own.names = tuple(vars(cls).get("__annotations__", ()))
    given = {name: vars(cls)[name] for name in own.names if name in vars(cls)}
    own.hidden = frozenset(name for name, default in given.items() if default is _HIDDEN)
    own.defaults = {name: given[name] for name in given.keys() - own.hidden}
    for name in own.hidden:
        delattr(cls, name)
    fields.add(own)
    if fields.names:
        fields.read = attrgetter(*fields.names)
    return fields


def _dataclass(*, frozen: bool) -> Callable[[type[T]], type[T]]:
    if not frozen:
        raise TypeError("such a class is always frozen")
    return _made


def _field(*, repr: bool) -> Any:  # noqa: A002 - the name of the standard library
    if repr:
        raise TypeError("a field is shown unless it says that it is not")
    return _HIDDEN


def _replace(value: T, **changes: object) -> T:
    kept = {name: getattr(value, name) for name in field_names(type(value))}
    return type(value)(**{**kept, **changes})


if TYPE_CHECKING:
    # With `as`, other modules may import them from here.
    from dataclasses import dataclass as dataclass  # noqa: PLC0414
    from dataclasses import field as field  # noqa: PLC0414
    from dataclasses import replace as replace  # noqa: PLC0414
else:
    dataclass, field, replace = _dataclass, _field, _replace


def is_dataclass(cls: object) -> bool:
    """Whether `cls` is a class that was made here, or by ``dataclasses``."""
    # Of classes made here, the second question would import that module.
    return isinstance(cls, type) and (hasattr(cls, _FIELDS) or hasattr(cls, "__dataclass_fields__"))


def field_names(cls: type[object]) -> tuple[str, ...]:
    """The fields of such a class, in order."""
    own: _Fields | None = vars(cls).get(_FIELDS)
    return tuple(_standard_fields(cls)) if own is None else own.names


def required_names(cls: type[object]) -> tuple[str, ...]:
    """The fields that have no default, in order."""
    own: _Fields | None = vars(cls).get(_FIELDS)
    if own is None:
        return tuple(name for name, required in _standard_fields(cls).items() if required)
    return tuple(name for name in own.names if name not in own.defaults)


def _standard_fields(cls: Any) -> dict[str, bool]:
    import dataclasses  # noqa: PLC0415 - see above

    return {each.name: each.default is dataclasses.MISSING for each in dataclasses.fields(cls)}


@cache
def _twin(cls: Any) -> type[object]:
    """A dataclass of the standard library with the same fields."""
    import dataclasses  # noqa: PLC0415 - see above

    fields: _Fields = getattr(cls, _FIELDS)
    types: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        types.update(vars(base).get("__annotations__", {}))
    parts = []
    for name in fields.names:
        default = fields.defaults.get(name, dataclasses.MISSING)
        shown = name not in fields.hidden
        parts.append((name, types[name], dataclasses.field(default=default, repr=shown)))
    return dataclasses.make_dataclass(cls.__name__, parts, frozen=True)
