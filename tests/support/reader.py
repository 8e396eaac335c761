"""Somebody who does what a page of the documentation says, in a repository.

With `VENVSTACKS_RULES_UPDATE_DOCS=1` pages get the sizes and counts of this run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.build_root import BuildRoot
from tests.support.documented import Printed, WrittenFile, complaint, renewed, steps, typed
from tests.support.pants_under_test import PANTS, pants_environment


@dataclass(frozen=True)
class Reader:
    """A person at a terminal, who has `pants`."""

    folder: Path
    """Of the repository."""
    programs: Path
    """A folder of `PATH`."""
    places: Mapping[str, str] = field(default_factory=dict)
    """What pages give as examples and is not ours to use, and what stands for it here."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the environment."""

    @classmethod
    def of(cls, root: BuildRoot, programs: Path, places: Mapping[str, str] | None = None) -> Reader:
        """Who works in a build root."""
        return cls(root.path, launcher(programs), places or {}, root.environment)

    def follow(
        self,
        page: Path,
        text: str | None = None,
        *,
        skipped: Sequence[str] = (),
        elsewhere: Mapping[str, Path] | None = None,
    ) -> dict[int, Printed]:
        """Do what a page says, or a part of it; what its commands print, by their lines.

        Left out are commands that begin with one of `skipped`. Those that have a word of
        `elsewhere` are typed in that folder.
        """
        updating = bool(os.environ.get("VENVSTACKS_RULES_UPDATE_DOCS"))
        whole = page.read_text(encoding="utf-8")
        back = {place: example for example, place in self.places.items()}
        outputs: dict[int, Printed] = {}
        for step in steps(whole if text is None else text):
            if isinstance(step, WrittenFile):
                replace(step, content=_put(step.content, self.places)).write(self.folder)
            elif not step.text.startswith(tuple(skipped) or ("\0",)):
                folders = [one for word, one in (elsewhere or {}).items() if word in step.text]
                printed = self.type(_put(step.text, self.places), *folders)
                lines = tuple(_put(line, back) for line in printed.lines)
                outputs[step.line] = Printed(printed.code, lines)
                found = complaint(step, outputs[step.line], sizes=not updating)
                assert found is None, f"{page.name}, {found}"
        if updating:
            page.write_text(renewed(whole, outputs), encoding="utf-8")
        return outputs

    def type(self, command: str, folder: Path | None = None) -> Printed:
        """Type one command."""
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PYTHONPATH": "",
            **pants_environment(),
            **self.variables,
        }
        return typed(command, folder or self.folder, environment)


def launcher(folder: Path) -> Path:
    """A folder with `pants`."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pants"
    program.write_text(f'#!/bin/sh\nexec {PANTS} "$@"\n')
    program.chmod(0o755)
    return folder


def _put(text: str, places: Mapping[str, str]) -> str:
    for example, place in places.items():
        text = text.replace(example, place)
    return text
