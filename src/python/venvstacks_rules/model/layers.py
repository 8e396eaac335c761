"""Layers: from what a user wrote down to what can be built.

:func:`resolve_layers` checks a set of definitions together and gives a :class:`Layer` for each that
is sound, and one sentence for each problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from venvstacks_rules.model.layer_definitions import (
    LayerDefinition,
    ModuleDefinition,
    field_problems,
)
from venvstacks_rules.model.linearize import InconsistentOrderError, linearize
from venvstacks_rules.model.names import LayerKind, layer_name
from venvstacks_rules.model.platforms import (
    DEFAULT_LINUX_TARGET,
    DEFAULT_MACOSX_TARGET,
    PLATFORMS,
    TargetPlatform,
)


@dataclass(frozen=True)
class Layer:
    """A layer that can be locked and built."""

    address: str
    kind: LayerKind
    name: str
    requirements: tuple[str, ...]
    python_version: str
    """``X.Y.Z``, or ``X.Y`` where the runtime leaves the patch release open."""
    platforms: tuple[TargetPlatform, ...]
    linux_target: str
    macosx_target: str
    lower: tuple[str, ...]
    """The addresses of all layers below, in import order; the runtime's is the last."""
    launch_module: ModuleDefinition | None
    support_modules: tuple[ModuleDefinition, ...]
    dynlib_exclude: tuple[str, ...]
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Normalised distribution name and index name, sorted; those of the layers below included."""
    priority_indexes: tuple[str, ...] = ()
    local_wheels: tuple[str, ...] = ()
    """Folders with wheels, relative to the folder of the definition."""
    versioned: bool = False

    @property
    def layer_name(self) -> str:
        """The kind-prefixed name."""
        return layer_name(self.kind, self.name)

    def install_target(self, lock_version: int) -> str:
        """The folder that the layer is deployed to."""
        return f"{self.layer_name}@{lock_version}" if self.versioned else self.layer_name

    @property
    def runtime(self) -> str:
        """The address of the runtime, the layer's own where it is one."""
        return self.lower[-1] if self.lower else self.address

    @property
    def python_implementation(self) -> str:
        """As declared by the runtime: ``cpython@X.Y[.Z]``."""
        return f"cpython@{self.python_version}"


def resolve_layers(
    definitions: Iterable[LayerDefinition], *, patch_release_needed: bool
) -> tuple[dict[str, Layer], tuple[str, ...]]:
    """Check `definitions` together: all sound layers by address, and every problem found.

    A definition names others by address; those that are not among `definitions` count as not
    being layers. `patch_release_needed` is whether ``cpython@X.Y`` is too vague for the
    interpreter provider. A layer above a broken one is left out without a problem of its own.
    """
    by_address = {definition.address: definition for definition in definitions}
    resolver = _Resolver(by_address, patch_release_needed)
    for address in sorted(by_address):
        resolver.resolve(address)
    return resolver.layers, (*resolver.problems, *_clashes(resolver.layers))


