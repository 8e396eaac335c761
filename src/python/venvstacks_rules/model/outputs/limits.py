"""Layers that outgrew the limits of their definitions, and what made them so large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.errors import SizeLimitError
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.wording import signed_size_text, size_text

MOST_PACKAGES = 10
"""The packages that a message lists."""


@dataclass(frozen=True)
class Excess:
    """A limit, and the size that is larger."""

    field: str
    """``max_archive_size`` or ``max_unpacked_size``."""
    limit: int
    size: int

    @property
    def text(self) -> str:
        """In a sentence without its subject."""
        what = "its archive has" if self.field == "max_archive_size" else "it unpacks to"
        return (
            f"{what} {size_text(self.size)}, {size_text(self.size - self.limit)} more than "
            f"`{self.field}` allows, which is {size_text(self.limit)}"
        )


def excesses(limits: Iterable[tuple[str, int | None, int]]) -> tuple[Excess, ...]:
    """The limits that are exceeded, of fields with their limits, if they have one, and sizes."""
    return tuple(
        Excess(field, limit, size)
        for field, limit, size in limits
        if limit is not None and size > limit
    )


@dataclass(frozen=True)
class LockedSize:
    """A package in a lock: its version, and the size of its wheel for the platform."""

    version: str
    wheel: int
    """In bytes; 0 if the lock does not have it."""


@dataclass(frozen=True)
class PackageSize:
    """What a package, or another part of a layer, takes of its archive."""

    name: str
    archive: int
    unpacked: int
    locked: LockedSize | None = None
    """None for what is no package: the interpreter, the layer's own files."""

    def change(self, before: LockedSize | None) -> str:
        """What became of its wheel since an earlier lock had it as `before`, if it had it."""
        now = self.locked
        if now is None:
            return ""
        if before is None:
            return "new"
        known = before.wheel and now.wheel
        grown = signed_size_text(now.wheel - before.wheel) if known else "size unknown"
        if now.version != before.version:
            return f"{grown}, was {before.version}"
        return "same" if known and now.wheel == before.wheel else grown


@dataclass(frozen=True)
class EarlierLock:
    """The packages of the lock before, by name."""

    packages: tuple[tuple[str, LockedSize], ...]

    def change(self, package: PackageSize) -> str:
        """What became of a package of the layer."""
        return package.change(dict(self.packages).get(package.name))


@dataclass(frozen=True)
class OutgrownLayer:
    """An archive of a layer that exceeds a limit."""

    address: str
    kind: LayerKind
    platform: str
    excesses: tuple[Excess, ...]
    packages: tuple[PackageSize, ...]
    """All that it consists of."""
    earlier: EarlierLock | None
    """None if there is no lock before."""

    @property
    def problem(self) -> str:
        """All that a user needs to know, in several lines."""
        return "\n".join(
            [
                f"{self.address} for {self.platform}: "
                f"{'; '.join(excess.text for excess in self.excesses)}. {self._remedy}",
                *self._table(),
            ]
        )

    @property
    def _remedy(self) -> str:
        fields = " and ".join(f"`{excess.field}`" for excess in self.excesses)
        move = "move a package to another layer"
        if self.kind is LayerKind.APPLICATION:
            move = "move a package to a framework"
        return f"Leave out files with `exclude_files`, {move}, or raise {fields}."

    def _table(self) -> Iterator[str]:
        by_archive = any(excess.field == "max_archive_size" for excess in self.excesses)
        largest = sorted(
            self.packages,
            key=lambda p: (-(p.archive if by_archive else p.unpacked), p.name),
        )[:MOST_PACKAGES]
        title = "all of it" if len(self.packages) <= MOST_PACKAGES else "the largest"
        rows = [(title, "archive", "unpacked", "wheel")]
        rows += [
            (
                p.name if p.locked is None else f"{p.name} {p.locked.version}",
                size_text(p.archive),
                size_text(p.unpacked),
                size_text(p.locked.wheel or None) if p.locked else "",
            )
            for p in largest
        ]
        changes = ["since the lock before"] if self.earlier else [""]
        changes += [self.earlier.change(package) if self.earlier else "" for package in largest]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row, change in zip(rows, changes):
            cells = [f"{row[0]:{widths[0]}}", *(f"{row[i]:>{widths[i]}}" for i in (1, 2, 3))]
            yield "  ".join([*cells, change]).rstrip()
        hidden = len(self.packages) - len(largest)
        if hidden:
            yield f"and {hidden} more"
        if self.earlier is None:
            yield "There is no lock before this one in the history of the repository."


def size_limit_error(layers: Sequence[OutgrownLayer]) -> SizeLimitError:
    """The error for all layers that outgrew their limits in a run, of which there is at least one.

    A layer that was packaged alone and in a stack counts once.
    """
    found = {(layer.address, layer.platform): layer for layer in layers}
    count = len({address for address, _ in found})
    what = "A layer outgrows its" if count == 1 else f"{count} layers outgrow their"
    return SizeLimitError(
        f"{what} limits:",
        [found[key].problem for key in sorted(found)],
    )
