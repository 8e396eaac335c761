"""What the command line prints: lines for people, a bar on a terminal, or JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Protocol

from venvstacks_rules.model.wording import printable

_WIDTH = 30


class Printer(Protocol):
    """Prints events."""

    def report(self, kind: str, /, **values: Any) -> None:
        """Print an event."""

    def error(self, text: str, code: int) -> None:
        """Print why the command ends with this exit code."""


class JsonLines:
    """One object of JSON a line, on standard output."""

    def report(self, kind: str, /, **values: Any) -> None:
        """Print an event."""
        print(json.dumps({"event": kind, **values}), flush=True)

    def error(self, text: str, code: int) -> None:
        """Print why the command ends with this exit code."""
        self.report("error", text=text, exit_code=code)


def json_lines() -> Printer:
    """The printer for programs."""
    return JsonLines()


class Lines:
    """Lines for people, and a bar if they look at a terminal."""

    def __init__(self) -> None:
        self._bar = sys.stderr.isatty()
        self._shown = -1

    def report(self, kind: str, /, **values: Any) -> None:
        """Print an event."""
        if kind == "progress":
            self._progress(values["bytes"], values["total"])
            return
        text = _TEXTS.get(kind)
        if text is not None:
            print(printable(text(values)), flush=True)

    def error(self, text: str, code: int) -> None:  # noqa: ARG002 - programs get the code
        """Print why the command failed."""
        print(f"error: {text}", file=sys.stderr, flush=True)

    def _progress(self, came: int, total: int) -> None:
        percent = min(100, came * 100 // total) if total else 100
        if percent == self._shown:
            return
        if self._bar:
            done = "#" * (_WIDTH * percent // 100)
            end = "\n" if percent == 100 else ""
            line = f"\r[{done:<{_WIDTH}}] {percent:3d} % of {size_text(total)}"
            print(line, end=end, file=sys.stderr, flush=True)
            self._shown = percent
        elif percent // 25 > self._shown // 25:
            print(f"{percent} % of {size_text(total)}", file=sys.stderr, flush=True)
            self._shown = percent


def size_text(size: int) -> str:
    """A number of bytes, for people."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def _plan(values: dict[str, Any]) -> str:
    version = f" {values['version']}" if "version" in values else ""
    return (
        f"{values['app']}{version}: {values['files']} files, {values['linked']} are here; fetching "
        f"{size_text(values['fetched_bytes'])} in {values['fetched_segments']} segments."
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
        + f": {v['generations']} generations, {size_text(v['old_bytes'])} for old ones"
    ),
    "generation": _generation,
}
"""For each event what people read of it; the others are for programs only."""


def _judged(values: dict[str, Any], what: str) -> str:
    app = f"{values['app']} (generation {values['generation']})"
    problems = values["problems"]
    if not problems:
        return f"{app}: {what}."
    return f"{app}: {problems} files are not as they were installed."
