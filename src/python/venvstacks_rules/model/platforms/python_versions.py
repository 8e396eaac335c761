"""Versions of CPython as in ``cpython@``: ``X.Y.Z``, or ``X.Y.Zt`` if free-threaded.

A free-threaded build is another ABI of the same language: folders, file names and wheel tags have
the ``t``, markers and the metadata of packages do not. The patch release may be missing.
"""

from __future__ import annotations

import re
from typing import Annotated

_VERSION = re.compile(r"3\.\d{1,3}(\.\d{1,3})?t?")


def version_problem(version: str) -> str | None:
    """Why `version` is no version of CPython, or None."""
    if _VERSION.fullmatch(version) is not None:
        return None
    return f"`{version}` is not `3.Y` or `3.Y.Z`, nor one of these with a `t`"


PythonVersion = Annotated[str, version_problem]
"""``X.Y`` or ``X.Y.Z``, with a ``t`` for a free-threaded build."""

FREE_THREADED_SINCE = (3, 13)
"""The first X.Y with free-threaded builds."""


def python_version_of(implementation: str) -> str:
    """The version in `implementation`: ``3.11.13`` of ``cpython@3.11.13``."""
    return implementation.partition("@")[2]


def is_free_threaded(python_version: str) -> bool:
    """Whether the version is of a build without the global interpreter lock."""
    return python_version.endswith("t")


def release(python_version: str) -> str:
    """The version without the ``t``: ``3.14.0`` of ``3.14.0t``, ``3.14`` of ``3.14t``."""
    return python_version[:-1] if is_free_threaded(python_version) else python_version


def release_numbers(python_version: str) -> tuple[int, ...]:
    """The numbers of the version, to compare versions with."""
    return tuple(int(number) for number in release(python_version).split("."))


def language_version(python_version: str) -> str:
    """``X.Y``, for any build."""
    return ".".join(release(python_version).split(".")[:2])


def short_version(python_version: str) -> str:
    """The version in file names: ``X.Y``, or ``X.Yt`` for a free-threaded build."""
    flag = "t" if is_free_threaded(python_version) else ""
    return f"{language_version(python_version)}{flag}"


def names_patch_release(python_version: str) -> bool:
    """Whether the version names one release of CPython, X.Y.Z."""
    return python_version != short_version(python_version)


def is_release_of(python_version: str, wanted: str) -> bool:
    """Whether `wanted` names `python_version`, exactly or without its patch release."""
    return wanted in (python_version, short_version(python_version))
