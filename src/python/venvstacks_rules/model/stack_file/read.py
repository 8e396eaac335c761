"""The stack file, ``venvstacks.toml``: its layers as written.

:func:`parse_stack_file` takes the TOML document and reads each key by its type;
:func:`~venvstacks_rules.model.stack_file.checks.stack_file_problems` checks the layers together,
and reports all problems, also those of reading. Nothing here raises for a wrong file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from venvstacks_rules.model.checked import key_part, kind
from venvstacks_rules.model.layers.names import LayerKind, layer_name
from venvstacks_rules.model.layers.problems import Problem, StackOrigin, suggestion
from venvstacks_rules.model.platforms.libc import DEFAULT_LINUX_TARGET
from venvstacks_rules.model.stack_file.tables import LayerTable, uv_table_problems

LISTS = {kind.plural: kind for kind in LayerKind}
"""The arrays of tables of a stack file, in the order in which layers build on each other."""


@dataclass(frozen=True)
class StackLayer:
    """A layer of a stack file, as written, with the file's defaults filled in."""

    key: str
    """Its place in the file: ``frameworks[1]``."""
    kind: LayerKind
    name: str
    requirements: tuple[str, ...]
    linux_target: str
    macosx_target: str
    python_implementation: str | None = None
    """Of a runtime."""
    runtime: str | None = None
    """The name of the runtime below, as written (without the kind)."""
    frameworks: tuple[str, ...] = ()
    """The names of the frameworks below, as written (without the kind)."""
    platforms: tuple[str, ...] | None = None
    """None for those of the layers below; empty for a disabled layer."""
    launch_module: str | None = None
    """Of an application; relative to the file's folder, as written."""
    support_modules: tuple[str, ...] = ()
    """Like `launch_module`, sorted."""
    support_keys: tuple[str, ...] = ()
    """The key of each of `support_modules` in this layer: ``support_modules[1]``."""
    dynlib_exclude: tuple[str, ...] = ()
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Distribution name, as written, and the name of its index."""
    index_overrides: tuple[tuple[str, str], ...] = ()
    """The name of an index of a lower layer, and of the index that replaces it."""
    priority_indexes: tuple[str, ...] = ()
    versioned: bool = False

    @property
    def layer_name(self) -> str:
        """The kind-prefixed name."""
        return layer_name(self.kind, self.name)

    @property
    def references(self) -> tuple[tuple[str, LayerKind, str], ...]:
        """The layers that it names, in order: the key in this layer, the kind and the name."""
        if self.runtime is not None:
            return (("runtime", LayerKind.RUNTIME, self.runtime),)
        return tuple(
            (f"frameworks[{i}]", LayerKind.FRAMEWORK, name)
            for i, name in enumerate(self.frameworks)
        )

    @property
    def lower(self) -> tuple[str, ...]:
        """The layer_names of the layers that it names, in order."""
        return tuple(layer_name(kind, name) for _, kind, name in self.references)

    @property
    def modules(self) -> tuple[str, ...]:
        """The paths of all launch and support modules, as written."""
        launch = () if self.launch_module is None else (self.launch_module,)
        return (*launch, *self.support_modules)


@dataclass(frozen=True)
class StackFile:
    """A stack file, as written."""

    path: str
    """The name of the file in messages."""
    layers: tuple[StackLayer, ...] = ()
    """Runtimes, frameworks, applications, each in the order of the file."""
    uv_config: Mapping[str, object] | None = field(default=None, hash=False)
    """The ``[tool.uv]`` table; None if the file has none."""
    warnings: tuple[str, ...] = ()
    """Complete messages about settings that still work but should change."""
    unreadable: tuple[tuple[str, Problem], ...] = ()
    """The key of a layer (empty for the file itself), and a problem of reading it."""


def parse_stack_file(
    document: Mapping[str, object], path: str, *, default_macosx_target: str
) -> StackFile:
    """Read the parsed TOML `document`; messages name the file `path`.

    The layers lack values that cannot be read: do not use them unless `stack_file_problems` finds
    nothing.
    """
    unreadable = [("", problem) for problem in _top_level_problems(document)]
    warnings = [
        f"{path}: `{key_part(key)}` is not part of a stack file and has no effect. Remove it."
        for key in _unknown(document)
        if _meant(key) is None
    ]
    layers = []
    for table in _layer_tables(document, unreadable):
        layer = _layer(table, default_macosx_target)
        layers.append(layer)
        unreadable += [(layer.key, problem) for problem in table.problems]
        origin = StackOrigin(path, layer.key, layer.layer_name)
        warnings += map(origin.message, table.deprecations)
    tool = document.get("tool")
    uv_config = tool.get("uv") if isinstance(tool, Mapping) else None
    return StackFile(
        path,
        tuple(layers),
        uv_config if isinstance(uv_config, Mapping) else None,
        tuple(warnings),
        tuple(unreadable),
    )


def _unknown(document: Mapping[str, object]) -> Iterator[str]:
    return (key for key in document if key not in LISTS and key != "tool")


def _meant(key: str) -> str | None:
    # Only an almost identical name: a file may have tables of other tools.
    return suggestion(key, LISTS, likeness=0.9)


def _top_level_problems(document: Mapping[str, object]) -> Iterator[Problem]:
    for key in _unknown(document):
        meant = _meant(key)
        if meant is not None:
            text = f"is not part of a stack file. Did you mean `{meant}`?"
            yield Problem(key_part(key), text, concerns=(meant,))
    for key in LISTS:
        value = document.get(key, [])
        if not isinstance(value, list):
            text = f"is {kind(value)}, not an array of tables. Write `[[{key}]]` above each."
            yield Problem(key, text)
    yield from uv_table_problems(document.get("tool", {}))


def _layer_tables(
    document: Mapping[str, object], unreadable: list[tuple[str, Problem]]
) -> Iterator[LayerTable]:
    for name, layer_kind in LISTS.items():
        items = document.get(name, [])
        for i, item in enumerate(items if isinstance(items, list) else []):
            key = f"{name}[{i}]"
            if isinstance(item, Mapping):
                yield LayerTable(key, layer_kind, item)
            else:
                text = f"is {kind(item)}, not a table. Write `[[{name}]]` above each layer."
                unreadable.append(("", Problem(key, text)))


def _layer(table: LayerTable, default_macosx_target: str) -> StackLayer:
    written = table.optional_strings("support_modules")
    order = sorted(range(len(written)), key=lambda i: written[i])
    return StackLayer(
        key=table.key,
        kind=table.kind,
        name=table.string("name") or "",
        python_implementation=table.string("python_implementation"),
        runtime=table.string("runtime"),
        frameworks=table.optional_strings("frameworks"),
        launch_module=table.string("launch_module"),
        support_modules=tuple(written[i] for i in order),
        support_keys=tuple(f"support_modules[{i}]" for i in order),
        requirements=table.optional_strings("requirements"),
        platforms=table.optional_strings("platforms") if "platforms" in table else None,
        linux_target=_or_default(table.string("linux_target"), DEFAULT_LINUX_TARGET),
        macosx_target=_or_default(table.string("macosx_target"), default_macosx_target),
        dynlib_exclude=table.optional_strings("dynlib_exclude"),
        package_indexes=table.optional_pairs("package_indexes"),
        index_overrides=table.optional_pairs("index_overrides"),
        priority_indexes=table.optional_strings("priority_indexes"),
        versioned=table.optional_boolean("versioned"),
    )


def _or_default(value: str | None, default: str) -> str:
    return default if value is None else value
