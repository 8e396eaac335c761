"""Follows a page of the documentation to the letter: writes its files, types its commands.

A file is a block of code below a line that is the path in backquotes and a colon; `Add to` before
the path ends an existing file. A command starts with ``$`` in a block of ``console``; what follows
it is what it prints. ``...`` stands for any number of lines. Times and counts of segments may be
others on another machine, and sizes by a few per cent; those of interpreters are that machine's.
"""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.build_root import NO_DAEMON, WORK

_FENCE = re.compile(r"^( *)```(\w*)$")
_FILE = re.compile(r"^(Add to )?`([\w./-]+)`(?:, .*)?:$")
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
    (re.compile(r" +\d\S* +--> +\d\S*"), " VERSION --> VERSION"),
    (re.compile(r" +[\d.]+ [kMG]?B\b"), " SIZE"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in TIME"),
    (re.compile(r"\b\d+\.\d+s\b"), "TIME"),
)
_SIZE = re.compile(r"([\d.]+) ([kMG]?)B\b")
_UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
_OF_MACHINE = re.compile(r"cpython|interpreter|together|layers,")
"""Lines whose sizes are, or include, those of an interpreter of this machine."""
_NEAR = 0.1
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


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    kind: str
    """The language behind the fence."""
    line: int
    """Of the fence, from 1."""
    text: str
    title: str
    """The line of prose above it."""

    @property
    def first(self) -> str:
        """Its first line, by which people find it."""
        return self.text.split("\n", 1)[0].strip()


def is_file(block: Block) -> bool:
    """Whether the page has the reader write it."""
    return block.kind != "console" and _FILE.match(block.title) is not None


def blocks(page: str) -> Iterator[Block]:
    """All blocks of a page, with what indents all of their lines removed."""
    start: int | None = None
    kind, title = "", ""
    body: list[str] = []
    for number, line in enumerate(page.splitlines(), 1):
        fence = _FENCE.match(line)
        if start is not None and fence is None:
            body.append(line)
        elif start is not None:
            yield Block(kind, start, textwrap.dedent("".join(f"{text}\n" for text in body)), title)
            start, title = None, ""
        elif fence is not None:
            start, kind, body = number, fence[2], []
        elif line.strip():
            title = line.strip()


def steps(page: str) -> Iterator[Command | WrittenFile]:
    """The files and commands of a page, in their order."""
    for block in blocks(page):
        path = _FILE.match(block.title)
        if block.kind == "console":
            commands: list[Command] = []
            for number, line in enumerate(block.text.splitlines(), block.line + 1):
                _read_console(line, number, commands)
            yield from commands
        elif path is not None:
            yield WrittenFile(path[2], block.text, added=path[1] is not None)


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
    """Run a command as a person types it, who tries again if the machine was too busy."""
    more = 2
    while True:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=1800,
        )
        if not more or NO_DAEMON not in done.stdout:
            break
        more -= 1
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


def complaint(command: Command, printed: Printed, *, sizes: bool = True) -> str | None:
    """What is wrong with the output of a command; None if it is as documented.

    Without `sizes`, these may be others.
    """
    fails = _FAILS.search("\n".join(command.expected)) is not None
    if fails == (printed.code == 0):
        return f"line {command.line}: `{command.text}` ends with {printed.code}: " + "\n".join(
            printed.lines
        )
    found = matched(command.expected, printed.lines)
    if found is None:
        expected, lines = "\n".join(command.expected), "\n".join(printed.lines)
        return f"line {command.line}: `{command.text}` prints\n{lines}\n\nnot\n{expected}"
    far = [pair for pair in zip(command.expected, found) if sizes and not _near(*pair)]
    return f"line {command.line}: `{command.text}` has other sizes: {far}" if far else None


def _near(expected: str, printed: str) -> bool:
    """Whether the sizes of a page are about those of this machine."""
    if _OF_MACHINE.search(expected):
        return True
    pairs = zip(_sizes(expected), _sizes(printed))
    return all(abs(one - other) <= _NEAR * max(one, other) for one, other in pairs)


def _sizes(line: str) -> list[float]:
    return [float(number) * _UNITS[unit] for number, unit in _SIZE.findall(line)]


def renewed(page: str, outputs: Mapping[int, Printed]) -> str:
    """The page with what the commands at these lines printed now.

    What was reused depends on the runs before, so that the page keeps it.
    """
    lines = page.splitlines()
    for command in steps(page):
        if isinstance(command, Command) and command.line in outputs:
            found = matched(command.expected, outputs[command.line].lines)
            start = command.line + command.text.count("\n")
            typed_line = lines[command.line - 1]
            indent = typed_line[: len(typed_line) - len(typed_line.lstrip())]
            for i, text in enumerate(found or ()):
                kept = _COUNTS.search(lines[start + i])
                lines[start + i] = indent + (_COUNTS.sub(kept[0], text) if kept else text)
    return "".join(f"{line}\n" for line in lines)
