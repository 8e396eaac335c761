"""Requirements that no first-party code names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from venvstacks_rules.model.advice.findings import UNUSED, Finding, Ignored
from venvstacks_rules.model.advice.linted import LintedLayer
from venvstacks_rules.model.layers.requirements import parsed_requirement
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class CodeUse:
    """What is known of the use of a layer's packages."""

    modules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """For each package of the layer its top-level modules."""
    commands: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """For each the commands that it defines."""
    required: frozenset[str] = frozenset()
    """The packages that other packages of the layer require."""
    words: frozenset[str] = frozenset()
    """All words of the layer's first-party code; none without code."""

    @classmethod
    def of(cls, wheels: Iterable[AnalyzedWheel], texts: Iterable[str]) -> CodeUse:
        """From the wheels of a layer, and from the files of its code."""
        found = tuple(wheels)
        return cls(
            _merged((w.distribution, (name.split(".")[0] for name in w.modules)) for w in found),
            _merged((w.distribution, (name for name, _ in w.scripts)) for w in found),
            frozenset(
                one.name
                for wheel in found
                for one in wheel.metadata.requires
                if one.name != wheel.distribution
            ),
            frozenset(word for text in texts for word in _WORD.findall(text)),
        )


def _merged(
    pairs: Iterable[tuple[str, Iterable[str]]],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, set[str]] = {}
    for name, values in pairs:
        found.setdefault(name, set()).update(values)
    return tuple((name, tuple(sorted(found[name]))) for name in sorted(found))


def unused_findings(
    layers: Iterable[LintedLayer], uses: Mapping[str, CodeUse], *, ignored: Ignored
) -> list[Finding]:
    """Requirements whose modules no code names, in the layer or above; `uses` by address.

    A word anywhere in the code is enough: names are imported in many ways.
    """
    known = sorted(layers, key=lambda layer: layer.address)
    found: list[Finding] = []
    for layer in known:
        users = [one for one in known if one is layer or layer.address in one.layer.lower]
        words: set[str] = set().union(*(uses[one.address].words for one in users))
        if words:
            kept = {name for one in users for name in one.layer.console_scripts}
            found += _of_layer(layer, uses[layer.address], words, kept, ignored)
    return found


def _of_layer(
    layer: LintedLayer,
    use: CodeUse,
    words: set[str],
    kept: set[str],
    ignored: Ignored,
) -> Iterator[Finding]:
    modules, commands = dict(use.modules), dict(use.commands)
    scripts = {name for name, _ in layer.layer.include_scripts}
    unused: dict[str, list[str]] = {}
    for text in layer.layer.requirements:
        parsed = parsed_requirement(text)
        name = "" if parsed is None else str(canonicalize_name(parsed.name))
        # One that a layer below provides has no wheel here, and costs nothing.
        if (
            name not in modules
            or name in use.required
            or name in scripts
            or not words.isdisjoint(modules[name])
            or not kept.isdisjoint(commands[name])
            or ignored.has(UNUSED, name)
        ):
            continue
        unused.setdefault(name, []).append(text)
    sizes = {package.name: package.size for package in layer.packages}
    origins = dict(layer.layer.requirement_origins)
    for name, texts in unused.items():
        written = [text for text in layer.definition.requirements if text not in texts]
        edits = []
        if len(written) < len(layer.definition.requirements):
            edits.append(layer.definition.with_fields(requirements=written))
        edits += [
            f"take {origins[text]}, which declares it, out of the layer"
            for text in texts
            if text in origins
        ]
        yield Finding(
            (UNUSED,),
            f"{layer.address}: no code names a module of `{name}`, which the layer requires; "
            "plugins and commands may do without",
            sizes.get(name, 0),
            "of wheels",
            tuple(edits),
        )
