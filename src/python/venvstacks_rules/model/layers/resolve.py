"""From definitions to layers.

:func:`judged_layers` checks a set of definitions together, and returns a :class:`Layer` for each
valid one and the problems of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from venvstacks_rules.model.layers.built_packages import unbuilt_commits
from venvstacks_rules.model.layers.byte_code import INCLUDED, not_sealed
from venvstacks_rules.model.layers.checked_choices import choices_above
from venvstacks_rules.model.layers.definitions import LayerDefinition, field_problems
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.linearize import InconsistentOrderError, linearize
from venvstacks_rules.model.layers.module_names import standard_name_problems
from venvstacks_rules.model.layers.names import LayerKind, layer_name
from venvstacks_rules.model.layers.package_indexes import LowerIndexes, Pairs
from venvstacks_rules.model.layers.platform_names import platform_remedy
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.layers.references import (
    cycle_problem,
    lower_addresses,
    reference_problems,
)
from venvstacks_rules.model.layers.requirement_entries import requirements_with_origins
from venvstacks_rules.model.layers.wheel_globs import normalised_globs
from venvstacks_rules.model.platforms.libc import DEFAULT_LINUX_TARGET, parsed_linux_target
from venvstacks_rules.model.platforms.python_versions import python_version_of
from venvstacks_rules.model.platforms.target_platforms import (
    DEFAULT_MACOSX_TARGET,
    PLATFORMS,
    TargetPlatform,
)
from venvstacks_rules.model.sizes import parsed_size


def judged_layers(
    definitions: Iterable[LayerDefinition], *, patch_release_needed: bool
) -> tuple[dict[str, Layer], tuple[LayerProblem, ...]]:
    """Check `definitions` together: all valid layers by address, and all problems.

    A definition names others by address; an address outside `definitions` counts as a target that
    is not a layer. `patch_release_needed` is whether the interpreter provider needs
    ``cpython@X.Y.Z``. A layer above an invalid one is missing, without a problem of its own.
    """
    by_address = {definition.address: definition for definition in definitions}
    resolver = _Resolver(by_address, patch_release_needed)
    for address in sorted(by_address):
        resolver.resolve(address)
    return resolver.layers, (*resolver.problems, *_clashes(by_address, resolver.layers))


class LayerProblem(NamedTuple):
    """A problem, and the definition that has it."""

    definition: LayerDefinition
    problem: Problem

    @property
    def address(self) -> str:
        """The address of the definition."""
        return self.definition.address

    @property
    def message(self) -> str:
        """The complete message."""
        return self.definition.origin.message(self.problem)


class _Resolver:
    """Resolves each definition once, lower layers first."""

    def __init__(
        self, definitions: Mapping[str, LayerDefinition], patch_release_needed: bool
    ) -> None:
        self.definitions = definitions
        self.patch_release_needed = patch_release_needed
        self.layers: dict[str, Layer] = {}
        self.problems: list[LayerProblem] = []
        self._done: set[str] = set()
        self._path: list[str] = []

    def resolve(self, address: str) -> Layer | None:
        if address in self._path:
            self._note_cycle(address)
            return None
        if address not in self._done:
            self._path.append(address)
            layer = self._resolve(self.definitions[address])
            self._path.pop()
            self._done.add(address)
            if layer is not None:
                self.layers[address] = layer
        return self.layers.get(address)

    def _note_cycle(self, address: str) -> None:
        cycle = [*self._path[self._path.index(address) :], address]
        text = cycle_problem([self.definitions[member] for member in cycle])
        problem = Problem("", text, concerns=("runtime", "frameworks"))
        self.problems.append(LayerProblem(self.definitions[address], problem))

    def _resolve(self, definition: LayerDefinition) -> Layer | None:
        problems = [
            *field_problems(definition, patch_release_needed=self.patch_release_needed),
            *reference_problems(definition, self.definitions),
        ]
        sound = [self.resolve(address) for address in lower_addresses(definition, self.definitions)]
        lower = [layer for layer in sound if layer is not None]
        whole = not problems and len(lower) == len(sound)
        order: tuple[str, ...] = ()
        indexes: Pairs = ()
        if whole:
            order, order_problems = self._import_order(definition, lower)
            indexes, index_problems = definition.index_fields.merged(self._lower_indexes(order))
            problems += [*order_problems, *index_problems]
        platforms, platform_problems = self._platforms(definition, lower)
        problems += platform_problems
        if lower:
            problems += standard_name_problems(
                definition, lower[-1].python_version, lower[-1].strip_interpreter
            )
        problems += unbuilt_commits(definition, lower)
        if definition.sealed:
            problems += [not_sealed(self._called(x.address)) for x in lower if not x.sealed]
        if whole and any(platform.system == "linux" for platform in platforms):
            problems += self._libc_problems(definition, order)
        self.problems += [LayerProblem(definition, problem) for problem in problems]
        if problems or not whole:
            return None
        base = lower[-1] if lower else None
        requirements, origins = requirements_with_origins(
            definition.pinned_requirements, definition.target_requirements
        )
        return Layer(
            address=definition.address,
            kind=definition.kind,
            name=definition.name,
            requirements=requirements,
            requirement_origins=origins,
            lock_choices=choices_above(
                definition.lock_choices,
                (self.layers[address].lock_choices for address in order),
            ),
            python_version=(
                base.python_version
                if base
                else python_version_of(definition.python_implementation or "")
            ),
            platforms=platforms,
            linux_target=definition.linux_target
            or (base.linux_target if base else DEFAULT_LINUX_TARGET),
            macosx_target=definition.macosx_target
            or (base.macosx_target if base else DEFAULT_MACOSX_TARGET),
            lower=order,
            launch_module=definition.launch_module,
            support_modules=definition.support_modules,
            dynlib_exclude=definition.dynlib_exclude,
            accepted_libraries=definition.accepted_libraries,
            package_indexes=indexes,
            priority_indexes=definition.priority_indexes,
            local_wheels=definition.wheel_folders,
            build_from_source=tuple(
                sorted(
                    {*definition.sources}.union(
                        *(self.layers[address].build_from_source for address in order)
                    )
                )
            ),
            declared_sources=definition.sources,
            versioned=definition.versioned,
            console_scripts=definition.console_scripts,
            max_archive_size=_limit(definition.max_archive_size),
            max_unpacked_size=_limit(definition.max_unpacked_size),
            exclude_files=normalised_globs(definition.exclude_files),
            include_scripts=normalised_globs(definition.include_scripts),
            strip_interpreter=(
                base.strip_interpreter if base else tuple(sorted(definition.strip_interpreter))
            ),
            byte_code=INCLUDED if definition.sealed else definition.byte_code,
            sealed=definition.sealed,
        )

    def _libc_problems(
        self, definition: LayerDefinition, order: tuple[str, ...]
    ) -> Iterator[Problem]:
        """A C library that is not the runtime's; each layer may target its own version of it."""
        if definition.linux_target is None or not order:
            return
        runtime = self.layers[order[-1]]
        below, own = runtime.parsed_linux_target, parsed_linux_target(definition.linux_target)
        if own.libc != below.libc:
            yield Problem(
                "linux_target",
                f"is {definition.linux_target!r}, but its runtime {self._called(runtime.address)} "
                f"is for {below.libc}. A process has one C library: write, for example, "
                f"{str(below)!r}, or change that of the runtime.",
            )

    def _called(self, address: str) -> str:
        return self.definitions[address].origin.called

    def _lower_indexes(self, order: tuple[str, ...]) -> list[LowerIndexes]:
        """The indexes of the layers below, in import order.

        The frameworks include those of the runtime, and may have overridden them.
        """
        frameworks = order[:-1] or order
        return [
            LowerIndexes(self._called(address), self.layers[address].package_indexes)
            for address in frameworks
        ]

    def _import_order(
        self, definition: LayerDefinition, lower: list[Layer]
    ) -> tuple[tuple[str, ...], list[Problem]]:
        """The frameworks below in C3 order, then the runtime."""
        runtimes = list(dict.fromkeys(layer.runtime for layer in lower))
        if len(runtimes) > 1:
            first = lower[0]
            return (), [
                Problem(
                    f"frameworks[{i}]",
                    f"names {self._called(layer.address)}, whose runtime is "
                    f"{self._called(layer.runtime)}, but {self._called(first.address)} is on "
                    f"{self._called(first.runtime)}. All frameworks of a layer share one runtime.",
                )
                for i, layer in enumerate(lower)
                if layer.runtime != first.runtime
            ]
        declared = {
            layer.address: [
                address
                for address in lower_addresses(self.definitions[layer.address], self.definitions)
                if address != layer.runtime
            ]
            for layer in self.layers.values()
        }
        declared[definition.address] = [
            layer.address for layer in lower if layer.kind is LayerKind.FRAMEWORK
        ]
        try:
            return (*linearize(definition.address, declared), *runtimes), []
        except InconsistentOrderError as e:
            written = ", ".join(map(self._called, declared[definition.address]))
            contenders = " and ".join(map(self._called, e.contenders))
            text = (
                f"is [{written}], for which there is no consistent import order: "
                f"each of {contenders} has to come before the other. "
                "List a framework before those that it builds on, in the same order everywhere."
            )
            return (), [Problem("frameworks", text)]

    def _platforms(
        self, definition: LayerDefinition, lower: list[Layer]
    ) -> tuple[tuple[TargetPlatform, ...], list[Problem]]:
        """The layer's platforms in the standard order: by default, those of all lower layers."""
        offered = {
            name: platform
            for name, platform in PLATFORMS.items()
            if all(platform in layer.platforms for layer in lower)
        }
        if definition.platforms is None:
            return tuple(offered.values()), []
        problems = []
        for i, name in enumerate(definition.platforms):
            if name not in PLATFORMS:
                text = f"which is not a target platform. {platform_remedy(name)}"
            elif name not in offered:
                without = next(x.address for x in lower if PLATFORMS[name] not in x.platforms)
                text = (
                    f"which {self._called(without)} below does not have. "
                    "A layer can only narrow the platforms of the layers below."
                )
            else:
                continue
            problems.append(Problem(f"platforms[{i}]", f"is {name!r}, {text}"))
        return tuple(p for name, p in offered.items() if name in definition.platforms), problems


