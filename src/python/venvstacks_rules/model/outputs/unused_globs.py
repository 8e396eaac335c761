"""Globs for files of packages that match nothing: what to say of them.

Apart from the metadata, which actions import that know nothing of layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.wheel_globs import EXCLUDE_FILES, INCLUDE_SCRIPTS
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.model.wording import quoted


@dataclass(frozen=True)
class UnusedGlobs:
    """Globs that match nothing on any platform of this run."""

    text: str
    everywhere: bool
    """Whether no other platform can need them."""


def unused_globs(
    layer: Layer, packaged: Mapping[str, Sequence[ChosenFiles]]
) -> Iterator[UnusedGlobs]:
    """The globs of `layer` that match nothing; `packaged` is by platform.

    A glob may be meant for one platform only.
    """
    others = [platform.name for platform in layer.platforms if platform.name not in packaged]
    for field, entries in (
        (EXCLUDE_FILES, layer.exclude_files),
        (INCLUDE_SCRIPTS, layer.include_scripts),
    ):
        for distribution, globs in entries:
            found = [
                chosen
                for wheels in packaged.values()
                for chosen in wheels
                if chosen.distribution == distribution
            ]
            unused = [g for g in globs if all((field, g) in chosen.unused for chosen in found)]
            if found and unused:
                yield _remark(layer, field, found, unused, others)


def _remark(
    layer: Layer,
    field: str,
    found: Sequence[ChosenFiles],
    unused: Sequence[str],
    others: Sequence[str],
) -> UnusedGlobs:
    wheels = list(dict.fromkeys(chosen.wheel for chosen in found))
    what = "file" if field == EXCLUDE_FILES else "script"
    text = (
        f"{layer.address}: `{field}` of {found[0].distribution!r} has "
        f"{', '.join(map(repr, unused))}, for no {what} of {quoted(wheels)}"
    )
    if others and not all(wheel.endswith("-any.whl") for wheel in wheels):
        seen = f"{text}; not packaged here, and not looked at: {', '.join(others)}"
        return UnusedGlobs(seen, everywhere=False)
    hint = "" if field == EXCLUDE_FILES else " `console_scripts` is for commands that it defines."
    return UnusedGlobs(f"{text}. Correct or remove it.{hint}", everywhere=True)
