"""The fields that say which files of the repository belong to a layer.

In Pants, a target owns files by one field only. For a target in a BUILD file, this field cannot see
the others, so it covers only some of the files; for a generated target, the generator fills it with
all files.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from typing import Any, ClassVar, Optional
from urllib.parse import quote, unquote

from pants.engine.addresses import Address
from pants.engine.fs import PathGlobs
from pants.engine.target import (
    Field,
    InvalidFieldException,
    SourcesField,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import softwrap

from venvstacks_rules.model.layers.client import CLIENT_MODULE
from venvstacks_rules.model.layers.launch_names import launch_name
from venvstacks_rules.model.layers.modules import module_globs, module_place
from venvstacks_rules.model.layers.names import LayerKind, layer_name, lockfile_path
from venvstacks_rules.model.layers.variants import (
    PACKING_PARAMETERS,
    archive_variant,
    name_of_variant,
)


def generated_address(generator: Address, layer: str) -> Address:
    """The address of the target that `generator` makes for the layer with the layer_name `layer`.

    A character that Pants does not allow there, such as ``@``, is written as ``%40``.
    """
    return generator.create_generated(quote(layer, safe=""))


def without_parameters(address: Address) -> Address:
    """The address that all variants of a target share."""
    return Address(
        address.spec_path, target_name=address.target_name, generated_name=address.generated_name
    )


def without_packing(address: Address) -> Address:
    """The address that all archives of one layer share."""
    return without_parameters(address).parametrize(
        {
            name: value
            for name, value in address.parameters.items()
            if name not in PACKING_PARAMETERS
        }
    )


class PackagedField(Field):
    """That of a target that ``package`` makes something of."""


class StackPartField(PackagedField):
    """That of a layer, or of a stack or a release, which stand for their layers.

    For goals that take the targets of all of them.
    """


class LayerSourcesField(SourcesField, StackPartField):
    """The files that a layer owns, for ``--changed-since``."""

    uses_source_roots = False
    layer_kind: ClassVar[LayerKind]

    @property
    def layer_name(self) -> str:
        """The kind-prefixed name of the layer."""
        own = layer_name(self.layer_kind, self.written_name)
        return name_of_variant(own, self.address.parameters)

    @property
    def written_name(self) -> str:
        """The layer's own name as its definition has it, which all variants share."""
        generated = self.address.generated_name
        if generated is None:
            return self.address.target_name
        return unquote(generated)[len(self.layer_kind.prefix) :]

    @property
    def layer_base_name(self) -> str:
        """The layer's own name."""
        return self.layer_name[len(self.layer_kind.prefix) :]

    @property
    def variant(self) -> str:
        """What `parametrize` adds to the layer's name; may be empty."""
        return name_of_variant("", self.address.parameters)[1:]

    @property
    def packed_layer(self) -> str:
        """Equal for variants that are one layer in several archives; empty for other layers."""
        if not archive_variant(self.address.parameters):
            return ""
        return f"{self.address.maybe_convert_to_target_generator()} {self.layer_name}"

    @property
    def lockfile(self) -> str:
        """The path of the ``pylock`` file, relative to the BUILD file."""
        return str(lockfile_path(self.layer_name))

    @property
    def lockfile_path(self) -> str:
        """The path of the ``pylock`` file, relative to the build root."""
        return os.path.join(self.address.spec_path, self.lockfile)

    @property
    def globs(self) -> tuple[str, ...]:
        """The raw globs, relative to the BUILD file."""
        return (self.lockfile,)

    # Its type is in another module since Pants 2.29.
    def path_globs(self, unmatched_build_file_globs: Any) -> PathGlobs:  # type: ignore[misc]
        """The globs, of which any may have no file: nobody wrote them.

        Pants has this for the targets of its own lockfiles. Who lacks a lockfile or a module says
        so, and what to do.
        """
        return super().path_globs(unmatched_build_file_globs.ignore())


def is_layer(target: Target) -> bool:
    """Whether a target is a layer."""
    return target.has_field(LayerSourcesField)


class LockfileField(LayerSourcesField):
    """The files of a runtime or framework layer: its lockfile."""

    alias = "lockfile"
    help = softwrap(
        """
        Do not set this field: the layer's lockfile is always
        `requirements/<layer_name>/pylock.<layer_name>.toml`, beside the BUILD file.
        """
    )

    @classmethod
    def compute_value(cls, raw_value: Optional[str], address: Address) -> None:
        """Refuse any value: the place of a lockfile is part of the format."""
        value = super().compute_value(raw_value, address)
        if value is not None:
            raise InvalidFieldException(
                f"The `lockfile` field in target {address} cannot be set: the lockfile of a layer "
                "has a fixed place. Remove the field."
            )


