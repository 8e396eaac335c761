"""The report on what ``package`` wrote: a table of archives, their sum, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.wording import counted, size_text


@dataclass(frozen=True)
class ArchiveReport:
    """An archive, and how much of it this run made."""

    size: int
    """In bytes."""
    segments: int
    """All of them, with the segment of the layer's own files."""
    built: int
    """Segments that a process of this run wrote; the others come from memory or a cache."""

    @property
    def counts(self) -> str:
        """How many segments were reused and built."""
        return f"segments: {self.segments - self.built} reused, {self.built} built"


@dataclass(frozen=True)
class PackagedLayer:
    """A layer that was packaged for a platform."""

    address: str
    kind: LayerKind
    layers_below: int
    platform: str
    folder: str
    """The folder of its files, relative to the dist folder."""
    archive: str
    """The file name of the archive."""
    report: ArchiveReport

    @property
    def path(self) -> str:
        """The archive, relative to the dist folder."""
        return f"{self.folder}/{self.archive}"

    @property
    def order(self) -> tuple[str, int, int, str]:
        """By folder; in it lower layers first, as they have fewer layers below them."""
        return self.folder, list(LayerKind).index(self.kind), self.layers_below, self.address


@dataclass(frozen=True)
class PackagedStack:
    """A manifest that was packaged for a platform."""

    path: str
    """The manifest, relative to the dist folder."""
    layers: int
    """How many layers it lists."""


def packaging_report(
    layers: Iterable[PackagedLayer],
    stacks: Iterable[PackagedStack],
    *,
    dist: str,
    pants: str,
    native: str,
) -> str:
    """The lines for people; empty without layers.

    A layer that was packaged alone and in a stack has one line. `dist` is the dist folder, `pants`
    the command that runs Pants, and `native` the platform of this machine.
    """
    found = {layer.path: layer for layer in layers}
    rows = sorted(found.values(), key=lambda row: row.order)
    if not rows:
        return ""
    total = ArchiveReport(
        size=sum(row.report.size for row in rows),
        segments=sum(row.report.segments for row in rows),
        built=sum(row.report.built for row in rows),
    )
    names = [row.archive for row in rows]
    width = max(len(name) for name in [*names, "together"])
    lines = [f"Packaged {counted(len(rows), 'layer')}:"]
    for folder in dict.fromkeys(row.folder for row in rows):
        lines.append(f"  {dist}/{folder}/")
        lines += [_line(r.archive, r.report, width) for r in rows if r.folder == folder]
    if len(rows) > 1:
        lines.append(_line("together", total, width))
    lines += [
        f"  {dist}/{stack.path} is the manifest of {counted(stack.layers, 'layer')}"
        for stack in sorted(set(stacks), key=lambda stack: stack.path)
    ]
    return "\n".join([*lines, *_next(rows, pants, native)])


def _line(name: str, report: ArchiveReport, width: int) -> str:
    return f"    {name:{width}}  {size_text(report.size):>8}  {report.counts}"


def _next(rows: Sequence[PackagedLayer], pants: str, native: str) -> Iterator[str]:
    """A command that makes sense now: start an application, or see what is in the layers."""
    started = [
        row.address for row in rows if row.kind is LayerKind.APPLICATION and row.platform == native
    ]
    if started:
        yield f"  Next: {pants} run {started[0]}"
    else:
        addresses = dict.fromkeys(row.address for row in rows)
        shown = next(iter(addresses)) if len(addresses) == 1 else "::"
        yield f"  Next: {pants} venvstacks-show {shown}"
