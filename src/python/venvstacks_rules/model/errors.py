"""The errors that a user can cause and mend.

Every error that tells a user to change something is a :class:`VenvstacksError`; any other
exception that reaches the user is a bug of ours and is shown as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from venvstacks_rules.model.wording import counted, printable_lines

MOST_PROBLEMS = 20
"""The limit for one file in a message: a damaged archive may have thousands."""


class VenvstacksError(Exception):
    """Some input is wrong; the text says what, where, and what to change.

    Names, values and words of others get into it, so a terminal can print all of it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable_lines(text))


class ProblemsError(VenvstacksError):
    """Several problems, reported together.

    Each of ``problems`` is a complete sentence or paragraph; their order is deterministic.
    """

    def __init__(self, summary: str, problems: Iterable[str]) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        lines = [summary]
        for problem in self.problems:
            first, *rest = problem.splitlines() or [""]
            lines.append(f"  * {first}")
            lines.extend(f"    {line}" if line else "" for line in rest)
        super().__init__("\n".join(lines))


class DefinitionError(ProblemsError):
    """Invalid layer definitions."""


class LockError(ProblemsError):
    """A layer cannot be locked, or its lockfile is missing, stale or unreadable."""


class WheelError(ProblemsError):
    """A wheel is damaged, hostile, or not the one that its lockfile names."""


class InterpreterError(ProblemsError):
    """An interpreter cannot be found, captured or unpacked."""


class ArchiveError(ProblemsError):
    """An archive or its metadata is damaged, hostile, or not the expected one."""


class SizeLimitError(ProblemsError):
    """Layers are larger than their definitions allow."""


class DeploymentError(ProblemsError):
    """A layer cannot be deployed or started."""


class NetworkError(VenvstacksError):
    """A server does not deliver a file, or its settings are missing."""


class RepositoryError(ProblemsError):
    """A repository of layers is damaged, hostile, out of reach, or not as a command needs it."""


def in_one_line(error: Exception) -> str:
    """What is wrong, where there is room for one line: of what to do about it, nothing."""
    if isinstance(error, RepositoryError):
        return " ".join((error.summary, *error.problems[:1]))
    return str(error)


class ImageError(ProblemsError):
    """A container image cannot be made, or its base is not one."""


class RequestError(VenvstacksError):
    """A request or result file does not have the expected shape."""


def one_error(errors: Iterable[VenvstacksError | None]) -> VenvstacksError | None:
    """All that `errors` say, each thing once; None if there are none.

    Problems with the same summary are listed below one.
    """
    merged: dict[tuple[type[VenvstacksError], str], dict[str, None]] = {}
    for error in errors:
        if isinstance(error, ProblemsError):
            key = (type(error), error.summary)
            merged.setdefault(key, {}).update(dict.fromkeys(error.problems))
        elif error is not None:
            merged.setdefault((VenvstacksError, str(error)), {})
    found = [
        kind(summary, problems) if issubclass(kind, ProblemsError) else kind(summary)
        for (kind, summary), problems in merged.items()
    ]
    return (
        found[0]
        if len(found) == 1
        else VenvstacksError("\n".join(map(str, found)))
        if found
        else None
    )


def first_problems(problems: Sequence[str]) -> list[str]:
    """The first `MOST_PROBLEMS` of `problems`, and how many more there are."""
    hidden = len(problems) - MOST_PROBLEMS
    if hidden <= 0:
        return list(problems)
    return [*problems[:MOST_PROBLEMS], f"and {counted(hidden, 'more problem')}"]
