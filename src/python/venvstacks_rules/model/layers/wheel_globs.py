"""The fields with globs for files of distributions: ``exclude_files``, ``include_scripts``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from venvstacks_rules.model.checked import key_part
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.layers.problems import Problem, suggestion
from venvstacks_rules.model.wording import and_more

WheelGlobs = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of distributions, each with globs of some of its files."""

EXCLUDE_FILES, INCLUDE_SCRIPTS = "exclude_files", "include_scripts"

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
# In a message.
_MOST = 20


def wheel_glob_problems(
    exclude_files: WheelGlobs, include_scripts: WheelGlobs
) -> Iterator[Problem]:
    """Problems of the entries of both fields, as written."""
    yield from _problems(EXCLUDE_FILES, exclude_files, "'*.a'", _glob_problem)
    yield from _problems(INCLUDE_SCRIPTS, include_scripts, "'tool.py'", _script_problem)


def _problems(
    field: str, entries: WheelGlobs, example: str, problem_of: Callable[[str], str | None]
) -> Iterator[Problem]:
    names: dict[str, str] = {}
    for written, globs in entries:
        key = _key(field, written)
        name = normalised_name(written)
        if not _NAME.fullmatch(written):
            text = "is not for the name of a distribution. Write, for example, 'torch'."
            yield Problem(key, text)
            continue
        other = names.setdefault(name, written)
        if other != written:
            text = f"is for the distribution of {other!r}, too. Write all globs in one entry."
            yield Problem(key, text)
        if not globs:
            text = f"has no globs. Name files, for example {example}, or remove the entry."
            yield Problem(key, text)
        for i, glob in enumerate(globs):
            problem = problem_of(glob)
            if problem is not None:
                yield Problem(f"{key}[{i}]", f"is {glob!r}, {problem}")


def _script_problem(glob: str) -> str | None:
    """What is wrong with a glob for names of scripts, and the remedy."""
    if glob and "/" not in glob and "\\" not in glob:
        return None
    name = re.split(r"[/\\]", glob)[-1]
    return f"which is not the name of a script. Write {name or 'tool.py'!r}."


def _glob_problem(glob: str) -> str | None:
    """What is wrong with a glob, and the remedy."""
    parts = glob.rstrip("/").split("/")
    if not parts[-1]:
        return "which matches nothing. Name files, for example '*.a'."
    if "\\" in glob:
        return f"with a backslash. Write {glob.replace(chr(92), '/')!r}."
    if glob.startswith("!"):
        return "but a glob cannot take files back. List what to leave out, or remove it."
    if not parts[0] or parts[0] in (".", ".."):
        rest = "/".join(part for part in parts if part not in ("", ".", ".."))
        return (
            "but globs match the end of a path in site-packages. "
            f"Write {rest or '*.a'!r}, without what is in front."
        )
    if {"", ".", ".."} & set(parts):
        return "which matches nothing. Write a path without empty parts, '.' and '..'."
    return None


def normalised_globs(entries: Iterable[tuple[str, Sequence[str]]]) -> WheelGlobs:
    """The same for all ways to write the entries, which have no problems."""
    return tuple(
        sorted((normalised_name(name), tuple(sorted(set(globs)))) for name, globs in entries)
    )


def globs_of(entries: WheelGlobs, wheel: str) -> tuple[str, ...]:
    """The globs for a wheel, by its file name, in normalised `entries`."""
    if not entries:
        return ()
    return dict(entries).get(normalised_name(wheel.split("-", maxsplit=1)[0]), ())


def unknown_distributions(
    field: str, entries: WheelGlobs, installed: Iterable[str], provided: Mapping[str, str]
) -> Iterator[Problem]:
    """Problems of entries for distributions that the layer does not install on any platform.

    `installed` has the names of those that it installs, `provided` the layers below, as they are
    called in messages, by name of a distribution.
    """
    known = sorted(installed)
    for name, _ in entries:
        if name in known:
            continue
        below = provided.get(name)
        meant = suggestion(name, known)
        if below is not None:
            hint = f"{below} below installs it: move the entry there."
        elif meant is not None:
            hint = f"Did you mean {meant!r}?"
        elif known:
            hint = f"It installs {and_more(known, _MOST)}."
        else:
            hint = "It installs none: remove the entry."
        yield Problem(_key(field, name), f"is for what the layer does not install. {hint}")


def _key(field: str, distribution: str) -> str:
    return f"{field}.{key_part(distribution)}"
