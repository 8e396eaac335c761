"""The platforms to build layers for: those that the user asks for and a layer allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.platform_names import meant_platform
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

NATIVE = "native"
EVERY = "all"


@dataclass(frozen=True)
class LeftOut:
    """Platforms that the user asks for, and that a layer is not built for."""

    platforms: tuple[str, ...]
    reason: str
    """The end of a sentence, from the colon to the full stop."""

    def __str__(self) -> str:
        return f"{', '.join(self.platforms)}: {self.reason}"


@dataclass(frozen=True)
class LayerPlatforms:
    """The platforms to build a layer for."""

    names: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    """To report; with `all`, a platform that the layer does not declare is not worth a report."""


@dataclass(frozen=True)
class BuildPlatforms:
    """The platforms to build for, in the order of ``PLATFORMS``."""

    names: tuple[str, ...]
    all_declared: bool
    """Whether the user asks for all platforms that a layer declares."""
    native: str
    """The platform of this machine."""
    local_interpreters: bool
    """Whether runtimes take the interpreter of this machine, and so are for `native` only."""

    def of_layer(self, layer: Layer) -> LayerPlatforms:
        """The platforms to build `layer` for."""
        declared = tuple(platform.name for platform in layer.platforms)
        names = tuple(name for name in self.names if name in declared)
        missing = tuple(name for name in self.names if name not in declared)
        left_out = []
        if missing and not (names and self.all_declared):
            left_out.append(LeftOut(missing, f"{platforms_text(declared)}."))
        if self.local_interpreters and layer.kind is LayerKind.RUNTIME:
            foreign = tuple(name for name in names if name != self.native)
            names = tuple(name for name in names if name == self.native)
            if foreign:
                left_out.append(LeftOut(foreign, self._no_interpreter()))
        return LayerPlatforms(names, tuple(left_out))

    def _no_interpreter(self) -> str:
        return (
            "the interpreter provider `local` has only that of this machine, "
            f"{self.native}. Set `[venvstacks].python_provider` to `pbs` or `archive`."
        )


def platforms_text(declared: Sequence[str]) -> str:
    """Which platforms a layer declares, as a clause of a sentence."""
    return f"its platforms are {', '.join(declared)}" if declared else "it has no platforms"


def chosen_platforms(
    asked: Sequence[str], *, native: str, local_interpreters: bool
) -> BuildPlatforms:
    """The platforms in the option ``platforms``; raises DefinitionError for invalid names."""
    problems = [text for name in dict.fromkeys(asked) for text in _problems(name)]
    if not asked:
        problems = [f"it is empty. Use '{NATIVE}', '{EVERY}', or names of platforms."]
    if problems:
        raise DefinitionError("`[venvstacks].platforms` cannot be used:", problems)
    wanted = {native if name == NATIVE else name for name in asked}
    return BuildPlatforms(
        names=tuple(name for name in PLATFORMS if name in wanted or EVERY in wanted),
        all_declared=EVERY in wanted,
        native=native,
        local_interpreters=local_interpreters,
    )


def _problems(name: str) -> list[str]:
    if name not in (NATIVE, EVERY, *PLATFORMS):
        meant = meant_platform(name) or suggestion(name, (NATIVE, EVERY))
        known = ", ".join(f"'{known}'" for known in (NATIVE, EVERY, *PLATFORMS))
        remedy = f"Did you mean {meant!r}?" if meant else f"Choose from {known}."
        return [f"{name!r} is not a target platform. {remedy}"]
    return []


def refuse_shared_folder(
    address: str, output_path: str | None, platforms: Sequence[str], *, tagged: bool
) -> None:
    """Raise DefinitionError if the files of several platforms would have one name."""
    if output_path is None or tagged or len(platforms) < 2:
        return
    raise DefinitionError(
        "Outputs would overwrite each other:",
        [
            f"{address}: `output_path` is one folder, {output_path!r}, for "
            f"{', '.join(platforms)}. Set `[venvstacks].tag_outputs`, which puts the platform "
            "into the names of files, or leave `output_path` unset."
        ],
    )
