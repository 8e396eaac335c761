"""Follows a page of the documentation to the letter: writes its files, types its commands.

A file is a block of code below a line that is the path in backquotes and a colon; `Add to` before
the path ends an existing file. A command starts with ``$`` in a block of ``console``; what follows
it is what it prints. ``...`` stands for any number of lines. Sizes, times and counts of segments
may be others on another machine.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.build_root import WORK

_FENCE = re.compile(r"^( *)```(\w*)$")
_FILE = re.compile(r"^(Add to )?`([^`]+)`(?:, .*)?:$")
_STAMP = re.compile(r"^\d\d:\d\d:\d\d\.\d\d ")
# What is said of the daemon and of work that was done depends on what Pants remembers.
_NOISE = re.compile(
    r"\[INFO\] (Starting|Completed|Canceled): |\[INFO\] (waiting for pantsd|pantsd started|"
    r"Initializing scheduler|Scheduler initialized)|\[WARN\] DEPRECATED: "
)
_COUNTS = re.compile(r"\d+ reused, \d+ built")
_VARYING = (
    (_COUNTS, "COUNTS"),
    (re.compile(r"\d+ (linked|written)"), r"N \1"),
    (re.compile(r"\d[\w.]* → \d[\w.]*"), "VERSION → VERSION"),
    (re.compile(r" +[\d.]+ [kMG]?B\b"), " SIZE"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in TIME"),
    (re.compile(r"\b\d+\.\d+s\b"), "TIME"),
)
_FAILS = re.compile(r"^(\w*Error: |✕ )", re.MULTILINE)


@dataclass
class Command:
    """A command of a page, and what it prints."""

    text: str
    line: int
    """Of the command in the page, from 1."""
    expected: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class WrittenFile:
    """A file that a page has the reader write."""

    path: str
    content: str
    added: bool
    """To what the file has already."""

    def write(self, folder: Path) -> None:
        """Write the file below a folder."""
        file = folder / self.path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = f"{file.read_text(encoding='utf-8')}\n" if self.added else ""
        file.write_text(before + self.content, encoding="utf-8")


def steps(page: str) -> Iterator[Command | WrittenFile]:
    """The files and commands of a page, in their order."""
    kind: str | None = None
    title, body = "", []
    commands: list[Command] = []
    for number, line in enumerate(page.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            if kind == "console":
                _read_console(line.strip("\n"), number, commands)
            elif kind is not None:
                body.append(line)
            elif line.strip():
                title = line
        elif kind is None:
            kind, body, commands = fence[2], [], []
        else:
            path = _FILE.match(title)
            if kind == "console":
                yield from commands
            elif path is not None:
                content = "".join(f"{text}\n" for text in body)
                yield WrittenFile(path[2], content, added=path[1] is not None)
            kind, title = None, ""


def _read_console(line: str, number: int, commands: list[Command]) -> None:
    if not commands and not line.startswith("$ "):
        return  # The prompt of another system.
    if line.startswith("$ "):
        commands.append(Command(line[2:], number))
    elif line.startswith("> ") and not commands[-1].expected:
        commands[-1].text += f"\n{line[2:]}"
    else:
        commands[-1].expected.append(line)


@dataclass(frozen=True)
class Printed:
    """What a command printed, as a person reads it."""

    code: int
    lines: tuple[str, ...]


def typed(command: str, folder: Path, environment: Mapping[str, str]) -> Printed:
    """Run a command as a person types it."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    lines = (_STAMP.sub("", line) for line in done.stdout.splitlines())
    kept = [line for line in lines if not (_NOISE.match(line) or WORK.match(line))]
    # Empty lines around the output, or several of them, say nothing.
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")
    return Printed(done.returncode, tuple(text.splitlines()))


def matched(expected: Sequence[str], printed: Sequence[str]) -> list[str] | None:
    """The printed line for each line of `expected`; None if they are not the same."""
    if not expected:
        return None if any(printed) else []
    first, *rest = expected
    if first != "...":
        if not printed or _fixed(first) != _fixed(printed[0]):
            return None
        found = matched(rest, printed[1:])
        return None if found is None else [printed[0], *found]
    for skipped in range(len(printed) + 1):
        found = matched(rest, printed[skipped:])
        if found is not None:
            return ["...", *found]
    return None


def _fixed(line: str) -> str:
    for pattern, text in _VARYING:
        line = pattern.sub(text, line)
    return line.rstrip()


def complaint(command: Command, printed: Printed) -> str | None:
    """What is wrong with the output of a command; None if it is as documented."""
    fails = _FAILS.search("\n".join(command.expected)) is not None
    if fails == (printed.code == 0):
        return f"line {command.line}: `{command.text}` ends with {printed.code}: " + "\n".join(
            printed.lines
        )
    if matched(command.expected, printed.lines) is None:
        expected, found = "\n".join(command.expected), "\n".join(printed.lines)
        return f"line {command.line}: `{command.text}` prints\n{found}\n\nnot\n{expected}"
    return None


def renewed(page: str, outputs: Mapping[int, Printed]) -> str:
    """The page with what the commands at these lines printed now.

    What was reused depends on the runs before, so that the page keeps it.
    """
    lines = page.splitlines()
    for command in steps(page):
        if isinstance(command, Command) and command.line in outputs:
            found = matched(command.expected, outputs[command.line].lines)
            start = command.line + command.text.count("\n")
            for i, text in enumerate(found or ()):
                kept = _COUNTS.search(lines[start + i])
                lines[start + i] = _COUNTS.sub(kept[0], text) if kept else text
    return "".join(f"{line}\n" for line in lines)
