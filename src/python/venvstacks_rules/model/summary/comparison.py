"""What changed since an earlier summary, which its JSON output kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.wording import signed_size_text, size_text

_SIZES = {"download": "to download", "unpacked": "unpacked", "archive": "archive"}
"""The sizes that are compared, and what people read."""


@dataclass(frozen=True)
class SeenLayer:
    """What counts of a layer in a summary."""

    install_target: str
    python_implementation: str
    packages: Mapping[str, str]
    """The version of each package that the layer installs."""
    sizes: Mapping[str, int]
    """Those that are known, by key."""


@dataclass(frozen=True)
class SeenStacks:
    """What counts of a summary."""

    target_platform: str
    layers: Mapping[str, SeenLayer]
    """By address."""

    @classmethod
    def from_dict(cls, data: object) -> SeenStacks:
        """Read the JSON output; raises VenvstacksError if it is something else."""
        problems: list[str] = []
        table = CheckedTable(data, "", problems)
        platform = table.string("target_platform")
        layers = {
            layer.string("address"): _seen(layer)
            for stack in table.tables("stacks", required=True)
            for kind in LayerKind
            for layer in stack.tables(kind.plural, required=True)
        }
        if problems:
            raise VenvstacksError("; ".join(problems[:3]))
        return cls(platform, layers)


def _seen(layer: CheckedTable) -> SeenLayer:
    sizes = layer.table("sizes")
    known = {key: sizes.nullable_size(key) for key in _SIZES}
    return SeenLayer(
        layer.string("install_target"),
        layer.string("python_implementation"),
        {
            package.string("name"): package.string("version")
            for package in layer.tables("packages", required=True)
        },
        {key: size for key, size in known.items() if size is not None},
    )


@dataclass(frozen=True)
class Change:
    """A value then and now; None where it was not there."""

    name: str
    before: str | None
    after: str | None

    @property
    def text(self) -> str:
        """In a few words."""
        if self.before is None:
            return f"+ {self.name} {self.after}"
        if self.after is None:
            return f"- {self.name} {self.before}"
        return f"{self.name} {self.before} → {self.after}"


@dataclass(frozen=True)
class SizeChange:
    """A size then and now."""

    key: str
    before: int
    after: int

    @property
    def text(self) -> str:
        """In a few words."""
        grown = signed_size_text(self.after - self.before)
        return f"{_SIZES[self.key]} {size_text(self.before)} → {size_text(self.after)} ({grown})"


@dataclass(frozen=True)
class LayerChange:
    """What changed of a layer."""

    address: str
    install_target: str
    state: str
    """``added``, ``removed`` or ``changed``."""
    packages: tuple[Change, ...] = ()
    """Also the interpreter, as ``python``."""
    sizes: tuple[SizeChange, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All changes, each in a few words."""
        packages = tuple(change.text for change in self.packages)
        return packages + tuple(change.text for change in self.sizes)

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "address": self.address,
            "install_target": self.install_target,
            "state": self.state,
            "packages": [
                {"name": change.name, "before": change.before, "after": change.after}
                for change in self.packages
            ],
            "sizes": {
                change.key: {"before": change.before, "after": change.after}
                for change in self.sizes
            },
        }


@dataclass(frozen=True)
class Comparison:
    """What changed since an earlier summary."""

    since: str
    """The file with the earlier summary, as the user wrote it."""
    layers: tuple[LayerChange, ...]
    """By address; without those that did not change."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {"since": self.since, "layers": [layer.to_dict() for layer in self.layers]}


def compared(content: bytes, current: Mapping[str, Any], since: str) -> Comparison:
    """Compare the JSON output `content` of an earlier run with the `current` summary as JSON data.

    Raises VenvstacksError if `content` is something else, or is for another platform.
    """
    try:
        before = SeenStacks.from_dict(parsed_json(content))
    except ValueError:
        raise VenvstacksError("it is not JSON") from None
    now = SeenStacks.from_dict(current)
    if before.target_platform != now.target_platform:
        raise VenvstacksError(
            f"it is for {before.target_platform}, and this run shows {now.target_platform}. Name "
            "the platform with `--platform`"
        )
    return Comparison(since, tuple(_changes(before.layers, now.layers)))


def _changes(
    before: Mapping[str, SeenLayer], now: Mapping[str, SeenLayer]
) -> Iterator[LayerChange]:
    for address in sorted(before.keys() | now.keys()):
        old, new = before.get(address), now.get(address)
        if old is None or new is None:
            known = old or new
            assert known is not None
            state = "added" if old is None else "removed"
            yield LayerChange(address, known.install_target, state)
        else:
            packages = tuple(_package_changes(old, new))
            # A size that only one of the runs knows is no change of the layer.
            sizes = tuple(
                SizeChange(key, old.sizes[key], new.sizes[key])
                for key in _SIZES
                if key in old.sizes and key in new.sizes and old.sizes[key] != new.sizes[key]
            )
            if packages or sizes or old.install_target != new.install_target:
                yield LayerChange(address, new.install_target, "changed", packages, sizes)


def _package_changes(old: SeenLayer, new: SeenLayer) -> Iterator[Change]:
    if old.python_implementation != new.python_implementation:
        yield Change("python", old.python_implementation, new.python_implementation)
    for name in sorted(old.packages.keys() | new.packages.keys()):
        before, after = old.packages.get(name), new.packages.get(name)
        if before != after:
            yield Change(name, before, after)