def _limit(written: int | str | None) -> int | None:
    return None if written is None else parsed_size(written)


def _clashes(
    definitions: Mapping[str, LayerDefinition], layers: Mapping[str, Layer]
) -> list[LayerProblem]:
    """Layers of one chain, or of one origin, that would be deployed to the same folder.

    Names that differ only by case are one folder on some machines.
    """
    pairs: set[tuple[str, str]] = set()
    beside: dict[tuple[str, str], str] = {}
    for address in sorted(definitions):
        definition = definitions[address]
        name = layer_name(definition.kind, definition.name).casefold()
        other = beside.setdefault((definition.origin.stack, name), address)
        same = (
            definition.packed_layer and definition.packed_layer == definitions[other].packed_layer
        )
        if other != address and not same:
            pairs.add((other, address))
    for address in sorted(layers):
        chain: dict[str, str] = {}
        for member in (address, *layers[address].lower):
            other = chain.setdefault(layers[member].layer_name.casefold(), member)
            if other != member:
                pairs.add((min(other, member), max(other, member)))
    problems = []
    for first, second in sorted(pairs):
        one, other_one = definitions[first], definitions[second]
        text = (
            f"it would be deployed to `{layer_name(one.kind, one.name)}`, as "
            f"{one.origin.place} is. Rename one of them."
        )
        problems.append(LayerProblem(other_one, Problem("", text, concerns=("name",))))
    return problems
