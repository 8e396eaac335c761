"""``tailor``: a ``venvstacks_application`` for each entry point that has none, if asked for."""

from __future__ import annotations

import logging
import os.path
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pants.backend.python.target_types import PythonSourceField
from pants.core.goals.tailor import PutativeTarget, PutativeTargets, PutativeTargetsRequest
from pants.engine.internals.session import RunId
from pants.engine.target import Dependencies, Target
from pants.engine.unions import UnionRule

from venvstacks_rules.model.layers.launch_names import LaunchName, launch_name
from venvstacks_rules.model.layers.modules import module_place
from venvstacks_rules.model.layers.names import LayerKind, name_problem
from venvstacks_rules.model.platforms.standard_library import standard_library
from venvstacks_rules.model.wording import quoted
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
    ConsoleScriptsField,
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
# What a `pex_binary` starts its program with.
_LEFT_OUT = ("args", "env")


@dataclass(frozen=True, order=True)
class _EntryPoint:
    """Something to start."""

    place: str
    """A file, or the folder of a ``__main__.py``."""
    function: str = ""
    """What to call in it, if it is not to be run."""


@dataclass(frozen=True)
class _Binary:
    """A `pex_binary`."""

    spec: str
    folder: str
    starts: LaunchName | tuple[str, str] | None
    """A module, or a file and a function; None if it starts a command of a package."""
    command: str
    """As written."""
    dependencies: tuple[str, ...]
    left_out: tuple[str, ...]
    """The names of fields that it has and an application cannot have."""

    def dependencies_in(self, folder: str) -> Iterator[str]:
        """Its dependencies as a BUILD file of `folder` has them."""
        for written in self.dependencies:
            address = written.lstrip("!")
            excluded = written[: len(written) - len(address)]
            if folder == self.folder or not address.startswith((":", "./")):
                yield written
            elif address.startswith(":"):
                yield f"{excluded}{self.folder or '//'}{address}"
            else:
                yield f"{excluded}{self.folder or '/'}/{address[2:]}"


@dataclass(frozen=True)
class PutativeApplicationsRequest(PutativeTargetsRequest):
    """Entry points in some folders."""


# It runs in every run, because `RunId` changes, so that it says every time what is not proposed.
@rule(desc="Find entry points without an application")
async def find_putative_applications(
    request: PutativeApplicationsRequest, options: VenvstacksSubsystem, _: RunId
) -> PutativeTargets:
    if not options.tailor_applications:
        return PutativeTargets()
    everything = await every_target(EveryTargetRequest(), **implicitly())
    mains = await engine.path_globs_to_paths(request.path_globs(_MAIN))
    targets = everything.targets
    binaries = tuple(_pex_binaries(targets))
    named = [
        (binary, binary.starts) for binary in binaries if isinstance(binary.starts, LaunchName)
    ]
    started = await concurrently(
        named_module_files(NamedModuleRequest(name, binary.folder), **implicitly())
        for binary, name in named
    )
    entries: dict[_EntryPoint, list[_Binary]] = {
        _EntryPoint(_launched(file)): [] for file in mains.files
    }
    for binary in binaries:
        if isinstance(binary.starts, tuple):
            entries.setdefault(_EntryPoint(*binary.starts), []).append(binary)
    for (binary, name), found in zip(named, started):
        for file in found.files[:1]:
            entry = _EntryPoint(_launched(file), name.function or "")
            entries.setdefault(entry, []).append(binary)
    meant = {binary for of_entry in entries.values() for binary in of_entry}
    _tell_of_foreign((b for b in binaries if b not in meant), targets, request.dirs)
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
        for proposed in _application(entry.place, written, targets, entries[entry])
    )


def _pex_binaries(targets: Iterable[Target]) -> Iterator[_Binary]:
    """All `pex_binary` targets that start something."""
    # By their names, because the Python backend of Pants may not be there.
    for target in targets:
        if target.alias != "pex_binary":
            continue
        values = {field.alias: field.value for field in target.field_values.values()}
        folder, entry = target.address.spec_path, values.get("entry_point")
        started = entry or values.get("script")
        starts: LaunchName | tuple[str, str] | None = None
        if entry is not None:
            starts = LaunchName(entry.module, entry.function)
            if entry.module.endswith(".py"):
                starts = os.path.join(folder, entry.module), entry.function or ""
        if started is not None:
            yield _Binary(
                target.address.spec,
                folder,
                starts,
                started.spec,
                tuple(values.get("dependencies") or ()),
                tuple(name for name in _LEFT_OUT if values.get(name)),
            )


def _tell_of_foreign(
    binaries: Iterable[_Binary], targets: Iterable[Target], folders: Container[str]
) -> None:
    """Log which binaries start code of packages, for which there can be no application."""
    commands = {
        name
        for target in targets
        if is_layer(target)
        for name in target.get(ConsoleScriptsField).value or ()
    }
    for binary in binaries:
        if binary.folder in folders and binary.command not in commands:
            logger.info(
                "No application is proposed for %s: it starts `%s`, which is no code of the "
                "repository. Name a command of a package in `console_scripts` of a layer, or write "
                "a module that calls it, for an application to launch.",
                binary.spec,
                binary.command,
            )


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


def _application(
    place: str, written: str, targets: Collection[Target], binaries: Sequence[_Binary]
) -> Iterator[PutativeTarget]:
    """The application for a module, unless it would break layers that there are.

    It has what the `binaries` that start the module have.
    """
    folder = os.path.dirname(place)
    layers = [target for target in targets if is_layer(target)]
    beside = [target for target in layers if target.address.spec_path == folder]
    lower = _highest(beside) or _highest(layers)
    kwargs: dict[str, str | tuple[str, ...]] = {}
    dependencies = dict.fromkeys(text for each in binaries for text in each.dependencies_in(folder))
    if dependencies:
        kwargs[Dependencies.alias] = tuple(dependencies)
    kwargs[LaunchModuleField.alias] = written
    comments = tuple(
        f"# {each.spec} also has {quoted(each.left_out)}, which an application cannot have."
        for each in binaries
        if each.left_out
    )
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
        comments += (f"# Set `runtime` or `frameworks` to what it is built on: {choice}.",)
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
