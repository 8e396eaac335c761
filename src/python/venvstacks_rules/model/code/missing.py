"""Imports that nothing in a layer or below provides, and what to do about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class MissingImport:
    """A module that first-party code imports, and that neither its layer nor one below provides."""

    file: str
    """From the root of the repository."""
    line: int
    name: str
    """As it is imported, maybe with what is taken from the module."""
    owner: Optional[str] = None
    """The target of the repository that has the module, if there is one."""
    unowned: Optional[str] = None
    """A file of the repository that has the module, but belongs to no target."""
    above: Optional[str] = None
    """A layer above that has the module's distribution."""
    stripped_by: Optional[str] = None
    """The runtime, if that leaves out the module."""
    likely: tuple[str, ...] = ()
    """The distributions that probably have the module, by name; none for a first-party module."""

    def message(self, layer: str) -> str:
        """The complete message, for the address of the layer."""
        return (
            f"{self.file}:{self.line}: it imports `{self.name}`, which neither {layer} nor a layer "
            f"below provides. {self._remedy(layer)} If the code does without it, add "
            "`# pants: no-infer-dep` to the line."
        )

    def _remedy(self, layer: str) -> str:
        if self.owner is not None:
            return f"Add {self.owner!r} to the `dependencies` of {layer}, or of a layer below."
        if self.unowned is not None:
            return f"No target owns `{self.unowned}`: add a `python_sources` target for it."
        if self.stripped_by is not None:
            module = self.name.split(".", maxsplit=1)[0]
            return f"Remove {module!r} from the `strip_interpreter` of {self.stripped_by}."
        if not self.likely:
            return (
                "No file of the repository has it: correct the name, or add the target that "
                f"generates it to the `dependencies` of {layer}."
            )
        names = " or ".join(f"{name!r}" for name in self.likely)
        if self.above is not None:
            return (
                f"Only {self.above}, above, requires {names}: add it to the `requirements` of "
                f"{layer}, or of a layer below."
            )
        return f"Add its distribution, probably {names}, to the `requirements` of {layer}."


def likely_distributions(
    module: str, known: Mapping[str, Iterable[str]], locked: Collection[str] = ()
) -> tuple[str, ...]:
    """The distributions that probably have the top-level `module`, sorted.

    `known` has the modules of distributions that differ from their names. Those that are `locked`
    somewhere count alone, if there are any.
    """
    names = {name for name, modules in known.items() if module in modules}
    names = names or {module.replace("_", "-").lower()}
    return tuple(sorted(names.intersection(locked) or names))
