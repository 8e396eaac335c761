"""``tailor``: a ``venvstacks_application`` for each entry point that has none, if asked for."""

from __future__ import annotations

import logging
import os.path
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass

from pants.backend.python.target_types import PythonSourceField
from pants.core.goals.tailor import PutativeTarget, PutativeTargets, PutativeTargetsRequest
from pants.engine.target import Target
from pants.engine.unions import UnionRule

from venvstacks_rules.model.layers.launch_names import LaunchName, launch_name
from venvstacks_rules.model.layers.modules import module_place
from venvstacks_rules.model.layers.names import LayerKind, name_problem
from venvstacks_rules.model.platforms.standard_library import standard_library
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.output_folders import EveryTargetRequest, every_target
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.definitions import module_paths
from venvstacks_rules.pants_backend.graph.references import layer_references, spec_in
from venvstacks_rules.pants_backend.graph.repository_modules import (
    NamedModuleRequest,
    named_module_files,
)
from venvstacks_rules.pants_backend.graph.variants import TargetsByName
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import (
    FrameworksField,
    RuntimeField,
    VenvstacksApplication,
)
from venvstacks_rules.pants_backend.targets.source_fields import (
    LaunchModuleField,
    LayerSourcesField,
    is_layer,
)

logger = logging.getLogger(__name__)

_MAIN = "__main__.py"


@dataclass(frozen=True, order=True)
class _EntryPoint:
    """Something to start."""

    place: str
    """A file, or the folder of a ``__main__.py``."""
    function: str = ""
    """What to call in it, if it is not to be run."""


@dataclass(frozen=True)
class PutativeApplicationsRequest(PutativeTargetsRequest):
    """Entry points in some folders."""


@rule(desc="Find entry points without an application")
async def find_putative_applications(
    request: PutativeApplicationsRequest, options: VenvstacksSubsystem
) -> PutativeTargets:
    if not options.tailor_applications:
        return PutativeTargets()
    everything = await every_target(EveryTargetRequest(), **implicitly())
    mains = await engine.path_globs_to_paths(request.path_globs(_MAIN))
    targets = everything.targets
    binaries = tuple(_pex_entry_points(targets))
    started = await concurrently(
        named_module_files(NamedModuleRequest(name, folder), **implicitly())
        for folder, name in binaries
        if isinstance(name, LaunchName)
    )
    entries = {
        *(_EntryPoint(_launched(file)) for file in mains.files),
        *(_EntryPoint(*name) for _, name in binaries if not isinstance(name, LaunchName)),
        *(
            _EntryPoint(_launched(file), name.function or "")
            for name, found in zip(
                (name for _, name in binaries if isinstance(name, LaunchName)), started
            )
            for file in found.files[:1]
        ),
    }
    roots = [root.path for root in await engine.all_source_roots()]
    code = frozenset(
        target[PythonSourceField].file_path
        for target in targets
        if target.has_field(PythonSourceField)
    )
    taken = _modules_of_applications(targets)
    # One application for each place; people who start it in several ways see how that is done.
    first = {entry.place: entry for entry in sorted(entries, reverse=True)}
    return PutativeTargets(
        proposed
        for entry in sorted(first.values())
        # The folder above a package may have no files of its own, and is no folder to search then.
        if _searched(entry.place) in request.dirs and _can_be_launched(entry.place)
        if not any(_is_part(entry.place, other) for other in taken)
        for written in [_written(entry, roots, code)]
        if written is not None
        for proposed in _application(entry.place, written, targets)
    )


def _pex_entry_points(
    targets: Iterable[Target],
) -> Iterator[tuple[str, LaunchName | tuple[str, str]]]:
    """What `pex_binary` targets start, with their folders: a module, or a file and a function."""
    # By their names, because the Python backend of Pants may not be there.
    found = (
        (target.address.spec_path, field.value)
        for target in targets
        if target.alias == "pex_binary"
        for field in target.field_values.values()
        if field.alias == "entry_point" and field.value is not None
    )
    for folder, value in found:
        if value.module.endswith(".py"):
            yield folder, (os.path.join(folder, value.module), value.function or "")
        else:
            yield folder, LaunchName(value.module, value.function)