class RuntimeLockfileField(LockfileField):
    """The files of a runtime layer."""

    layer_kind = LayerKind.RUNTIME


class FrameworkLockfileField(LockfileField):
    """The files of a framework layer."""

    layer_kind = LayerKind.FRAMEWORK


class ApplicationsField(Field):
    """That of an application, or of a stack, which stands for its applications.

    For goals that take the targets of both.
    """


class LaunchModuleField(StringField, ApplicationsField):
    """The module that an application is started with."""

    alias = "launch_module"
    required = True
    value: str
    help = softwrap(
        """
        The module to start the application with: a `.py` file, or a package directory with a
        `__main__.py`, relative to the BUILD file. It may lie elsewhere in the repository:
        `../shared/tool.py`. It is copied into the layer's site-packages, without its folders, and
        run as `python -m`. Or the name of a module of first-party code, as it is imported:
        `acme.server` is run as `python -m`; for `acme.server:main`, the function is called.
        """
    )


class OwnedLaunchModuleField(LayerSourcesField, LaunchModuleField):
    """The launch module of an application in a BUILD file, which owns it and its lockfile."""

    value: str
    layer_kind = LayerKind.APPLICATION

    @property
    def globs(self) -> tuple[str, ...]:
        """The lockfile, and a module that is a path, unless it lies outside of the folder."""
        paths = [] if launch_name(self.value) else [self.value]
        return (self.lockfile, *owned_module_globs(paths))


def owned_module_globs(paths: Iterable[str]) -> tuple[str, ...]:
    """The globs of the modules below the BUILD file's folder; a target cannot own any others."""
    places = [module_place("", path) for path in paths]
    return tuple(glob for place in places if place for glob in module_globs(place))


class ClientModuleField(LayerSourcesField, LaunchModuleField):
    """The launch module of a layer with the client, which owns nothing but its lockfile."""

    required = False
    value: str
    layer_kind = LayerKind.APPLICATION
    help = softwrap(
        f"""
        Do not set this field: the layer is started with `{CLIENT_MODULE}`, which the plugin has.
        """
    )

    @classmethod
    def compute_value(cls, raw_value: Optional[str], address: Address) -> str:
        """Refuse any value: there is one client."""
        if raw_value is not None:
            raise InvalidFieldException(
                f"The `launch_module` field in target {address} cannot be set: the layer is "
                f"started with `{CLIENT_MODULE}`. Remove the field, or define a "
                "`venvstacks_application`."
            )
        return CLIENT_MODULE


def is_client(target: Target) -> bool:
    """Whether a layer has the client, whose sources come from the plugin."""
    return target.has_field(ClientModuleField)


class SupportModulesField(StringSequenceField):
    """Further modules of an application."""

    alias = "support_modules"
    default = ()
    help = softwrap(
        """
        Further `.py` files or package directories, relative to the BUILD file, that the launch
        module imports. They may lie elsewhere in the repository: `../shared/tool.py`. They are
        copied into the layer's site-packages as well.
        """
    )


class LayerFilesField(LayerSourcesField):
    """All files of a generated layer."""

    alias = "files"
    value: tuple[str, ...]
    help = softwrap(
        """
        The files of the layer: the stack file, the lockfile, and the modules of an application.
        """
    )

    @classmethod
    def compute_value(cls, raw_value: Optional[Iterable[str]], address: Address) -> tuple[str, ...]:
        """The globs, relative to the BUILD file."""
        return tuple(super().compute_value(raw_value, address) or ())

    @property
    def globs(self) -> tuple[str, ...]:
        """The lockfile, and the globs from the generator."""
        return (self.lockfile, *self.value)


class RuntimeFilesField(LayerFilesField):
    """All files of a generated runtime layer."""

    layer_kind = LayerKind.RUNTIME


class FrameworkFilesField(LayerFilesField):
    """All files of a generated framework layer."""

    layer_kind = LayerKind.FRAMEWORK


class ApplicationFilesField(LayerFilesField):
    """All files of a generated application layer."""

    layer_kind = LayerKind.APPLICATION
