"""What the command line prints: lines for people, a bar on a terminal, or JSON for programs."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TextIO

from venvstacks_rules.model.wording import counted, printable, size_text

_WIDTH = 30
# Windows says EINVAL for a pipe that nobody reads.
_NOBODY_READS = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)


class Output:
    """A stream that may stop taking what is written; from then on, nothing more is tried.

    What a command does must not depend on whether somebody listens.
    """

    def __init__(self, stream: TextIO | None) -> None:
        # There is none if the program that starts us closed it.
        self._stream = stream
        self.lost = ""
        """Why some of it could not be written; empty if nobody wants to read it, too."""
        self.ended = stream is None
        """Whether nothing more is written."""

    def write(self, text: str) -> None:
        """Write a text at once, or drop it."""
        if self._stream is None or self.ended:
            return
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                self._stream.write(text.encode("ascii", "backslashreplace").decode("ascii"))
            self._stream.flush()
        except OSError as e:
            self.end(e)

    def end(self, error: OSError) -> None:
        """Write nothing more, because of an error."""
        self.ended = True
        self.lost = "" if error.errno in _NOBODY_READS else error.strerror or str(error)
        # Python writes what is left of it at its end, and would complain. A stream of a program
        # that calls us may have no descriptor.
        with suppress(OSError, ValueError, AttributeError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())  # type: ignore[union-attr]
            os.close(nothing)


class Printer(Protocol):
    """Prints events."""

    out: Output
    """What it writes events to."""

    def report(self, kind: str, /, **values: Any) -> None:
        """Print an event."""

    def error(self, text: str, code: int) -> None:
        """Print why the command ends with this exit code."""


class JsonLines:
    """One object of JSON a line, on standard output."""

    def __init__(self) -> None:
        self.out = Output(sys.stdout)

    def report(self, kind: str, /, **values: Any) -> None:
        """Print an event."""
        self.out.write(json.dumps({"event": kind, **values}) + "\n")

    def error(self, text: str, code: int) -> None:
        """Print why the command ends with this exit code."""
        self.report("error", text=text, exit_code=code)
        if self.out.ended:
            say(f"error: {text}")


def say(text: str) -> None:
    """Write a line for people on standard error."""
    Output(sys.stderr).write(f"{text}\n")


def json_lines() -> Printer:
    """The printer for programs."""
    return JsonLines()


class Lines:
    """Lines for people, and a bar if they look at a terminal."""

    def __init__(self) -> None:
        self.out = Output(sys.stdout)
        self._err = Output(sys.stderr)
        self._bar = sys.stderr is not None and sys.stderr.isatty()
        self._shown = -1

    def report(self, kind: str, /, **values: Any) -> None:
        """Print an event."""
        if kind == "progress":
            self._progress(values["bytes"], values["total"])
            return
        text = _TEXTS.get(kind)
        if text is not None:
            self.out.write(printable(text(values)) + "\n")

    def error(self, text: str, code: int) -> None:  # noqa: ARG002 - programs get the code
        """Print why the command failed."""
        self._err.write(f"error: {text}\n")

    def _progress(self, came: int, total: int) -> None:
        percent = min(100, came * 100 // total) if total else 100
        if percent == self._shown:
            return
        if self._bar:
            done = "#" * (_WIDTH * percent // 100)
            end = "\n" if percent == 100 else ""
            line = f"\r[{done:<{_WIDTH}}] {percent:3d} % of {size_text(total)}"
            self._err.write(line + end)
            self._shown = percent
        elif percent // 25 > self._shown // 25:
            self._err.write(f"{percent} % of {size_text(total)}\n")
            self._shown = percent


def _plan(values: dict[str, Any]) -> str:
    version = f" {values['version']}" if "version" in values else ""
    lists = (
        f", after {size_text(values['listed_bytes'])} of lists" if values["listed_bytes"] else ""
    )
    return (
        f"{values['app']}{version}: {counted(values['files'], 'file')}, {values['linked']} "
        f"{'is' if values['linked'] == 1 else 'are'} here; fetching "
        f"{size_text(values['fetched_bytes'])} in {counted(values['fetched_segments'], 'segment')}"
        f"{lists}."
    )


def _delta(values: dict[str, Any]) -> str:
    sizes = f"{size_text(values['bytes'])} in place of {size_text(values['full_bytes'])}"
    if values["used"]:
        return f"{values['segment']}: made of the version that is here, with {sizes}."
    return (
        f"note: {values['segment']} is fetched as a whole, {size_text(values['full_bytes'])}: its "
        f"delta cannot be used: {values['problem']}"
    )


def _generation(values: dict[str, Any]) -> str:
    marks = [name for key, name in (("current", "current"), ("in_use", "runs")) if values[key]]
    marked = f"  {', '.join(marks)}" if marks else ""
    return (
        f"  {values['generation']:>4}  {values['version']:<20}  {size_text(values['bytes']):>9}, "
        f"{size_text(values['own_bytes'])} of its own{marked}"
    )


_TEXTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "waiting": lambda v: f"Another process changes `{v['folder']}`; waiting for it.",
    "note": lambda v: f"note: {v['text']}",
    "plan": _plan,
    "delta": _delta,
    "installed": lambda v: f"Installed {v['app']} {v['version']} (generation {v['generation']}).",
    "available": lambda v: (
        f"{v['app']} {v['version']} is available; {v['installed']} is installed."
    ),
    "unchanged": lambda v: f"{v['app']} {v['version']} is installed; nothing was changed.",
    "rolled-back": lambda v: (
        f"{v['app']} is at {v['version']} again (generation {v['generation']})."
    ),
    "removed": lambda v: f"Removed generation {v['generation']} of {v['app']}.",
    "in-use": lambda v: f"Generation {v['generation']} of {v['app']} is in use, and stays.",
    "freed": lambda v: f"Freed {size_text(v['bytes'])}.",
    "damage": lambda v: f"{v['kind']}: {v['path']}",
    "verified": lambda v: _judged(v, "verified"),
    "repaired": lambda v: _judged(v, "repaired"),
    "uninstalled": lambda v: f"Removed {v['app']}.",
    "app": lambda v: (
        f"{v['app']}, "
        + (
            f"{v['channel'] or 'archives'} of {v['repository']}"
            if v["repository"]
            else "without updates"
        )
        + f": {counted(v['generations'], 'generation')}, {size_text(v['old_bytes'])} for old ones"
    ),
    "generation": _generation,
}
"""For each event what people read of it; the others are for programs only."""


def _judged(values: dict[str, Any], what: str) -> str:
    app = f"{values['app']} (generation {values['generation']})"
    problems = values["problems"]
    if not problems:
        return f"{app}: {what}."
    if problems == 1:
        return f"{app}: 1 file is not as it was installed."
    return f"{app}: {problems} files are not as they were installed."