def _written(entry: _EntryPoint, roots: Iterable[str], code: Container[str]) -> str | None:
    """What `launch_module` has; None if that cannot be said.

    Code of a package is named as it is imported, if a target owns it: as a file, it would lie in
    the layer without the folders of its package.
    """
    place, function = entry.place, entry.function
    root = max((r for r in roots if r == "." or place.startswith(f"{r}/")), key=len, default=None)
    if root is not None and (place in code or f"{place}/{_MAIN}" in code):
        name = place if root == "." else place[len(root) + 1 :]
        module = name.removesuffix(".py").replace("/", ".")
        written = f"{module}:{function}" if function else module
        named = launch_name(written)
        if named is not None and named.problem is None:
            return written
    return None if function else os.path.basename(place)


def _launched(file: str) -> str:
    """What `launch_module` names to start a file: the package of a ``__main__.py``."""
    return os.path.dirname(file) if os.path.basename(file) == _MAIN else file


def _searched(place: str) -> str:
    """The folder of the file that is started."""
    return os.path.dirname(place) if place.endswith(".py") else place


def _can_be_launched(place: str) -> bool:
    name = _module_name(place)
    if not name or "." in name or name_problem(LayerKind.APPLICATION, name):
        return False
    return name not in standard_library("3.14")


def _module_name(place: str) -> str:
    name = os.path.basename(place)
    return name.removesuffix(".py")


def _modules_of_applications(targets: Iterable[Target]) -> frozenset[LaunchName | str]:
    """The places of modules, and the names of those that a launch module imports."""
    found = {
        launch_name(path) or module_place(target.address.spec_path, path)
        for target in targets
        if is_layer(target)
        for path in module_paths(target)
    }
    return frozenset(module for module in found if module)


def _is_part(place: str, module: LaunchName | str) -> bool:
    """Whether an application that has `module` starts what lies at `place`, or has it."""
    if isinstance(module, str):
        return place == module or place.startswith(f"{module}/")
    # Wherever the source root is.
    imported = module.module.replace(".", "/")
    return f"/{place}".endswith((f"/{imported}.py", f"/{imported}"))


def _application(place: str, written: str, targets: Collection[Target]) -> Iterator[PutativeTarget]:
    """The application for a module, unless it would break layers that there are."""
    folder = os.path.dirname(place)
    layers = [target for target in targets if is_layer(target)]
    beside = [target for target in layers if target.address.spec_path == folder]
    lower = _highest(beside) or _highest(layers)
    kwargs: dict[str, str | tuple[str, ...]] = {LaunchModuleField.alias: written}
    comments: tuple[str, ...] = ()
    if len(lower) == 1:
        kwargs.update(_built_on(lower[0], folder))
    elif beside:
        # Layers of a folder are built only if all its definitions are complete.
        logger.info(
            "No application is proposed for %s: it could be built on %s. Add a "
            "`venvstacks_application` that names one of them.",
            place,
            ", ".join(target.address.spec for target in lower) or "no layer",
        )
        return
    else:
        choice = ", ".join(target.address.spec for target in lower) or "there are none yet"
        comments = (f"# Set `runtime` or `frameworks` to what it is built on: {choice}.",)
    names = {target.address.target_name for target in targets if target.address.spec_path == folder}
    name = _module_name(place)
    yield PutativeTarget.for_target_type(
        VenvstacksApplication,
        path=folder,
        name=f"{name}-app" if name in names else name,
        triggering_sources=(),
        kwargs=kwargs,
        comments=comments,
    )


def _highest(layers: Iterable[Target]) -> list[Target]:
    """The runtimes and frameworks that are below none of the others."""
    found = [
        layer
        for layer in layers
        if layer.get(LayerSourcesField).layer_kind is not LayerKind.APPLICATION
    ]
    named = TargetsByName.of(found)
    below = {
        address
        for layer in found
        for reference in layer_references(layer)
        for address in named.meant(reference.address, layer.address, layer)
    }
    return [layer for layer in found if layer.address not in below]


def _built_on(layer: Target, folder: str) -> dict[str, str | tuple[str, ...]]:
    spec = spec_in(folder, layer.address)
    if layer.get(LayerSourcesField).layer_kind is LayerKind.RUNTIME:
        return {RuntimeField.alias: spec}
    return {FrameworksField.alias: (spec,)}


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(PutativeTargetsRequest, PutativeApplicationsRequest)]
