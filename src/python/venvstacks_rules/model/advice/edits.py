"""The edits that the linter proposes, in the words of the file that defines the layer."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from venvstacks_rules.model.layers.names import LayerKind, layer_name

_WHEELS = "wheels"
# The parameter of a variant that sets several fields.
_GROUP = "parametrize"


@dataclass(frozen=True)
class Definition(ABC):
    """The definition of a layer, where a user edits it."""

    address: str
    kind: LayerKind
    name: str
    """As written, which all variants of the layer share."""
    folder: str
    """That of the file."""
    requirements: tuple[str, ...] = ()
    """As written."""
    frameworks: tuple[str, ...] = ()
    """As written; empty if the layer is built on a runtime."""
    excluded: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The files that are left out by now: globs by the name of a package."""
    local_wheels: tuple[str, ...] = ()
    """As written."""
    variants: str = ""
    """What all variants of the layer share, and no other layer has; empty without variants."""
    variant: str = ""
    """What `parametrize` adds to the name of the layer; may be empty."""
    parameters: tuple[tuple[str, str], ...] = ()
    """The parametrized fields, and the names of their values in this variant."""

    def with_fields(self, **fields: object) -> str:
        """Set fields that every definition has."""
        return self._in_parametrize(fields) or self._with_fields(fields)

    def with_build_fields(self, **fields: object) -> str:
        """Set fields that only targets have."""
        return self._in_parametrize(fields) or self._with_build_fields(fields)

    @abstractmethod
    def _with_fields(self, fields: Mapping[str, object]) -> str: ...

    @abstractmethod
    def _with_build_fields(self, fields: Mapping[str, object]) -> str: ...

    def _in_parametrize(self, fields: Mapping[str, object]) -> str:
        """The edit if it is one of a single variant; otherwise empty."""
        # A field that takes the place of another one is parametrized as that is. A group may have
        # any field, and what it has counts for its variant.
        by = {*fields, _GROUP, *(("runtime",) if "frameworks" in fields else ())}
        names = dict.fromkeys(value for field, value in self.parameters if field in by)
        if not names:
            return ""
        return f"{self.address}: {_arguments(fields)}, in `parametrize`, for {' and '.join(names)}"

    @abstractmethod
    def reference(self, other: Definition) -> str:
        """How this definition names `other`, a layer below it."""

    @abstractmethod
    def as_framework(self, name: str) -> Definition:
        """A new framework in the same file."""

    @abstractmethod
    def added(self, base: Definition, requirements: Iterable[str]) -> str:
        """Write this definition, on `base`, into its file."""

    def requiring(self, packages: Iterable[str]) -> str:
        """Require more packages."""
        return self.with_fields(requirements=[*self.requirements, *packages])

    def on_framework(self, other: Definition) -> str:
        """Build on a framework beside the others."""
        edit = self.with_fields(frameworks=[*self.frameworks, self.reference(other)])
        return edit if self.frameworks else f"{edit}, in place of `runtime`"

    def excluding(self, more: Mapping[str, Iterable[str]]) -> str:
        """Leave out more files: globs by the name of a package."""
        found = {name: list(globs) for name, globs in self.excluded}
        for name, globs in more.items():
            known = found.setdefault(name, [])
            known += [glob for glob in globs if glob not in known]
        return self.with_build_fields(exclude_files=dict(sorted(found.items())))

    def with_wheel_folder(self) -> str:
        """Have a folder for wheels."""
        return self.with_build_fields(local_wheels=list(self.local_wheels) or [_WHEELS])


@dataclass(frozen=True)
class TargetDefinition(Definition):
    """A target of a BUILD file, which may have variants."""

    def _with_fields(self, fields: Mapping[str, object]) -> str:
        return f"{self.variants or self.address}: {_arguments(fields)}"

    def _with_build_fields(self, fields: Mapping[str, object]) -> str:
        return self._with_fields(fields)

    def reference(self, other: Definition) -> str:
        """The address, without the folder if it is the same."""
        folder = f"{self.folder or '//'}:"
        beside = isinstance(other, TargetDefinition) and other.address.startswith(folder)
        # A target with the name of its folder may have no colon.
        return other.address[len(folder) - 1 :] if beside else other.address

    def as_framework(self, name: str) -> Definition:
        """A target of the same BUILD file."""
        return TargetDefinition(
            f"{self.folder or '//'}:{name}", LayerKind.FRAMEWORK, name, self.folder
        )

    def added(self, base: Definition, requirements: Iterable[str]) -> str:
        """As a target."""
        below = json.dumps(self.reference(base))
        on = f"runtime={below}" if base.kind is LayerKind.RUNTIME else f"frameworks=[{below}]"
        return (
            f"{self.folder or '//'}: venvstacks_framework(name={json.dumps(self.name)}, {on}, "
            f"requirements={json.dumps(list(requirements))})"
        )


@dataclass(frozen=True)
class StackFileDefinition(Definition):
    """A layer of a stack file."""

    file: str = ""
    generator: str = ""
    """The address of the target that generates the layers."""

    @property
    def _called(self) -> str:
        return layer_name(self.kind, self.name)

    def _with_fields(self, fields: Mapping[str, object]) -> str:
        # Keys of the layer's table.
        return f"{self.file}: `{self._called}`: {_toml(fields)}"

    def _with_build_fields(self, fields: Mapping[str, object]) -> str:
        return f"{self.generator}: overrides={json.dumps({self._called: fields})}"

    def reference(self, other: Definition) -> str:
        """The name."""
        return other.name

    def as_framework(self, name: str) -> Definition:
        """A layer of the same file."""
        address = f"{self.generator}#{layer_name(LayerKind.FRAMEWORK, name)}"
        blank = StackFileDefinition(address, LayerKind.FRAMEWORK, name, self.folder)
        return replace(blank, file=self.file, generator=self.generator)

    def added(self, base: Definition, requirements: Iterable[str]) -> str:
        """As a table, which has to stand above those of all layers that are built on it."""
        on_runtime = base.kind is LayerKind.RUNTIME
        fields = {
            "name": self.name,
            "runtime" if on_runtime else "frameworks": base.name if on_runtime else [base.name],
            "requirements": list(requirements),
        }
        return f"{self.file}: a first table [[frameworks]]: {_toml(fields)}"


def _arguments(fields: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())


def _toml(fields: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in fields.items())
