"""What a user can do about requirements that ``uv`` cannot satisfy: more than its own text says."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SOURCE_ONLY = re.compile(r"Wheels are required for `([^`]+)` because building from source is")
_NO_WHEELS = re.compile(r"(?<![\w.-])([\w.-]+)==([\w.!+]+) has no usable wheels")
_NO_TAG = re.compile(
    r"(?<![\w.-])([\w.-]+)==([\w.!+]+) has no wheels with a matching (Python|platform)"
)
_OLD_PYTHON = re.compile(r"(?<![\w.-])([\w.-]+)==([\w.!+]+) depends on Python([\w.!,<>=~* ]+?)[, ]")

# About settings that are not the user's to change.
_NOT_FOR_USERS = re.compile(
    r"\n*^[ \t]*hint: (Wheels are required for `|The `requires-python` value).*$", re.MULTILINE
)

_BUILD = (
    "name it in `build_from_source` of this layer, or build a wheel of it yourself, for example "
    "with `pip wheel --no-deps {}`, and put it into a folder that `local_wheels` names"
)


def without_foreign_hints(text: str) -> str:
    """The message of ``uv`` without what it advises for projects of its own."""
    return _NOT_FOR_USERS.sub("", text).strip()


def remedies(text: str, python_version: str) -> Iterator[str]:
    """What can be done, by package, from the message of ``uv``."""
    versions = dict(_NO_WHEELS.findall(text))
    for name in dict.fromkeys(_SOURCE_ONLY.findall(text)):
        pin = f"{name}=={versions[name]}" if name in versions else name
        yield (
            f"`{pin}` is published as source only, and layers are made of wheels: require a "
            f"version that has wheels, {_BUILD.format(pin)}"
        )
    for name, version, what in dict.fromkeys(_NO_TAG.findall(text)):
        pin, another = f"{name}=={version}", "narrow the layer's `platforms`"
        if what == "Python":
            another = f"take another `python_implementation` than {python_version}"
        yield f"`{pin}` has no wheel that fits: require another version, {another}, " + (
            _BUILD.format(pin)
        )
    for name, version, needed in dict.fromkeys(_OLD_PYTHON.findall(text)):
        yield (
            f"`{name}=={version}` needs Python {needed.strip()}, and the runtime has "
            f"{python_version}: require another version, or take another `python_implementation`"
        )