class _Resolver:
    """Resolves each definition once, lower layers first."""

    def __init__(
        self, definitions: Mapping[str, LayerDefinition], patch_release_needed: bool
    ) -> None:
        self.definitions = definitions
        self.patch_release_needed = patch_release_needed
        self.layers: dict[str, Layer] = {}
        self.problems: list[str] = []
        self._done: set[str] = set()
        self._path: list[str] = []

    def resolve(self, address: str) -> Layer | None:
        if address in self._path:
            cycle = [*self._path[self._path.index(address) :], address]
            self.problems.append(
                f"{address}: the layers depend on each other in a cycle: {' -> '.join(cycle)}. "
                "Remove one of these from `frameworks`."
            )
            return None
        if address not in self._done:
            self._path.append(address)
            layer = self._resolve(self.definitions[address])
            self._path.pop()
            self._done.add(address)
            if layer is not None:
                self.layers[address] = layer
        return self.layers.get(address)

    def _resolve(self, definition: LayerDefinition) -> Layer | None:
        problems = [
            *field_problems(definition, patch_release_needed=self.patch_release_needed),
            *self._reference_problems(definition),
        ]
        sound = [self.resolve(address) for address in self._lower_addresses(definition)]
        lower = [layer for layer in sound if layer is not None]
        whole = not problems and len(lower) == len(sound)
        order: tuple[str, ...] = ()
        if whole:
            order, order_problems = self._import_order(definition, lower)
            problems += order_problems
        platforms, platform_problems = _platforms(definition, lower)
        problems += platform_problems
        self.problems += [f"{definition.address}: {problem}" for problem in problems]
        if problems or not whole:
            return None
        base = lower[-1] if lower else None
        return Layer(
            address=definition.address,
            kind=definition.kind,
            name=definition.name,
            requirements=definition.requirements,
            python_version=(
                base.python_version if base else (definition.python_implementation or "")[8:]
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
            package_indexes=definition.package_indexes,
            priority_indexes=definition.priority_indexes,
            local_wheels=definition.local_wheels,
            versioned=definition.versioned,
        )

    def _lower_addresses(self, definition: LayerDefinition) -> list[str]:
        references = [*definition.frameworks]
        if definition.runtime is not None:
            references.append(definition.runtime)
        return [
            reference.address
            for reference in references
            if reference.address is not None and reference.address in self.definitions
        ]

    def _reference_problems(self, definition: LayerDefinition) -> list[str]:
        if definition.kind is LayerKind.RUNTIME:
            return []
        if (definition.runtime is None) == (not definition.frameworks):
            state = "both are" if definition.runtime else "neither is"
            problem = (
                f"of `runtime` and `frameworks`, {state} set. Set `runtime` for a layer directly "
                "on a runtime, or `frameworks` for a layer on frameworks."
            )
            return [problem]
        problems = []
        wanted = LayerKind.RUNTIME if definition.runtime else LayerKind.FRAMEWORK
        field = "runtime" if definition.runtime else "frameworks"
        seen: set[str] = set()
        for reference in (definition.runtime,) if definition.runtime else definition.frameworks:
            target = self.definitions.get(reference.address or "")
            if reference.address is None:
                what = "there is no such target"
            elif target is None:
                what = f"{reference.address} is not a layer"
            elif target.kind is not wanted:
                kind = f"{target.kind.article} {target.kind.value}"
                what = f"{reference.address} is {kind}, not a {wanted.value}"
            elif reference.address in seen:
                problems.append(f"`{field}` lists {reference.written!r} twice. Remove one of them.")
                continue
            else:
                seen.add(reference.address)
                continue
            problems.append(
                f"`{field}` names {reference.written!r}, but {what}. "
                f"Name a `venvstacks_{wanted.value}` target."
            )
        return problems

    def _import_order(
        self, definition: LayerDefinition, lower: list[Layer]
    ) -> tuple[tuple[str, ...], list[str]]:
        """The frameworks below in C3 order, then the runtime."""
        runtimes = list(dict.fromkeys(layer.runtime for layer in lower))
        if len(runtimes) > 1:
            first = lower[0]
            others = [layer for layer in lower if layer.runtime != first.runtime]
            return (), [
                f"`frameworks` names {layer.address}, whose runtime is {layer.runtime}, but "
                f"{first.address} is on {first.runtime}. All frameworks of a layer share one "
                "runtime."
                for layer in others
            ]
        declared = {
            layer.address: [
                address
                for address in self._lower_addresses(self.definitions[layer.address])
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
            written = ", ".join(declared[definition.address])
            problem = (
                f"`frameworks` is [{written}], for which there is no consistent import order: "
                f"each of {' and '.join(e.contenders)} has to come before the other. "
                "List a framework before those that it builds on, in the same order everywhere."
            )
            return (), [problem]


def _platforms(
    definition: LayerDefinition, lower: list[Layer]
) -> tuple[tuple[TargetPlatform, ...], list[str]]:
    """The layer's platforms in the standard order: its own, or those of all lower layers."""
    offered = {
        name: platform
        for name, platform in PLATFORMS.items()
        if all(platform in layer.platforms for layer in lower)
    }
    if definition.platforms is None:
        return tuple(offered.values()), []
    problems = []
    for name in definition.platforms:
        if name not in PLATFORMS:
            problems.append(
                f"`platforms` has {name!r}, which is not a target platform. "
                f"Choose from {', '.join(PLATFORMS)}."
            )
        elif name not in offered:
            without = next(x.address for x in lower if PLATFORMS[name] not in x.platforms)
            problems.append(
                f"`platforms` has {name!r}, which {without} below does not have. "
                "A layer can only narrow the platforms of the layers that it is on."
            )
    return tuple(p for name, p in offered.items() if name in definition.platforms), problems


def _clashes(layers: Mapping[str, Layer]) -> list[str]:
    """Layers of one stack, or of one folder, that would be deployed to the same folder.

    Case does not tell folders apart on every machine that layers are deployed to.
    """
    pairs: set[tuple[str, str]] = set()
    folders: dict[tuple[str, str], str] = {}
    for address in sorted(layers):
        layer = layers[address]
        stack: dict[str, str] = {}
        for member in (address, *layer.lower):
            other = stack.setdefault(layers[member].layer_name.casefold(), member)
            if other != member:
                pairs.add((min(other, member), max(other, member)))
        folder = address.split(":")[0].split("#")[0]
        other = folders.setdefault((folder, layer.layer_name.casefold()), address)
        if other != address:
            pairs.add((other, address))
    return [
        f"{second}: it would be deployed to `{layers[first].layer_name}`, as {first} is. "
        "Rename one of them."
        for first, second in sorted(pairs)
    ]
