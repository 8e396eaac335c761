"""The errors that a user can cause, apart from our own bugs.

Every error that tells a user to change something is a :class:`VenvstacksError`; any other
exception that reaches the user is a bug of ours and is shown as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST_PROBLEMS = 20
"""The limit for one file in a message: a damaged archive may have thousands."""


class VenvstacksError(Exception):
    """Something is wrong with what we were given; the text says what, where, and what to change."""


class ProblemsError(VenvstacksError):
    """Several problems found in one look, reported together.

    ``problems`` holds one complete sentence or paragraph each, in a deterministic order.
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
    """Layer definitions that cannot be built as they stand."""


class LockError(ProblemsError):
    """A layer that cannot be locked, or whose lockfile is missing, stale or unreadable."""


class WheelError(ProblemsError):
    """A wheel that is refused: damaged, hostile, or not what its lockfile says."""


class InterpreterError(ProblemsError):
    """An interpreter that cannot be found, captured or unpacked."""


class ArchiveError(ProblemsError):
    """An archive or its metadata that is damaged, hostile, or not what was announced."""


class DeploymentError(ProblemsError):
    """A layer that cannot be deployed or started."""


class NetworkError(VenvstacksError):
    """A server that does not give what is needed, or whose settings are missing."""


class RequestError(VenvstacksError):
    """A request or result file that does not have the expected shape."""


def first_problems(problems: Sequence[str]) -> list[str]:
    """The first `MOST_PROBLEMS` of `problems`, and how many more there are."""
    hidden = len(problems) - MOST_PROBLEMS
    if hidden <= 0:
        return list(problems)
    more = "problem" if hidden == 1 else "problems"
    return [*problems[:MOST_PROBLEMS], f"and {hidden} more {more}"]
